import CPosix

/// What remains to be done, and how sure that is.
struct Estimate: Equatable {
  /// Items per second of active time.
  var rate: Double
  /// Seconds of work that remain, and their likely range.
  var eta: Double
  var low: Double
  var high: Double
  /// Nothing has come for far longer than is usual for this job.
  var isStalled = false
  /// It rests on finished jobs of the same type, in part at least.
  var isFromHistory = false
}

/// What finished jobs of the same kind took.
struct Prior: Equatable {
  /// Seconds of an item.
  var mean: Double
  /// Variance of its ln from job to job.
  var variance: Double

  /// It counts as this many events, and no more once the job has `enough` of its own.
  static let weight = 3.0
  static let enough: Int64 = 8
}

extension Estimator {
  /// The range is so many standard deviations to each side.
  private static let reach = 2.1
  private static let leastGroups = 4

  /// current, now: progress and active milliseconds at this moment; reported: active milliseconds
  /// of the last report. nil while there is no ground for a number.
  func estimate(
    current: Int64, now: Int64, reported: Int64, remaining: Int64, prior: Prior? = nil
  ) -> Estimate? {
    guard remaining >= 0 else { return nil }
    let (past, open) = past(current: current, now: now, reported: reported)
    let left = Double(remaining)
    guard past.reduce(0, { $0 + $1.items }) >= 2, let regimes = Regimes(past, deviation: deviation)
    else { return prior.flatMap { fromHistory($0, left, open) } }
    return estimate(left, open, regimes, prior).flatMap { isSane($0) ? $0 : nil }
  }

  /// The buckets, with what has not been taken yet, and the seconds since.
  private func past(current: Int64, now: Int64, reported: Int64) -> ([Bucket], Double) {
    var past = buckets
    var since = active
    if let held, past.reduce(0, { $0.clampedAdding($1.events) }) < 3 { past.insert(held, at: 0) }
    let (done, isFar) = current.subtractingReportingOverflow(items)
    let (took, isLong) = reported.subtractingReportingOverflow(active)
    if !isFresh, !isFar, !isLong, done > 0, took > 0 {
      past.insert(Bucket(items: Double(done), seconds: Double(took) / 1000), at: 0)
      since = reported
    }
    let (open, isOff) = now.subtractingReportingOverflow(since)
    return (past, isOff ? 0 : max(0, Double(open) / 1000))
  }

  /// Numbers of a hostile file may add up to no number at all.
  private func isSane(_ estimate: Estimate) -> Bool {
    estimate.rate.isFinite && estimate.rate > 0 && estimate.eta.isFinite && estimate.eta >= 0
      && estimate.low.isFinite && estimate.low >= 0 && estimate.high.isFinite
      && estimate.low <= estimate.high
  }

  private func fromHistory(_ prior: Prior, _ left: Double, _ open: Double) -> Estimate? {
    let spread = Self.reach * prior.variance.squareRoot()
    let eta = max(left * prior.mean - min(open, prior.mean), 0)
    let estimate = Estimate(
      rate: 1 / prior.mean, eta: eta, low: eta * exp(-spread), high: eta * exp(spread),
      isFromHistory: true)
    return isSane(estimate) ? estimate : nil
  }

  private func estimate(
    _ left: Double, _ open: Double, _ regimes: Regimes, _ prior: Prior?
  ) -> Estimate? {
    let window = regimes.now.sum
    let total = regimes.buckets.reduce(0) { $0 + $1.items }
    var mean = window.mean
    var doubt = 0.0
    var isFromHistory = false
    if let prior, window.events < Prior.enough, total == window.items {
      let share = Prior.weight / (Prior.weight + window.count)
      mean = exp((1 - share) * log(mean) + share * log(prior.mean))
      doubt = share * share * prior.variance
      isFromHistory = true
    }
    let single = varianceOfOne(window, mean)
    let atOnce = min(window.items / window.count, left)
    let (rest, isStalled) = Tail.rest(
      mean: atOnce * mean, variance: single * atOnce, elapsed: open)
    let future = left - atOnce
    var (level, drift) = outlook(regimes, mean, left, future)
    level = level * total / (total + bulk.amount * bulk.habit)
    let stalling = stalls.amount * stalls.habit / total
    let eta = future * (level + stalling) + rest
    // Two sources: what is still to be drawn, and that the mean itself is only known so well.
    var spread = varianceInTheLong(regimes, single) * (left + left * left / window.items)
    if stalls.count > 1 {
      spread += left * stalling * left * stalling / Double(stalls.count)
    }
    drift += doubt
    let relative = spread.squareRoot() / max(eta, 1e-9) * (1 + 0.5 / window.count)
    // Shortly after a change it is less sure that all is as it seems.
    let events = regimes.buckets.reduce(0) { $0 + $1.count }
    let reach = Self.reach * (window.count < events / 4 ? 1.25 : 1)
    let sway = reach * (log(1 + relative * relative) + drift).squareRoot()
    var low = eta * exp(-sway)
    // Long items are rarer than short ones: what has been seen of them is rather too few.
    var high = eta * exp(sway + 0.15 * sway * sway)
    if isStalled {
      low = max(0, low - 0.9 * rest)
      high += 9 * open
    }
    return Estimate(
      rate: 1 / mean, eta: eta, low: low, high: high, isStalled: isStalled,
      isFromHistory: isFromHistory)
  }

  /// Seconds of a future item, and the variance of their ln that comes from changes.
  private func outlook(
    _ regimes: Regimes, _ mean: Double, _ left: Double, _ future: Double
  ) -> (Double, Double) {
    let window = regimes.now.sum
    switch regimes.outlook {
    case .steady: return (mean, 0)
    case .trend(let slope, let seen):
      // It goes no further than it has gone already, and quicker not even that.
      let here = max(-seen, min(seen, slope * window.items / 2))
      let change = max(max(-seen, -1), min(seen, slope * left))
      let growth = change.magnitude > 1e-6 ? expm1(change) / change : 1
      return (mean * exp(here) * growth, 0.25 * change * change)
    case .turns(let items, let average, let variance):
      guard future > 0 else { return (mean, 0) }
      let near = min(future, items)
      let level = (near * mean + (future - near) * average) / future
      return (level, 0.5 * variance * min(1, items / max(left, 1)))
    case .unrest(let variance, let items):
      return (mean, 0.3 * variance * min(1, left / max(window.items, items)))
    }
  }

  /// Variance of the seconds of an item, between single events.
  private func varianceOfOne(_ window: Bucket, _ mean: Double) -> Double {
    let seen = max(0, window.squares - window.seconds * window.seconds / window.items)
    let spread = exp(min(deviation, 1.5) * min(deviation, 1.5)) - 1
    let expected = mean * mean * spread * window.items / window.count
    return (seen + 2 * expected) / (window.count + 1)
  }

  /// The same as it adds up over many: less where long and short ones make up for each other, as
  /// with several workers, more where they come in rows. Seen between groups of events.
  private func varianceInTheLong(_ regimes: Regimes, _ single: Double) -> Double {
    var (count, items, seconds, between) = (0, 0.0, 0.0, 0.0)
    forEachGroup(regimes) { group in
      count += 1
      items += group.items
      seconds += group.seconds
    }
    guard count >= Self.leastGroups else { return single }
    let mean = seconds / items
    forEachGroup(regimes) { group in
      between += group.items * (group.mean - mean) * (group.mean - mean)
    }
    let freedom = Double(count - 1)
    between /= freedom
    guard between > 0, single > 0 else { return single }
    if between < 0.2 * single, count >= 6 { return 1.5 * between }
    let weight = freedom / (freedom + 1.5)
    return exp(weight * log(between) + (1 - weight) * log(single))
  }

  /// Neighbours taken together until they are an eighth of all of today's events.
  private func forEachGroup(_ regimes: Regimes, _ body: (Bucket) -> Void) {
    let size = max(4, regimes.now.sum.events / 8)
    var sum: Bucket?
    for bucket in regimes.buckets[regimes.now.buckets] {
      var grown = sum ?? bucket
      if sum != nil { grown.add(bucket) }
      if grown.events >= size { body(grown) }
      sum = grown.events >= size ? nil : grown
    }
  }
}
