/// When to come again, as servers say it: seconds, whole or not (RFC 9110, Retry-After); `15m`,
/// `1h30m`, `500ms`; the three forms of an HTTP date (RFC 9110, 5.6.7); RFC 3339; seconds or
/// milliseconds since 1970, which headers of rate limits have.
package enum RetryAfter {
  /// A number above it is a moment.
  package static let mostMs: Int64 = 31 * 86_400_000

  /// Milliseconds from `now`, which is in milliseconds since 1970; 0: it has passed. nil: it cannot be
  /// read, or is more than 31 days off.
  package static func wait(_ text: String, now: Int64) -> Int64? {
    var text = text
    let wait = text.withUTF8 { bytes -> Int64? in
      let trimmed = trim(UnsafeRawBufferPointer(bytes))
      if let span = span(trimmed) {
        if span <= mostMs { return span }
        // A bare number is a moment, if it is of this century. Before 5138 one of so many digits is of
        // milliseconds.
        guard trimmed.allSatisfy({ isDigit($0) || $0 == 0x2e }), span >= 1_000_000_000_000 else {
          return nil
        }
        return (span >= 100_000_000_000_000 ? span / 1000 : span) &- now
      }
      if let moment = DateText.parse(trimmed) ?? httpDate(trimmed) { return moment &- now }
      return nil
    }
    return wait.flatMap { $0 <= mostMs ? max(0, $0) : nil }
  }

  private static func trim(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var (begin, end) = (0, text.count)
    while begin < end, text[begin] <= 0x20 { begin += 1 }
    while end > begin, text[end - 1] <= 0x20 { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[begin..<end])
  }

  /// Milliseconds, rounded up; a number without a unit is of seconds, and stands alone.
  private static func span(_ text: UnsafeRawBufferPointer) -> Int64? {
    var (place, sum) = (0, Int64(0))
    guard !text.isEmpty else { return nil }
    while place < text.count {
      let begin = place
      var (value, scale, isFraction) = (Int64(0), Int64(1), false)
      while place < text.count, isDigit(text[place]) || (text[place] == 0x2e && !isFraction) {
        if text[place] == 0x2e {
          isFraction = true
        } else if scale < 1_000_000 {
          guard value < 100_000_000_000_000 else { return nil }
          value = value * 10 + Int64(text[place] - 0x30)
          if isFraction { scale *= 10 }
        }
        place += 1
      }
      guard place > begin, isDigit(text[begin]), isDigit(text[place - 1]) else { return nil }
      let unit = place
      while place < text.count, isLetter(text[place]) { place += 1 }
      if place == unit, begin > 0 || place < text.count { return nil }
      guard let factor = factor(UnsafeRawBufferPointer(rebasing: text[unit..<place])) else {
        return nil
      }
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: factor)
      guard !isTooLarge else { return nil }
      sum = sum.clampedAdding((product + scale - 1) / scale)
    }
    return sum
  }

  private static func factor(_ unit: UnsafeRawBufferPointer) -> Int64? {
    switch unit.count {
    case 0: return 1000
    case 1:
      switch unit[0] {
      case UInt8(ascii: "s"): return 1000
      case UInt8(ascii: "m"): return 60_000
      case UInt8(ascii: "h"): return 3_600_000
      case UInt8(ascii: "d"): return 86_400_000
      default: return nil
      }
    default:
      if equals(unit, "ms") { return 1 }
      if equals(unit, "sec") { return 1000 }
      return equals(unit, "min") ? 60_000 : nil
    }
  }

  // MARK: HTTP dates

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
  private static func httpDate(_ text: UnsafeRawBufferPointer) -> Int64? {
    let months: StaticString = "janfebmaraprmayjunjulaugsepoctnovdec"
    let days: StaticString = "sunmontuewedthufrisat"
    var numbers: (day: Int64?, year: Int64?) = (nil, nil)
    var (month, time): (Int64?, Int64?) = (nil, nil)
    var place = 0
    while place < text.count {
      if isBetween(text[place]) {
        place += 1
        continue
      }
      let begin = place
      while place < text.count, !isBetween(text[place]) { place += 1 }
      let word = UnsafeRawBufferPointer(rebasing: text[begin..<place])
      if isDigit(word[0]) {
        if word.contains(UInt8(ascii: ":")) {
          guard time == nil, let clock = timeOfDay(word) else { return nil }
          time = clock
        } else {
          guard word.count <= 4, word.allSatisfy(isDigit) else { return nil }
          let number = word.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
          if numbers.day == nil {
            numbers.day = number
          } else {
            guard numbers.year == nil else { return nil }
            numbers.year = word.count > 2 ? number : number + (number < 70 ? 2000 : 1900)
          }
        }
      } else if word.count == 3, let known = index(of: word, in: months) {
        guard month == nil else { return nil }
        month = known + 1
      } else if !equals(word, "gmt") && !equals(word, "utc") {
        let short = UnsafeRawBufferPointer(rebasing: word.prefix(3))
        guard month == nil, short.count == 3, index(of: short, in: days) != nil else { return nil }
      }
    }
    guard let month, let time, let day = numbers.day, let year = numbers.year,
      (1...31).contains(day), year >= 1970
    else { return nil }
    return DateText.milliseconds(year, month, day).clampedAdding(time)
  }

  private static func timeOfDay(_ word: UnsafeRawBufferPointer) -> Int64? {
    guard word.count == 8, word[2] == word[5], word[2] == UInt8(ascii: ":") else { return nil }
    var parts: [Int64] = []
    for begin in [0, 3, 6] {
      guard isDigit(word[begin]), isDigit(word[begin + 1]) else { return nil }
      parts.append(Int64(word[begin] - 0x30) * 10 + Int64(word[begin + 1] - 0x30))
    }
    guard parts[0] < 24, parts[1] < 60, parts[2] <= 60 else { return nil }
    return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000
  }

  /// Which of the words of three letters; capital letters count as small ones.
  private static func index(of word: UnsafeRawBufferPointer, in words: StaticString) -> Int64? {
    let all = UnsafeRawBufferPointer(start: words.utf8Start, count: words.utf8CodeUnitCount)
    for begin in stride(from: 0, to: all.count, by: 3)
    where (0..<3).allSatisfy({ word[$0] | 0x20 == all[begin + $0] }) {
      return Int64(begin / 3)
    }
    return nil
  }

  private static func equals(_ word: UnsafeRawBufferPointer, _ known: StaticString) -> Bool {
    word.count == known.utf8CodeUnitCount
      && (0..<word.count).allSatisfy { word[$0] | 0x20 == known.utf8Start[$0] }
  }

  private static func isBetween(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "-")
  }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
}
