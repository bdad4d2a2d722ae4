/// One text, and the parts of it that are found to be secret.
struct RedactionScan {
  private let text: [UInt8]
  private var hidden: [Range<Int>] = []

  init(_ text: String) { self.text = Array(text.utf8) }

  /// nil: there is nothing secret in it.
  var result: String? {
    guard !hidden.isEmpty else { return nil }
    var bytes: [UInt8] = []
    var place = 0
    for range in hidden.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard range.upperBound > place else { continue }
      // Parts that touch or overlap are one.
      if range.lowerBound > place || place == 0 {
        bytes += text[place..<max(place, range.lowerBound)]
        bytes += Array(Redaction.mask.utf8)
      }
      place = range.upperBound
    }
    return String(decoding: bytes + text[place...], as: UTF8.self)
  }

  /// `scheme://user:password@` and `scheme://token@`. A user alone is none where keys do the rest.
  mutating func hideCredentials() {
    let mark = Array("://".utf8)
    var place = 0
    while let found = find(mark, from: place) {
      let begin = found + mark.count
      let end = endOfAuthority(from: begin)
      place = begin
      guard found > 0, TokenShape.isAlphanumeric(text[found - 1]),
        let at = text[begin..<end].lastIndex(of: UInt8(ascii: "@")), at > begin
      else { continue }
      let isUserAlone = !text[begin..<at].contains(UInt8(ascii: ":"))
      if isUserAlone, isKeyed(schemeBefore: found) { continue }
      hidden.append(begin..<at)
      place = at
    }
  }

  mutating func hideTokens() {
    var place = 0
    while place < text.count {
      let isAtBegin = place == 0 || !TokenShape.isAlphanumeric(text[place - 1])
      guard isAtBegin, let end = endOfToken(at: place) else {
        place += 1
        continue
      }
      hidden.append(place..<end)
      place = end
    }
  }

  /// `NAME=value`, `"name": "value"`, `Name: value` to its end, `--name value`, `Bearer value`.
  mutating func hideNamedValues() {
    var place = 0
    while place < text.count {
      guard SecretName.isPartOfName(text[place]) else {
        place += 1
        continue
      }
      let end = text[place...].firstIndex { !SecretName.isPartOfName($0) } ?? text.count
      if let value = value(of: place..<end) {
        hidden.append(value)
        place = value.upperBound
      } else {
        place = end
      }
    }
  }

  // MARK: What stands where

  private func find(_ part: [UInt8], from begin: Int) -> Int? {
    guard text.count >= part.count else { return nil }
    var place = begin
    while place <= text.count - part.count {
      if text[place] == part[0], text[place..<place + part.count].elementsEqual(part) {
        return place
      }
      place += 1
    }
    return nil
  }

  /// A password may have in it what ends an authority: it is none where a port stands.
  private func endOfAuthority(from begin: Int) -> Int {
    let end = text[begin...].firstIndex(where: Self.endsAuthority) ?? text.count
    guard end < text.count, "/?#".utf8.contains(text[end]),
      let colon = text[begin..<end].firstIndex(of: UInt8(ascii: ":")), colon + 1 < end,
      !text[(colon + 1)..<end].allSatisfy({ 0x30...0x39 ~= $0 }),
      text[begin] != UInt8(ascii: "["), !text[begin..<end].contains(UInt8(ascii: "@"))
    else { return end }
    let isEnd = { (byte: UInt8) in Self.endsAuthority(byte) && !"/?#".utf8.contains(byte) }
    let last = text[begin...].firstIndex(where: isEnd) ?? text.count
    return text[end..<last].contains(UInt8(ascii: "@")) ? last : end
  }

  private static func endsAuthority(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == 0x7f || "/?#\"'`<>".utf8.contains(byte)
  }

  private func isKeyed(schemeBefore end: Int) -> Bool {
    ["ssh", "sftp"].contains { text[..<end].suffix($0.utf8.count).elementsEqual($0.utf8) }
  }

  private func endOfToken(at begin: Int) -> Int? {
    for shape in TokenShape.byFirstByte[Int(text[begin])] {
      let rest = begin + shape.prefix.count
      guard rest < text.count, text[begin..<rest].elementsEqual(shape.prefix) else { continue }
      let end = text[rest...].firstIndex { !shape.isPart($0) } ?? text.count
      if end - rest >= shape.least, shape.holds(text[rest..<end]) { return end }
    }
    return nil
  }

  private func value(of name: Range<Int>) -> Range<Int>? {
    let word = text[name].drop { $0 == UInt8(ascii: "-") }
    guard !word.isEmpty, SecretName.matches(word) else { return nil }
    var place = name.upperBound
    let isQuoted = place < text.count && Self.isQuote(text[place])
    if isQuoted { place += 1 }
    let sign = skippingBlanks(place)
    if sign < text.count, text[sign] == UInt8(ascii: "=") || text[sign] == UInt8(ascii: ":") {
      place = sign
    }
    guard place < text.count else { return nil }
    switch text[place] {
    case UInt8(ascii: "="):
      return value(
        from: sign == place ? skippingBlanks(place + 1) : place + 1, endsWith: " \t\r\n&;|")
    case UInt8(ascii: ":"):
      return value(from: skippingBlanks(place + 1), endsWith: isQuoted ? " \t\r\n,}" : "\r\n")
    case UInt8(ascii: " "), UInt8(ascii: "\t"):
      let isOption = word.startIndex > name.lowerBound
      let isBearer = word.count == 6 && word.map { $0 | 0x20 }.elementsEqual("bearer".utf8)
      guard !isQuoted, isOption || isBearer else { return nil }
      let begin = skippingBlanks(place)
      guard begin < text.count, text[begin] != UInt8(ascii: "-") else { return nil }
      return value(from: begin, endsWith: " \t\r\n&;|")
    default: return nil
    }
  }

  private func skippingBlanks(_ place: Int) -> Int {
    text[min(place, text.count)...].firstIndex { $0 != UInt8(ascii: " ") && $0 != 0x09 }
      ?? text.count
  }

  /// To the quote that ends it, or to one of these signs; a quote ends any value.
  private func value(from begin: Int, endsWith signs: String) -> Range<Int>? {
    guard begin < text.count else { return nil }
    if Self.isQuote(text[begin]) {
      let end = endOfValue(from: begin + 1) { $0 == text[begin] }
      return begin + 1 < end ? begin + 1..<end : nil
    }
    if text[begin] == UInt8(ascii: "[") {
      let end = endOfValue(from: begin + 1) { $0 == UInt8(ascii: "]") }
      return begin + 1 < end ? begin + 1..<end : nil
    }
    let end = endOfValue(from: begin) { Self.isQuote($0) || signs.utf8.contains($0) }
    return begin < end ? begin..<end : nil
  }

  /// What stands behind a backslash ends nothing.
  private func endOfValue(from begin: Int, _ isEnd: (UInt8) -> Bool) -> Int {
    var place = begin
    while place < text.count, !isEnd(text[place]) {
      place += text[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(place, text.count)
  }

  private static func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
  }
}
