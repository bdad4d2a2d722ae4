import CPosix

// Texts are equal when their bytes are. For `String` by itself different spellings of a character
// are equal too: what another tool had changed from one to the other would go unseen. And the
// tables for that are a tenth of the library, which is linked without them.

extension String {
  static func == (a: String, b: String) -> Bool {
    var (a, b) = (a, b)
    return a.withUTF8 { a in
      b.withUTF8 { b in
        guard a.count == b.count else { return false }
        guard let one = a.baseAddress, let other = b.baseAddress else { return true }
        return memcmp(one, other, a.count) == 0
      }
    }
  }

  static func != (a: String, b: String) -> Bool { !(a == b) }

  static func ~= (pattern: String, text: String) -> Bool { pattern == text }
}

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

/// A text as the key of a dictionary.
struct TextKey: Hashable {
  let text: String

  static func == (a: TextKey, b: TextKey) -> Bool { a.text == b.text }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }
}
