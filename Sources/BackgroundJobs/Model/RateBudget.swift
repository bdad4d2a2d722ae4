/// How many requests a provider allows in a period: a budget that all processes share. It is the
/// virtual scheduling algorithm of ITU-T I.371 (GCRA): one number, whatever was permitted to whom.
struct RateBudget {
  static let mostProviders = 1000
  static let mostRequests: Int64 = 1_000_000_000
  static let longestPeriodMs: Int64 = 31 * 86_400_000
  /// Nobody is permitted what comes later than a period and this: who dies waiting takes it along.
  private static let patience: Int64 = 60_000_000

  let provider: String
  let count: Int64
  let periodMs: Int64
  /// The theoretical arrival time: when all that was permitted will have been earned, in microseconds
  /// since 1970.
  var earned: Int64 = 0

  static func isPossible(_ count: Int64, _ periodMs: Int64) -> Bool {
    count >= 0 && count <= mostRequests && periodMs >= 1 && periodMs <= longestPeriodMs
  }

  /// So many may come at once after a silence. In any period there are at most that many more than
  /// `count`.
  var burst: Int64 { max(1, count / 60) }

  private var period: Int64 { periodMs &* 1000 }

  /// Rounded up, in microseconds. `requests`: at most `count`.
  private func time(for requests: Int64) -> Int64 {
    let (whole, rest) = period.quotientAndRemainder(dividingBy: count)
    return whole &* requests &+ (rest &* requests &+ count &- 1) / count
  }

  /// Takes so many requests out of the budget, and gives in how many milliseconds they may be made.
  /// nil: nothing was taken, for too much is ahead of them; `wait` tells when to ask again.
  func permitting(_ requests: Int64, at nowMs: Int64) -> (budget: RateBudget?, wait: Int64) {
    let now = nowMs.multipliedClamped(by: 1000)
    let (cost, limit) = (time(for: requests), period &+ Self.patience)
    // Nobody waits for longer than that: the clock was set back.
    let isOff = earned.clampedAdding(-now) > limit &+ period
    let begin = isOff ? now : max(earned, now)
    let wait = begin.clampedAdding(cost &- max(cost, time(for: burst)) &- now)
    guard wait <= limit else { return (nil, Self.milliseconds(wait &- limit)) }
    var budget = self
    budget.earned = begin.clampedAdding(cost)
    return (budget, Self.milliseconds(wait))
  }

  private static func milliseconds(_ time: Int64) -> Int64 { time <= 0 ? 0 : (time &+ 999) / 1000 }
}
