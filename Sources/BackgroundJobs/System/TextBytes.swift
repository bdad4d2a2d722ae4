import CPosix

/// A text as its bytes. Two are equal when their bytes are. `String` compares characters: what
/// another tool had changed from one spelling of a character to another would go unseen. The tables
/// for that are a tenth of the library, which is linked without them.
struct TextBytes: Hashable, ExpressibleByStringLiteral {
  let text: String

  init(_ text: String) { self.text = text }

  init(stringLiteral text: String) { self.text = text }

  @inline(never)
  static func == (a: TextBytes, b: TextBytes) -> Bool {
    var (a, b) = (a.text, b.text)
    return a.withUTF8 { a in
      b.withUTF8 { b in
        guard a.count == b.count else { return false }
        guard let one = a.baseAddress, let other = b.baseAddress else { return true }
        return memcmp(one, other, a.count) == 0
      }
    }
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { bytes in for byte in bytes { hasher.combine(byte) } }
  }
}

/// Of texts that may be missing. Swift's own is compiled into each place.
@inline(never)
func == (a: TextBytes?, b: TextBytes?) -> Bool {
  switch (a, b) {
  case (let a?, let b?): a == b
  case (nil, nil): true
  default: false
  }
}

func != (a: TextBytes?, b: TextBytes?) -> Bool { !(a == b) }

extension String {
  var bytes: TextBytes { TextBytes(self) }

  /// The length in bytes.
  package var byteCount: Int {
    var text = self
    return text.withUTF8 { $0.count }
  }

  /// A copy of UTF-8. What is not well-formed becomes U+FFFD, byte by byte. Swift's own way repairs
  /// through UTF-16, which takes two percent of the library.
  package init(bytes: UnsafeRawBufferPointer) {
    guard isUTF8(bytes) else {
      self = repaired(bytes)
      return
    }
    self = bytes.withMemoryRebound(to: UInt8.self) { bytes in
      String(copying: UTF8Span(unchecked: Span(_unsafeElements: bytes)))
    }
  }

  /// The same, up to the first zero.
  init(nullTerminated bytes: UnsafePointer<CChar>) {
    self.init(bytes: UnsafeRawBufferPointer(start: bytes, count: strlen(bytes)))
  }

  /// The same, of an array.
  init(bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { String(bytes: $0) }
  }
}

extension [String] {
  /// `contains` would compare characters.
  func has(_ text: String) -> Bool { contains { $0.bytes == text.bytes } }
}

private func repaired(_ bytes: UnsafeRawBufferPointer) -> String {
  var whole: [UInt8] = []
  var place = 0
  while place < bytes.count {
    var character = UnsafeRawBufferPointer(start: nil, count: 0)
    for length in 1...4 where character.isEmpty && place + length <= bytes.count {
      let part = UnsafeRawBufferPointer(rebasing: bytes[place..<place + length])
      if isUTF8(part) { character = part }
    }
    if character.isEmpty {
      let replacement: StaticString = "\u{FFFD}"
      whole.append(contentsOf: UnsafeRawBufferPointer(literal: replacement.utf8Start))
    } else {
      whole.append(contentsOf: character)
    }
    place += max(1, character.count)
  }
  return String(bytes: whole)
}

#if hasFeature(Embedded)
  extension String {
    /// In place of Swift's own, which can copy texts that are not UTF-8: there are none here.
    mutating func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
      var result: Result?
      visitUTF8 { result = body($0) }
      // The body was called.
      return result.unsafelyUnwrapped
    }

    /// Compiled once, and not for each type of a result.
    @inline(never)
    private func visitUTF8(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
      utf8.withContiguousStorageIfAvailable(body) ?? body(UnsafeBufferPointer(start: nil, count: 0))
    }
  }
#endif

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
