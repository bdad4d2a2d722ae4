import CPosix

/// The past, cut where the speed changed, and what that says about the future.
struct Regimes {
  /// Consecutive buckets whose levels agree.
  struct Segment {
    var sum: Bucket
    var buckets: Range<Int>
    /// Items between now and its middle.
    var distance: Double
  }

  enum Outlook: Equatable {
    /// It goes on as it is.
    case steady
    /// It changes by this much per item, in ln; and has changed so much already.
    case trend(slope: Double, seen: Double)
    /// Quick and slow take turns: for so many items as now, then as on average.
    case turns(items: Double, mean: Double, variance: Double)
    /// It has changed before, in no order: ln², and items between changes.
    case unrest(variance: Double, items: Double)
  }

  private static let leastEvents: Int64 = 5
  /// Levels that differ less than this, in ln, are one regime whatever the noise.
  private static let leastChange = 0.12
  private static let certainty = 3.5
  /// A change above this, in ln, is a step and no part of a trend.
  private static let mostOfTrend = 1.2
  private static let curve = 0.03

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
    var before = 0.0
    while start < buckets.count {
      var sum = buckets[start]
      var end = start + 1
      while end < buckets.count, !differ(sum, buckets[end]) {
        sum.add(buckets[end])
        end += 1
      }
      segments.append(
        Segment(sum: sum, buckets: start..<end, distance: before + sum.items / 2))
      before += sum.items
      start = end
    }
  }

  var now: Segment { segments[0] }

  private func differ(_ newer: Bucket, _ older: Bucket) -> Bool {
    guard newer.events >= Self.leastEvents else { return false }
    let difference = (newer.level - older.level).magnitude
    let error = (variance * (1 / newer.count + 1 / older.count)).squareRoot()
    return difference > Self.leastChange && difference > Self.certainty * error
  }

  /// Without the single buckets between two regimes that hold a part of both.
  private var distinct: [Segment] {
    var kept: [Segment] = []
    kept.reserveCapacity(segments.count)
    kept.append(segments[0])
    var dropped = false
    for index in segments.indices.dropFirst() {
      let segment = segments[index]
      if index + 1 < segments.count, !dropped, segment.buckets.count == 1 {
        let newer = segments[index - 1].sum.level - segment.sum.level
        let older = segment.sum.level - segments[index + 1].sum.level
        dropped = newer * older > 0
        if dropped { continue }
      }
      dropped = false
      kept.append(segment)
    }
    return kept
  }

  var outlook: Outlook {
    guard segments.count > 1 else { return .steady }
    let past = distinct
    let changes = past.count - 1
    var (longest, slower, quicker, variance) = (0.0, 0.0, 0.0, 0.0)
    for index in 0..<changes {
      longest = max(longest, past[index + 1].sum.items)
      let step = past[index].sum.level - past[index + 1].sum.level
      if step > 0 { slower += step } else { quicker -= step }
      variance += step * step / Double(changes)
    }
    // What has lasted three times as long as anything before it is taken to stay.
    if changes >= 2, now.sum.items > 3 * longest { return .steady }
    if min(slower, quicker) < 0.2 * max(slower, quicker), let trend = trend() { return trend }
    guard changes >= 2 else { return .steady }
    let between = (all.items - now.sum.items) / Double(changes)
    if changes >= 3, min(slower, quicker) > 0.3 * max(slower, quicker) {
      return .turns(items: between / 4, mean: all.mean, variance: variance)
    }
    return .unrest(variance: variance, items: between)
  }

  /// A line through the newest of the past explains it better than steps do, by the Bayesian
  /// information criterion (Schwarz, Annals of Statistics 6(2), 1978): a line has two numbers, each
  /// step two more. The shortest one says how steep it is now, the longest how far it has gone.
  private func trend() -> Outlook? {
    var line = Line()
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
        // Weighed by what is known of each: there is noise, and no trend is a line quite.
        let weight = 1 / (variance / bucket.count + Self.curve * Self.curve)
        line.add(-events - bucket.count / 2, bucket.level, weight: weight)
        if !straddles(place, index) {
          let off = bucket.level - segment.sum.level
          steps += weight * off * off
        }
        events += bucket.count
      }
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
