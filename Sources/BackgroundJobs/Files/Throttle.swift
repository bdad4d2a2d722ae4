/// How often something costly may happen: a few times at once, then so far apart that it takes at
/// most a twentieth of the time.
struct Throttle {
  let burst: Double
  /// Nanoseconds between two of a long row, at the least.
  let interval: Int64
  /// Nanoseconds between two inside a burst, at the least.
  let breath: Int64
  private var tokens: Double
  private var last: Int64 = 0
  private var cost: Int64 = 0
  private var notBefore = Int64.min

  init(burst: Double, interval: Int64, breath: Int64 = 0) {
    self.burst = burst
    self.interval = interval
    self.breath = breath
    tokens = burst
  }

  private var spacing: Int64 { max(interval, cost &* 20, 1) }

  func isDue(at now: Int64) -> Bool {
    now >= notBefore && now &- last >= breath && level(at: now) >= 1
  }

  /// It was hindered: to be tried again then.
  mutating func postpone(to time: Int64) { notBefore = time }

  mutating func spend(at now: Int64, cost: Int64) {
    tokens = max(0, level(at: now) - 1)
    last = now
    self.cost = max(0, cost)
  }

  private func level(at now: Int64) -> Double {
    min(burst, tokens + Double(now &- last) / Double(spacing))
  }
}
