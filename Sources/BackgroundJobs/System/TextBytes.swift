import CPosix

// Texts are equal when their bytes are. For `String` by itself different spellings of a character
// are equal too: what another tool had changed from one to the other would go unseen. And the
// tables for that are a tenth of the library, which is linked without them.

extension String {
  static func == (a: String, b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    var (a, b) = (a, b)
    return a.withUTF8 { a in
      b.withUTF8 { b in
        guard let one = a.baseAddress, let other = b.baseAddress else { return true }
        return memcmp(one, other, a.count) == 0
      }
    }
  }

  static func != (a: String, b: String) -> Bool { !(a == b) }

  static func ~= (pattern: String, text: String) -> Bool { pattern == text }
}

#if hasFeature(Embedded)
  extension String {
    /// In place of Swift's own, which can copy texts that are not UTF-8: there are none here.
    mutating func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
      utf8.withContiguousStorageIfAvailable(body) ?? body(UnsafeBufferPointer(start: nil, count: 0))
    }
  }
#endif

extension String? {
  static func == (a: String?, b: String?) -> Bool {
    switch (a, b) {
    case (nil, nil): true
    case (let a?, let b?): a == b
    default: false
    }
  }

  static func != (a: String?, b: String?) -> Bool { !(a == b) }
}

extension Array where Element == String {
  func contains(_ text: String) -> Bool { contains { $0 == text } }
}

/// A number in decimal digits. Swift's own way takes two kilobytes, for other radixes as well.
func wholeNumber(_ text: String) -> Int64? {
  var text = text
  return text.withUTF8 { bytes in
    let isNegative = bytes.first == UInt8(ascii: "-")
    guard bytes.count > (isNegative ? 1 : 0) else { return nil }
    var number: Int64 = 0
    for place in (isNegative ? 1 : 0)..<bytes.count {
      guard bytes[place] >= 0x30, bytes[place] <= 0x39 else { return nil }
      let digit = Int64(bytes[place] - 0x30)
      let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
      let (sum, isAbove) = tens.addingReportingOverflow(isNegative ? -digit : digit)
      guard !isTooLarge, !isAbove else { return nil }
      number = sum
    }
    return number
  }
}

/// A text as the key of a dictionary.
struct TextKey: Hashable {
  let text: String

  static func == (a: TextKey, b: TextKey) -> Bool { a.text == b.text }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { bytes in for byte in bytes { hasher.combine(byte) } }
  }
}
