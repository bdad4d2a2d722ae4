/// ISO 8601 dates as the state file has them: UTC with milliseconds when written; when read also
/// without milliseconds and with an offset.
package enum DateText {
  static func write(_ milliseconds: Int64, to buffer: Buffer) {
    // Years of four digits, whatever a clock says.
    let inRange = min(max(milliseconds, 0), 253_402_300_799_999)
    let (days, time) = floorDivide(inRange, 86_400_000)
    let (year, month, day) = civil(days)
    let seconds = time / 1000
    pad(year, 1000, to: buffer)
    buffer.append(UInt8(ascii: "-"))
    pad(month, 10, to: buffer)
    buffer.append(UInt8(ascii: "-"))
    pad(day, 10, to: buffer)
    buffer.append(UInt8(ascii: "T"))
    pad(seconds / 3600, 10, to: buffer)
    buffer.append(UInt8(ascii: ":"))
    pad(seconds / 60 % 60, 10, to: buffer)
    buffer.append(UInt8(ascii: ":"))
    pad(seconds % 60, 10, to: buffer)
    buffer.append(UInt8(ascii: "."))
    pad(time % 1000, 100, to: buffer)
    buffer.append(UInt8(ascii: "Z"))
  }

  package static func format(_ milliseconds: Int64) -> String {
    let buffer = Buffer()
    write(milliseconds, to: buffer)
    return String(bytes: buffer.bytes)
  }

  static func parse(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { scan(Scanner(utf8: UnsafeRawBufferPointer($0))) }
  }

  static func parse(_ text: UnsafeRawBufferPointer) -> Int64? { scan(Scanner(utf8: text)) }

  /// Since 1970, of the beginning of a day.
  static func milliseconds(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    daysFromCivil(year, month, day) * 86_400_000
  }

  /// JSON text of a string.
  static func parse(quoted text: String) -> Int64? {
    var text = text
    return text.withUTF8 { bytes in
      guard bytes.count > 2, bytes[0] == UInt8(ascii: "\"") else { return nil }
      let inside = UnsafeBufferPointer(rebasing: bytes[1..<(bytes.count - 1)])
      return scan(Scanner(utf8: UnsafeRawBufferPointer(inside)))
    }
  }

  private static func scan(_ start: Scanner) -> Int64? {
    var digits = start
    guard let year = digits.number(4), digits.skip("-"), let month = digits.number(2),
      digits.skip("-"), let day = digits.number(2),
      digits.skip("T") || digits.skip("t") || digits.skip(" "),
      let hour = digits.number(2), digits.skip(":"), let minute = digits.number(2),
      (1...12).contains(month), (1...31).contains(day), hour <= 24, minute < 60
    else { return nil }
    var second: Int64 = 0
    if digits.skip(":") {
      guard let value = digits.number(2), value <= 60 else { return nil }
      second = value
    }
    let fraction = digits.skip(".") ? digits.fraction() : 0
    guard let offset = digits.offset(), digits.isAtEnd else { return nil }
    let days = daysFromCivil(year, month, day)
    let minutes = hour * 60 + minute - offset
    return days * 86_400_000 + minutes * 60_000 + second * 1000 + fraction
  }

  private struct Scanner {
    let utf8: UnsafeRawBufferPointer
    var position = 0
    var isAtEnd: Bool { position == utf8.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard position < utf8.count, utf8[position] == UInt8(ascii: character) else { return false }
      position += 1
      return true
    }

    mutating func digit() -> Int64? {
      guard position < utf8.count, utf8[position] >= 0x30, utf8[position] <= 0x39 else {
        return nil
      }
      position += 1
      return Int64(utf8[position - 1] - 0x30)
    }

    mutating func number(_ count: Int) -> Int64? {
      var value: Int64 = 0
      for _ in 0..<count {
        guard let digit = digit() else { return nil }
        value = value * 10 + digit
      }
      return value
    }

    /// Milliseconds; further digits are cut off.
    mutating func fraction() -> Int64 {
      var value: Int64 = 0
      var unit: Int64 = 100
      while let digit = digit() {
        value += digit * unit
        unit /= 10
      }
      return value
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int64? {
      if skip("Z") || skip("z") { return 0 }
      let isEast = skip("+")
      guard isEast || skip("-"), let hours = number(2) else { return nil }
      _ = skip(":")
      let minutes = number(2) ?? 0
      return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
  }

  /// Digits from the place `highest` on.
  private static func pad(_ value: Int64, _ highest: Int64, to buffer: Buffer) {
    var place = highest
    while place > 0 {
      buffer.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / place % 10))
      place /= 10
    }
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
    let rest = ((a % b) + b) % b
    return ((a - rest) / b, rest)
  }

  // Days to date and back: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let z = days + 719_468
    let (era, dayOfEra) = floorDivide(z, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }

  private static func daysFromCivil(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floorDivide(y, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
