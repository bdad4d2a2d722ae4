/// What remains to be done, and how sure that is.
struct Estimate: Equatable {
  /// Items per second of active time.
  var rate: Double
  /// Seconds of work that remain, and their likely range.
  var eta: Double
  var low: Double
  var high: Double
}

/// Speed from progress deltas, in an exponential histogram (Datar, Gionis, Indyk and Motwani,
/// 2002): buckets of 1, 1, 2, 4 … deltas, at most four of a size, so that the recent past is seen
/// finely and all of it fits into some forty numbers.
struct Estimator: Equatable {
  struct Bucket: Equatable {
    var events: Int64
    var items: Double
    var seconds: Double
    /// Sum of seconds² / items over the deltas: the spread, whatever the size of each delta.
    var squares: Double
  }

  /// Deltas closer together than this are taken as one.
  static let resolution: Int64 = 250
  private static let perSize = 4
  private static let leastEvents: Int64 = 8
  private static let leastSeconds = 30.0

  /// Newest first.
  private(set) var buckets: [Bucket] = []
  /// Progress and active milliseconds up to which everything is in the buckets.
  private(set) var items: Int64 = 0
  private(set) var active: Int64 = 0

  init() {}

  init(buckets: [Bucket], items: Int64, active: Int64) {
    self.buckets = buckets
    self.items = items
    self.active = active
  }

  /// Takes note of progress that was not work: what is restored or set back is no speed.
  mutating func skip(to items: Int64, active: Int64) {
    self.items = items
    self.active = active
  }

  @inline(__always)
  func isDue(active now: Int64) -> Bool { now &- active >= Self.resolution }

  mutating func feed(items now: Int64, active time: Int64) {
    let (done, overflow) = now.subtractingReportingOverflow(items)
    guard !overflow, done >= 0 else { return skip(to: now, active: time) }
    let elapsed = Double(time &- active) / 1000
    guard done > 0, elapsed > 0 else { return }
    items = now
    active = time
    let count = Double(done)
    if buckets.isEmpty { buckets.reserveCapacity(64) }
    buckets.insert(
      Bucket(events: 1, items: count, seconds: elapsed, squares: elapsed * elapsed / count), at: 0)
    merge()
  }

  private mutating func merge() {
    var start = 0
    while start < buckets.count {
      let size = buckets[start].events
      var end = start
      while end < buckets.count, buckets[end].events <= size { end += 1 }
      guard end - start > Self.perSize else {
        if end == buckets.count { return }
        start = end
        continue
      }
      let older = buckets.remove(at: end - 1)
      buckets[end - 2].events += older.events
      buckets[end - 2].items += older.items
      buckets[end - 2].seconds += older.seconds
      buckets[end - 2].squares += older.squares
      start = end - 2
    }
  }

  /// nil while there is no ground for a number: before the second delta, or without a total.
  func estimate(remaining: Int64) -> Estimate? {
    guard var window = buckets.first, remaining >= 0 else { return nil }
    for older in buckets.dropFirst() {
      let enough = window.events >= Self.leastEvents && window.seconds >= Self.leastSeconds
      if enough, !agree(window, older) { break }
      window.events += older.events
      window.items += older.items
      window.seconds += older.seconds
      window.squares += older.squares
    }
    guard window.events >= 2, window.items > 0, window.seconds > 0 else { return nil }
    let left = Double(remaining)
    let eta = left * window.seconds / window.items
    // Two sources: what is still to be drawn, and that the mean itself is only known so well.
    let spread = variance(window) * (left + left * left / window.items)
    let sway = 1.9 * spread.squareRoot()
    // Numbers of a hostile file may add up to no number at all.
    guard eta.isFinite, sway.isFinite else { return nil }
    return Estimate(
      rate: window.items / window.seconds, eta: eta, low: max(0, eta - sway), high: eta + sway)
  }

  /// Variance of the seconds of one item.
  private func variance(_ bucket: Bucket) -> Double {
    guard bucket.events > 1 else { return 0 }
    let between = bucket.squares - bucket.seconds * bucket.seconds / bucket.items
    return max(0, between / Double(bucket.events - 1))
  }

  /// Whether the older part is from the same regime: the means differ by at most three standard
  /// errors, or by 15 %.
  private func agree(_ newer: Bucket, _ older: Bucket) -> Bool {
    let difference = (newer.seconds / newer.items - older.seconds / older.items).magnitude
    let mean = newer.seconds / newer.items
    let error = (variance(newer) / newer.items + variance(older) / older.items).squareRoot()
    return difference <= 3 * error || difference <= 0.15 * mean
  }
}
