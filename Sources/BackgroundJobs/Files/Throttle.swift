/// How often something costly may happen: a few times at once, then so far apart that it takes at
/// most a twentieth of the time.
struct Throttle {
  let burst: Double
  /// Nanoseconds between two of a long row, at the least.
  let interval: Int64
  private var tokens: Double
  private var last: Int64 = 0
  private var cost: Int64 = 0

  init(burst: Double, interval: Int64) {
    self.burst = burst
    self.interval = interval
    tokens = burst
  }

  private var spacing: Int64 { max(interval, cost &* 20, 1) }

  func isDue(at now: Int64) -> Bool { level(at: now) >= 1 }

  mutating func spend(at now: Int64, cost: Int64) {
    tokens = max(0, level(at: now) - 1)
    last = now
    self.cost = max(0, cost)
  }

  /// Another process has done it: it cost about what it costs here.
  mutating func spendAsOthers(at now: Int64) { spend(at: now, cost: max(cost, 10_000_000)) }

  private func level(at now: Int64) -> Double {
    min(burst, tokens + Double(now &- last) / Double(spacing))
  }
}
