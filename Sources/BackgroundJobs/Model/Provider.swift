/// Who limits us. A rate is a budget of requests that all processes share: the virtual scheduling
/// algorithm of ITU-T I.371 (GCRA), one number, whatever was permitted to whom. A limit that it told
/// us of is one of all its jobs.
final class Provider {
  static let most = 1000
  static let mostRequests: Int64 = 1_000_000_000
  static let longestPeriodMs: Int64 = 31 * 86_400_000
  /// Nobody is permitted what comes later than a period and this: who dies waiting takes it along.
  private static let patience: Int64 = 60_000_000

  let name: String
  /// As JSON, as configs have it; empty until somebody needs it.
  var text = ""
  init(name: String) { self.name = name }

  /// The rate; 0: none.
  var count: Int64 = 0
  var periodMs: Int64 = 0
  /// The theoretical arrival time: when all that was permitted will have been earned, in microseconds
  /// since 1970.
  var earned: Int64 = 0
  /// Until then it takes no requests, in milliseconds since 1970.
  var limitedUntil: Int64 = 0
  /// By so many microseconds that limit has put off what was permitted.
  var pushed: Int64 = 0
  /// When anything of this was last said, in milliseconds since 1970.
  var changed: Int64 = 0

  static func isPossible(_ count: Int64, _ periodMs: Int64) -> Bool {
    count >= 0 && count <= mostRequests && periodMs >= 1 && periodMs <= longestPeriodMs
  }

  /// So many may come at once after a silence. In any period there are at most that many more than
  /// `count`.
  var burst: Int64 { max(1, count / 60) }

  private var period: Int64 { periodMs &* 1000 }
  private var free: Int64 { limitedUntil.multipliedClamped(by: 1000) }

  /// Rounded up, in microseconds. `requests`: at most `count`.
  private func time(for requests: Int64) -> Int64 {
    let (whole, rest) = period.quotientAndRemainder(dividingBy: count)
    return whole &* requests &+ (rest &* requests &+ count &- 1) / count
  }

  /// What would be used of the budget with so many requests more, and in how many milliseconds they may
  /// be made. nil: too much is ahead of them; `wait` tells when to ask again.
  func permitting(
    _ requests: Int64, at nowMs: Int64
  ) -> (used: (earned: Int64, pushed: Int64)?, wait: Int64) {
    let now = nowMs.multipliedClamped(by: 1000)
    let (cost, limit) = (time(for: requests), period &+ Self.patience)
    let free = self.limit(at: nowMs).multipliedClamped(by: 1000)
    let next = max(now, earned.clampedAdding(-back(at: nowMs).multipliedClamped(by: 1000)))
    let begin = max(next, free)
    let wait = max(begin.clampedAdding(cost &- max(cost, time(for: burst))), free) &- now
    guard wait <= limit else { return (nil, Self.milliseconds(wait &- limit)) }
    let put = (free > now ? pushed : 0).clampedAdding(begin &- next)
    return ((begin.clampedAdding(cost), put), Self.milliseconds(wait))
  }

  /// By how much a clock was set back since the last event: what was ahead then is ahead now.
  private func back(at now: Int64) -> Int64 { max(0, changed.clampedAdding(-now)) }

  func limit(at now: Int64) -> Int64 { limitedUntil.clampedAdding(-back(at: now)) }

  func see(at now: Int64) {
    earned = earned.clampedAdding(-back(at: now).multipliedClamped(by: 1000))
    limitedUntil = limit(at: now)
    changed = now
  }

  /// So many requests as were ahead stay ahead.
  func setRate(_ count: Int64, _ periodMs: Int64, at nowMs: Int64) {
    let begin = max(nowMs.multipliedClamped(by: 1000), pushed > 0 ? free : 0)
    if self.count > 0, count > 0, earned > begin {
      let requests = Double(earned &- begin) / Double(self.periodMs) * Double(self.count)
      let ahead = (requests / Double(count) * Double(periodMs)).rounded(.up)
      earned = begin.clampedAdding(Int64(min(ahead, 9e18)))
    }
    (self.count, self.periodMs) = (count, periodMs)
  }

  /// `until`: 0: the limit is over before its time. Who asked meanwhile waits for less, then.
  func setLimit(until: Int64, at nowMs: Int64) {
    if until == 0, limitedUntil > nowMs { earned = earned.clampedAdding(-pushed) }
    if until == 0 { pushed = 0 }
    limitedUntil = until
  }

  private static func milliseconds(_ time: Int64) -> Int64 { time <= 0 ? 0 : (time &+ 999) / 1000 }
}

extension State {
  /// How many have a rate.
  final var rateCount: Int { providers.reduce(0) { $0 + ($1.count > 0 ? 1 : 0) } }

  final func provider(_ name: String) -> Provider? { place(of: name).map { providers[$0] } }

  /// A provider's place in the list.
  final func place(of provider: String) -> Int? {
    providers.firstIndex { $0.name.bytes == provider.bytes }
  }
}
