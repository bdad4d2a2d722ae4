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

  private static let leastEvents: Int64 = 3
  /// Levels that differ less than this, in ln, are one regime whatever the noise.
  private static let leastChange = 0.12
  private static let certainty = 3.5
  /// A change above this, in ln, is a step and no part of a trend.
  private static let mostOfTrend = 1.2
  private static let leastForTrend = 60.0

  let buckets: [Bucket]
  let variance: Double
  /// Newest first; never empty.
  private(set) var segments: [Segment] = []

  init?(_ buckets: [Bucket], deviation: Double) {
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
    if segments.isEmpty { return nil }
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
    if let trend = recentTrend(past) ?? wholeTrend(isOneWay: min(slower, quicker) == 0, past) {
      return trend
    }
    guard changes >= 2 else { return .steady }
    let total = buckets.reduce(0) { $0 + $1.items }
    let between = (total - now.sum.items) / Double(changes)
    if changes >= 3, min(slower, quicker) > 0.3 * max(slower, quicker) {
      let mean = buckets.reduce(0) { $0 + $1.seconds } / total
      return .turns(items: between / 2, mean: mean, variance: variance)
    }
    return .unrest(variance: variance, items: between)
  }

  /// The last changes all go one way, and none is a step.
  private func recentTrend(_ past: [Segment]) -> Outlook? {
    let last = min(past.count - 1, 3)
    guard last >= 2 else { return nil }
    var (up, down) = (0.0, 0.0)
    for index in 0..<last {
      let step = past[index].sum.level - past[index + 1].sum.level
      if step.magnitude >= Self.mostOfTrend { return nil }
      if step > 0 { up += step } else { down -= step }
    }
    let distance = past[last].distance - past[0].distance
    guard min(up, down) == 0, distance > 0 else { return nil }
    return .trend(
      slope: (past[0].sum.level - past[last].sum.level) / distance, seen: max(up, down))
  }

  /// A line through all of the past explains it better than steps do (by the Bayesian information
  /// criterion: a line has two numbers, each step two more).
  private func wholeTrend(isOneWay: Bool, _ past: [Segment]) -> Outlook? {
    let events = buckets.reduce(0) { $0 + $1.count }
    guard isOneWay, events >= Self.leastForTrend else { return nil }
    for index in 0..<min(past.count - 1, 3)
    where (past[index].sum.level - past[index + 1].sum.level).magnitude >= Self.mostOfTrend {
      return nil
    }
    var places: [Double] = []
    places.reserveCapacity(buckets.count)
    var (end, place, level) = (0.0, 0.0, 0.0)
    for bucket in buckets {
      places.append(-(end + bucket.items / 2))
      end += bucket.items
      place += (places.last ?? 0) * bucket.count / events
      level += bucket.logs / events
    }
    var (squares, products) = (0.0, 0.0)
    for (bucket, at) in zip(buckets, places) {
      squares += bucket.count * (at - place) * (at - place)
      products += bucket.count * (at - place) * (bucket.level - level)
    }
    guard squares > 0 else { return nil }
    let slope = products / squares
    var (line, steps) = (0.0, 0.0)
    for (bucket, at) in zip(buckets, places) {
      let rest = bucket.level - level - slope * (at - place)
      line += bucket.count * rest * rest / variance
    }
    for segment in segments {
      for bucket in buckets[segment.buckets] {
        let rest = bucket.level - segment.sum.level
        steps += bucket.count * rest * rest / variance
      }
    }
    let price = log(Double(buckets.count))
    guard line + 3 * price < steps + Double(2 * segments.count - 1) * price else { return nil }
    return .trend(slope: slope, seen: slope.magnitude * end)
  }
}
