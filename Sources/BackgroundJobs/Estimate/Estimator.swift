import CPosix

/// Speed from progress, in an exponential histogram (Datar, Gionis, Indyk and Motwani, 2002):
/// buckets of 1, 1, 2, 4 … events, at most four of a size, so that the recent past is seen finely
/// and all of it fits into some two hundred numbers.
struct Estimator: Equatable {
  /// Progress closer together than this is taken as one event, in milliseconds.
  static let resolution: Int64 = 250
  static let mostBuckets = 40
  private static let perSize = 4
  /// An event this many standard deviations off is odd, if it is also four times off.
  private static let oddness = 6.0
  private static let leastOddness = 1.386
  /// What follows within this part of a usual gap belongs to the same event.
  private static let bunch = 0.1
  private static let memory = 0.98
  private static let noiseMemory = 100.0

  /// Newest first.
  var buckets: [Bucket] = []
  /// Progress and active milliseconds up to which everything has been taken.
  private(set) var items: Int64 = 0
  private(set) var active: Int64 = 0
  /// An owner has just started: what it says first is where it stands, and not speed.
  var isFresh = false
  /// When that was, in active milliseconds.
  var since: Int64 = 0
  /// Variance of an event's ln(seconds / item), and how many it was learnt from.
  var noise = 0.0
  var noiseCount = 0.0
  /// Decaying sums of the events' seconds and of their squares.
  var gaps = 0.0
  var gapSquares = 0.0
  /// An event that was odd: the next one tells whether that was an accident or a new regime.
  var held: Bucket?
  var stalls = Outliers()
  var bulk = Outliers()

  init() {}

  /// As a new one is.
  var isUnused: Bool {
    items == 0 && active == 0 && !isFresh && since == 0 && buckets.isEmpty && held == nil
      && noise == 0 && noiseCount == 0 && gaps == 0 && gapSquares == 0
      && stalls == Outliers() && bulk == Outliers()
  }

  init(items: Int64, active: Int64) {
    self.items = items
    self.active = active
  }

  /// Takes note of progress that was not work: what is restored or set back is no speed.
  mutating func skip(to items: Int64, active: Int64) {
    self.items = items
    self.active = active
  }

  /// An owner starts, with so much done.
  mutating func begin(items: Int64, active: Int64) {
    skip(to: items, active: active)
    (isFresh, since) = (true, active)
  }

  @inline(__always)
  func isDue(active now: Int64) -> Bool { now &- active >= Self.resolution }

  mutating func feed(items now: Int64, active time: Int64) {
    let (done, overflow) = now.subtractingReportingOverflow(items)
    let (elapsed, _) = time.subtractingReportingOverflow(active)
    guard !overflow, done >= 0 else { return skip(to: now, active: time) }
    guard done > 0, elapsed > 0 else { return }
    items = now
    active = time
    isFresh = false
    take(Bucket(items: Double(done), seconds: Double(elapsed) / 1000))
  }

  /// Standard deviation of an event's level; careful while little is known.
  var deviation: Double { ((noise * noiseCount + 0.24) / (noiseCount + 2)).squareRoot() }

  private mutating func take(_ event: Bucket) {
    if buckets.isEmpty { buckets.reserveCapacity(64) }
    if joinsNewest(event) { return }
    let side = oddity(event.level)
    if let before = held {
      held = nil
      if side != 0, side == oddity(before.level) {
        // Twice is no accident. Where the two differ as much, the first one straddled two kinds
        // of work and tells of neither.
        if side > 0, stalls.count > 1 {
          putAside(before, behind: event.seconds)
          held = event
        } else if (before.level - event.level).magnitude > leastOdd {
          held = event
        } else {
          push(before)
          push(event)
        }
        return
      }
      putAside(before, behind: event.seconds)
    }
    if side == 0 { push(event) } else { held = event }
  }

  /// Workers that finish together are one event.
  private mutating func joinsNewest(_ event: Bucket) -> Bool {
    guard held == nil, var newest = buckets.first, newest.events == 1, buckets.count >= 4,
      gaps > 0, event.seconds < Self.bunch * gapSquares / gaps
    else { return false }
    let before = newest.seconds
    newest = Bucket(items: newest.items + event.items, seconds: newest.seconds + event.seconds)
    // Unless that would make it far too quick: then items were marked in bulk.
    guard oddity(newest.level) >= 0 else { return false }
    gaps += event.seconds
    gapSquares += newest.seconds * newest.seconds - before * before
    buckets[0] = newest
    return true
  }

  private var leastOdd: Double { max(Self.oddness * deviation, Self.leastOddness) }

  /// 1: far slower than the last ones, -1: far quicker, 0: neither.
  private func oddity(_ level: Double) -> Int {
    var recent = 0.0
    var logs = 0.0
    for bucket in buckets where recent < 8 {
      recent += bucket.count
      logs += bucket.logs
    }
    guard recent >= 4, (level - logs / recent).magnitude >= leastOdd else { return 0 }
    return level > logs / recent ? 1 : -1
  }

  /// Since its end, `seconds` have passed.
  private mutating func putAside(_ event: Bucket, behind seconds: Double) {
    let isSlow = oddity(event.level) >= 0
    if isSlow || !isAtStart(event, behind: seconds) { note(event, isSlow: isSlow) }
    // What is odd again and again is odd no more.
    learn(leastOdd)
  }

  mutating func note(_ event: Bucket, isSlow: Bool) {
    if isSlow {
      stalls.count = stalls.count.clampedAdding(1)
      stalls.amount += event.seconds
    } else {
      bulk.count = bulk.count.clampedAdding(1)
      bulk.amount += event.items
    }
  }

  /// The first one has nothing before it that it could be unlike. Where the next three agree, and
  /// it is not like them at all, it was an accident too: what had to be set up, or was found done.
  private mutating func judgeTheFirst() {
    guard buckets.count == 4, buckets.allSatisfy({ $0.events == 1 }) else { return }
    let (third, second, next, first) = (buckets[0], buckets[1], buckets[2], buckets[3])
    let least = min(third.level, second.level, next.level)
    let most = max(third.level, second.level, next.level)
    let gap = max(first.level - most, least - first.level)
    guard gap > Self.leastOddness, gap > 2 * (most - least) else { return }
    if first.level > most { note(first, isSlow: true) }
    buckets.removeAll(keepingCapacity: true)
    (noise, noiseCount, gaps, gapSquares) = (0, 0, 0, 0)
    push(next)
    push(second)
    push(third)
  }

  private mutating func learn(_ difference: Double) {
    noiseCount = min(noiseCount + 1, Self.noiseMemory)
    noise += (difference * difference / 2 - noise) / noiseCount
  }

  // Not inlined: the library is to stay small.
  @inline(never)
  mutating func push(_ event: Bucket) {
    // From event to event, so that a change of regime is seen once and not as noise.
    if buckets.count > 1 {
      let difference = buckets[0].level - buckets[1].level
      let scale = ((1 + 1 / buckets[1].count) / 2).squareRoot()
      let most = Self.oddness * deviation
      learn(max(-most, min(most, difference / scale)))
    }
    let gap = event.seconds / event.count
    gaps = gaps * Self.memory + gap
    gapSquares = gapSquares * Self.memory + gap * gap
    buckets.insert(event, at: 0)
    merge()
    judgeTheFirst()
    dropBulk()
  }

  private mutating func merge() {
    var start = 0
    while start < buckets.count {
      let size = buckets[start].events
      var end = start
      while end < buckets.count, buckets[end].events <= size { end += 1 }
      guard end - start > Self.perSize else {
        if end == buckets.count { break }
        start = end
        continue
      }
      let older = buckets.remove(at: end - 1)
      buckets[end - 2].add(older)
      start = end - 2
    }
    while buckets.count > Self.mostBuckets {
      let oldest = buckets.removeLast()
      buckets[buckets.count - 1].add(oldest)
    }
  }
}
