import ArgumentParser

/// A length of time as people write it: 90 (seconds), 0.5, 500ms, 15m, 1h30m, 2d.
struct TimeSpan: ExpressibleByArgument, CustomStringConvertible {
  let milliseconds: Int64

  init(seconds: Int64) { milliseconds = seconds * 1000 }
  init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// Whole seconds, rounded up.
  var seconds: Int64 { (milliseconds + 999) / 1000 }

  /// Milliseconds: a hundred years.
  private static let most: Int64 = 100 * 366 * 86_400_000

  init?(argument: String) {
    var rest = Substring(argument)
    var sum: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let count = Double(digits), let factor = Self.factor(unit) else { return nil }
      // A number without a unit stands alone.
      if unit.isEmpty, digits.count != argument.count { return nil }
      guard let span = Int64(exactly: (count * Double(factor)).rounded(.up)),
        span <= Self.most, sum + span <= Self.most
      else { return nil }
      sum += span
    }
    milliseconds = sum
  }

  var description: String {
    let units: [(Int64, String)] = [
      (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"),
    ]
    let unit = units.first { milliseconds >= $0.0 && milliseconds % $0.0 == 0 } ?? (1, "ms")
    return milliseconds == 0 ? "0s" : "\(milliseconds / unit.0)\(unit.1)"
  }

  private static func factor(_ unit: Substring) -> Int64? {
    switch unit {
    case "ms": 1
    case "", "s", "sec": 1000
    case "m", "min": 60_000
    case "h": 3_600_000
    case "d": 86_400_000
    default: nil
    }
  }
}
