/// Names come from anywhere. What could move the cursor, change colours, set the title or turn the
/// direction of writing never reaches a terminal: it is shown as an escape.
enum SafeText {
  /// One line, whatever is in it.
  static func shown(_ text: String) -> String {
    if text.unicodeScalars.allSatisfy({ !isHarmful($0) }) { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": shown += "\\n"
      case "\r": shown += "\\r"
      case "\t": shown += "\\t"
      case "\u{1b}": shown += "\\e"
      case _ where isHarmful(scalar): shown += "\\u{\(String(scalar.value, radix: 16))}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  /// Controls (C0, DEL, C1), line and paragraph separators, and what has no width of its own but
  /// changes what stands beside it: directions (UAX 9), joiners, tags, variation selectors' kin.
  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0: true
    case 0xad, 0x61c, 0x115f...0x1160, 0x17b4...0x17b5, 0x180b...0x180f, 0x3164, 0xfeff, 0xffa0:
      true
    case 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfff0...0xfffb: true
    case 0xe0000...0xe0fff: true
    default: false
    }
  }
}
