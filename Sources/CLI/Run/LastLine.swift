/// The last line of an output that says something: mostly why a command failed.
enum LastLine {
  private static let most = 200

  /// Without secrets, and without what a terminal would take for a command. nil: there is none.
  static func of(_ output: [UInt8]) -> String? {
    // What was written over stands before the last CR.
    let isEnd = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
    for part in output.split(whereSeparator: isEnd).reversed() {
      let line = plain(String(decoding: part, as: UTF8.self))
      guard !line.isEmpty else { continue }
      let shown = SafeText.shown(Redaction.text(line))
      return shown.utf8.count <= most ? shown : cut(shown)
    }
    return nil
  }

  private static func cut(_ text: String) -> String {
    var result = ""
    for character in text {
      guard result.utf8.count + character.utf8.count <= most - 3 else { break }
      result.append(character)
    }
    return result + "…"
  }

  /// Without colours (ECMA-48 control sequences) and blanks around it.
  private static func plain(_ line: String) -> String {
    var result = String.UnicodeScalarView()
    var scalars = line.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "\u{1b}" else {
        result.append(scalar)
        continue
      }
      guard let kind = scalars.next(), kind == "[" else { continue }
      while let next = scalars.next(), !(0x40...0x7e).contains(next.value) {}
    }
    let text = String(result)
    let blanks: Set<Character> = [" ", "\t"]
    let begin = text.drop { blanks.contains($0) }
    return String(begin.reversed().drop { blanks.contains($0) }.reversed())
  }
}
