import ArgumentParser

/// So many requests in a time, as people write it: 5000/h, 600/min, 10/s, 100/15m; none.
struct RequestRate: ExpressibleByArgument {
  /// 0: no limit.
  let count: Int64
  let period: TimeSpan

  init(count: Int64, period: TimeSpan) { (self.count, self.period) = (count, period) }

  init?(argument: String) {
    if argument == "none" {
      self.init(count: 0, period: TimeSpan(seconds: 1))
      return
    }
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Int64(parts[0]), count > 0, let unit = parts[1].first else {
      return nil
    }
    let time = unit.isLetter ? "1\(parts[1])" : String(parts[1])
    guard let period = TimeSpan(argument: time), period.milliseconds > 0 else { return nil }
    self.init(count: count, period: period)
  }

  /// As it may be said.
  var text: String {
    let time = period.description
    let isOne = time.hasPrefix("1") && time.dropFirst().first?.isNumber == false
    return "\(count)/\(isOne ? String(time.dropFirst()) : time)"
  }
}
