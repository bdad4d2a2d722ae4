/// Columns that a text takes on a terminal. East Asian wide characters and most emoji take two,
/// marks that combine with what stands before them none (after UAX 11, and Markus Kuhn's wcwidth).
func displayWidth(_ text: String) -> Int {
  var width = 0
  for scalar in text.unicodeScalars { width += columns(scalar) }
  return width
}

/// The text cut, or filled up, to exactly so many columns.
func fitted(_ text: String, to width: Int, alignsRight: Bool = false) -> String {
  let own = displayWidth(text)
  if own <= width {
    let filler = String(repeating: " ", count: width - own)
    return alignsRight ? filler + text : text + filler
  }
  guard width > 1 else { return String(repeating: "…", count: width) }
  var cut = ""
  var used = 0
  for scalar in text.unicodeScalars {
    guard used + columns(scalar) <= width - 1 else { break }
    used += columns(scalar)
    cut.unicodeScalars.append(scalar)
  }
  return cut + "…" + String(repeating: " ", count: width - 1 - used)
}

private func columns(_ scalar: Unicode.Scalar) -> Int {
  if scalar.value < 0x300 { return 1 }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: break
  }
  switch scalar.value {
  case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
    0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff,
    0x1f900...0x1f9ff, 0x20000...0x3fffd:
    return 2
  default:
    return scalar.properties.isEmojiPresentation ? 2 : 1
  }
}
