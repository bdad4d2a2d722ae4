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
  private static let reach = 1.7
  /// ln of a change that nobody has foreseen: two and a half times.
  private static let change = 0.916
  /// From this share of the work on no change is expected, and fully so this much before.
  private static let settled = 0.42
  private static let passage = 0.05
  /// This much of a trend is taken to go on.
  private static let damping = 0.7

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
    // What came within less tells of no pace yet: one quick item would look like a change.
    if !isFresh, !isFar, !isLong, done > 0, took >= Self.resolution {
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
    let all = regimes.all
    var mean = window.mean
    var doubt = 0.0
    var isFromHistory = false
    if let prior, window.events < Prior.enough, all.events == window.events {
      let share = Prior.weight / (Prior.weight + window.count)
      mean = exp((1 - share) * log(mean) + share * log(prior.mean))
      doubt = share * share * prior.variance
      isFromHistory = true
    }
    let single = varianceOfOne(window, mean)
    let atOnce = min(window.items / window.count, left)
    var (rest, isStalled) = ResidualLife.rest(
      mean: atOnce * mean, variance: single * atOnce, elapsed: open)
    let isUsual = isStalled && open < stalls.usual
    if isUsual { rest = stalls.usual - open }
    let future = left - atOnce
    var (level, drift) = outlook(regimes, mean, left, future)
    let sorted = Sorted(regimes, left: left)
    let order = sorted?.share ?? 0
    if let sorted {
      level = exp((1 - order) * log(level) + order * log(sorted.mean))
      drift = ((1 - order) * drift.down, (1 - order) * drift.up)
    }
    let work = future * level * all.items / (all.items + bulk.habit)
    let times = left / all.items
    let eta = work + rest + stalls.expected(times)
    // Two sources: what is still to be drawn, and that the mean itself is only known so well.
    let drawn = varianceInTheLong(regimes, single) * (left + left * left / window.items)
    let variance =
      (1 - order) * drawn + order * (sorted?.variance ?? 0) * work * work + stalls.variance(times)
    let relative = variance.squareRoot() / max(eta, 1e-9) * (1 + 0.5 / window.count)
    // Shortly after a change it is less sure that all is as it seems.
    let reach = Self.reach * (window.count < all.count / 4 ? 1.25 - 0.25 * order : 1)
    let known = log(1 + relative * relative) + doubt
    let unforeseen = Self.unforeseen(seen: all.seconds, ahead: eta)
    // What is sorted may be so no longer, or have been so by chance.
    let end = order * log(mean / level) * unforeseen / Self.change
    let down = max(reach * (known + drift.down).squareRoot(), unforeseen + max(0, -end))
    let up = max(reach * (known + drift.up).squareRoot(), unforeseen + max(0, end))
    var low = eta * exp(-down)
    // Long items are rarer than short ones: what has been seen of them is rather too few.
    var high = eta * exp(up + 0.15 * up * up)
    if isStalled {
      low = max(0, low - 0.9 * rest)
      high += isUsual ? stalls.usual : 9 * open
    }
    return Estimate(
      rate: 1 / mean, eta: eta, low: low, high: high, isStalled: isStalled,
      isFromHistory: isFromHistory)
  }

  /// What has lasted for so long goes on for as long again as likely as not (Gott, Nature 363,
  /// 1993). So while clearly more is ahead than has been seen, a change must be expected, of the
  /// pace or of the total, and the range has room for one of this size, in ln, either way; after
  /// that it has not. Between is a short passage, so that it does not jump.
  static func unforeseen(seen: Double, ahead: Double) -> Double {
    let share = seen / (seen + ahead)
    return change * max(0, min(1, (settled - share) / passage))
  }

  /// Seconds of a future item, and the variance of their ln that comes from changes.
  private func outlook(
    _ regimes: Regimes, _ mean: Double, _ left: Double, _ future: Double
  ) -> (Double, (down: Double, up: Double)) {
    let window = regimes.now.sum
    switch regimes.outlook {
    case .steady: return (mean, (0, 0))
    case .trend(let slope, let seen):
      // It goes no further than it has gone already, and quicker not even that; and less than that
      // is the better forecast (Gardner and McKenzie, Management Science 31(10), 1985).
      let here = max(-seen, min(seen, slope * window.items / 2))
      let change = Self.damping * max(max(-seen, -1), min(seen, slope * left))
      let growth = change.magnitude > 1e-6 ? expm1(change) / change : 1
      // More of the same is likelier than that it turns.
      let (less, more) = (0.06 * change * change, change * change)
      return (mean * exp(here) * growth, change < 0 ? (more, less) : (less, more))
    case .turns(let items, let average, let variance):
      guard future > 0 else { return (mean, (0, 0)) }
      let near = min(future, items)
      let level = (near * mean + (future - near) * average) / future
      let drift = 0.5 * variance * min(1, items / max(left, 1))
      return (level, (drift, drift))
    case .unrest(let variance, let items):
      let drift = 0.3 * variance * min(1, left / max(window.items, items))
      return (mean, (drift, drift))
    }
  }
}
