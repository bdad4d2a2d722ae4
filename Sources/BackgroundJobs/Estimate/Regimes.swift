import CPosix

/// The past, cut where the speed changed, and what that says about the future.
struct Regimes {
  /// Consecutive buckets whose levels agree.
  struct Segment {
    var sum: Bucket
    var buckets: Range<Int>
  }

  enum Outlook: Equatable {
    /// It goes on as it is.
    case steady
    /// It changes by this much per item, in ln; and has changed so much already.
    case trend(slope: Double, seen: Double)
    /// It goes back and forth: for so many items as now, then as on average.
    case turns(items: Double, mean: Double, variance: Double)
    /// It has changed before, in no order: ln², and items between changes.
    case unrest(variance: Double, items: Double)
  }

  private static let leastEvents: Int64 = 5
  /// Levels that differ less than this, in ln, are one regime whatever the noise.
  private static let leastChange = 0.12
  /// Standard errors, to the next bucket; and to as much as there is of the newer.
  private static let certainty = 3.5
  private static let certaintyInTheLong = 4.2
  /// A change above this, in ln, is a step and no part of a trend.
  private static let mostOfTrend = 1.2
  /// So far, in ln, a trend is off its line.
  private static let curve = 0.03
  private static let leastTurns = 2

  let buckets: [Bucket]
  let all: Bucket
  let variance: Double
  /// Newest first; never empty.
  private(set) var segments: [Segment] = []

  init?(_ buckets: [Bucket], deviation: Double) {
    guard var all = buckets.first else { return nil }
    for bucket in buckets.dropFirst() { all.add(bucket) }
    self.all = all
    self.buckets = buckets
    variance = max(deviation * deviation, 1e-12)
    // One allocation: publishing is not to cost memory in bits and pieces.
    segments.reserveCapacity(buckets.count)
    var start = 0
    while start < buckets.count {
      var sum = buckets[start]
      var end = start + 1
      while end < buckets.count, !isCut(sum, end) {
        sum.add(buckets[end])
        end += 1
      }
      segments.append(Segment(sum: sum, buckets: start..<end))
      start = end
    }
  }

  var now: Segment { segments[0] }

  // Not inlined, here and below: the library is to stay small.
  /// Whether what is older differs, here: the next bucket, or as much as there is of the newer; in
  /// that the change may also lie further back, and does where it differs more one bucket on.
  @inline(never)
  private func isCut(_ sum: Bucket, _ end: Int) -> Bool {
    if difference(sum, buckets[end]) > Self.certainty { return true }
    let here = difference(sum, older(end, than: sum))
    guard here > Self.certaintyInTheLong, end + 1 < buckets.count else { return false }
    var grown = sum
    grown.add(buckets[end])
    return here >= difference(grown, older(end + 1, than: grown))
  }

  @inline(never)
  private func older(_ start: Int, than newer: Bucket) -> Bucket {
    var sum = buckets[start]
    for bucket in buckets[(start + 1)...] where sum.events < newer.events { sum.add(bucket) }
    return sum
  }

  /// In standard errors.
  @inline(never)
  private func difference(_ newer: Bucket, _ older: Bucket) -> Double {
    let difference = (newer.level - older.level).magnitude
    guard newer.events >= Self.leastEvents, difference > Self.leastChange else { return 0 }
    return difference / (variance * (1 / newer.count + 1 / older.count)).squareRoot()
  }

  /// A single bucket between two regimes that holds a part of both.
  private func isMixed(_ index: Int) -> Bool {
    guard index + 1 < segments.count, segments[index].buckets.count == 1 else { return false }
    let level = segments[index].sum.level
    return (segments[index - 1].sum.level - level) * (level - segments[index + 1].sum.level) > 0
  }

  var outlook: Outlook {
    var (longest, slower, quicker, squares, last) = (0.0, 0.0, 0.0, 0.0, 0.0)
    var (changes, turns, isPassed) = (0, 0, false)
    var newer = now
    for index in segments.indices.dropFirst() {
      isPassed = !isPassed && isMixed(index)
      if isPassed { continue }
      let older = segments[index]
      let step = newer.sum.level - older.sum.level
      if step > 0 { slower += step } else { quicker -= step }
      if step * last < 0 { turns += 1 }
      longest = max(longest, older.sum.items)
      squares += step * step
      changes += 1
      last = step
      newer = older
    }
    // What has lasted three times as long as anything before it is taken to stay.
    if changes == 0 || changes >= 2 && now.sum.items > 3 * longest { return .steady }
    if min(slower, quicker) < 0.2 * max(slower, quicker), let trend = trend() { return trend }
    guard changes >= 2 else { return .steady }
    let between = (all.items - now.sum.items) / Double(changes)
    let variance = squares / Double(changes)
    if turns >= Self.leastTurns {
      return .turns(items: between / 4, mean: all.mean, variance: variance)
    }
    return .unrest(variance: variance, items: between)
  }

  /// A line through the newest of the past explains it better than steps do, by the Bayesian
  /// information criterion (Schwarz, Annals of Statistics 6(2), 1978): a line has two numbers, each
  /// step two more. The shortest one says how steep it is now, the longest how far it has gone.
  private func trend() -> Outlook? {
    var line = Regression()
    var (steps, events, steepness, seen, direction) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in segments.indices {
      let segment = segments[index]
      if index > 0 {
        let step = segments[index - 1].sum.level - segment.sum.level
        if step.magnitude >= Self.mostOfTrend || step * direction < 0 { break }
        direction = step
      }
      for place in segment.buckets {
        let bucket = buckets[place]
        line.add(-events - bucket.count / 2, bucket.level, weight: weight(bucket))
        events += bucket.count
      }
      steps += rest(index)
      let price = log(Double(segment.buckets.upperBound))
      guard index > 0, line.rest + 2 * price < steps + Double(2 * index + 1) * price else {
        continue
      }
      if steepness == 0 { steepness = line.slope }
      seen = line.slope.magnitude * events
    }
    guard steepness != 0 else { return nil }
    return .trend(slope: steepness * now.sum.count / now.sum.items, seen: seen)
  }

  /// Weighed by what is known of each: there is noise, and nothing is a line quite.
  func weight(_ bucket: Bucket, off: Double = 0) -> Double {
    1 / (variance / bucket.count + max(Self.curve * Self.curve, off))
  }

  /// Squares that steps do not explain, of one regime.
  @inline(never)
  private func rest(_ index: Int) -> Double {
    segments[index].buckets.reduce(0) { sum, place in
      if straddles(place, index) { return sum }
      let off = buckets[place].level - segments[index].sum.level
      return sum + weight(buckets[place]) * off * off
    }
  }

  /// The same of all.
  var rest: Double { segments.indices.reduce(0) { $0 + rest($1) } }

  /// Whether this bucket may hold the end of its segment and the beginning of the next.
  private func straddles(_ place: Int, _ index: Int) -> Bool {
    let level = buckets[place].level
    let own = segments[index].sum.level
    func isBetween(_ other: Segment) -> Bool { (level - own) * (level - other.sum.level) < 0 }
    if place == segments[index].buckets.upperBound - 1, index + 1 < segments.count,
      isBetween(segments[index + 1])
    {
      return true
    }
    return place == segments[index].buckets.lowerBound && index > 0
      && isBetween(segments[index - 1])
  }
}
