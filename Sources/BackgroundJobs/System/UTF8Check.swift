import CPosix

/// Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates.
package func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
  var i = 0
  let count = bytes.count
  while i < count {
    if i + 8 <= count,
      bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
    {
      i += 8
      continue
    }
    let first = bytes[i]
    if first < 0x80 {
      i += 1
      continue
    }
    let length: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xbf
    switch first {
    case 0xc2...0xdf: length = 2
    case 0xe0: (length, low) = (3, 0xa0)
    case 0xed: (length, high) = (3, 0x9f)
    case 0xe1...0xef: length = 3
    case 0xf0: (length, low) = (4, 0x90)
    case 0xf4: (length, high) = (4, 0x8f)
    case 0xf1...0xf3: length = 4
    default: return false
    }
    guard i + length <= count, bytes[i + 1] >= low, bytes[i + 1] <= high else { return false }
    for k in 2..<max(length, 2) where bytes[i + k] & 0xc0 != 0x80 { return false }
    i += length
  }
  return true
}

/// The bytes of a text, for the time of a call. `String.withUTF8` knows no typed throws.
package func withBytes<Result>(
  of text: String, _ body: (UnsafeRawBufferPointer) throws(JobError) -> Result
) throws(JobError) -> Result {
  var result: Result?
  try visitBytes(of: text) { bytes throws(JobError) in result = try body(bytes) }
  // The body was called, and did not throw.
  return result.unsafelyUnwrapped
}

@inline(never)
private func visitBytes(
  of text: String, _ body: (UnsafeRawBufferPointer) throws(JobError) -> Void
) throws(JobError) {
  var text = text
  var failure: JobError?
  text.withUTF8 { utf8 in
    do throws(JobError) { try body(UnsafeRawBufferPointer(utf8)) } catch { failure = error }
  }
  if let failure { throw failure }
}

/// Embedded Swift has no `contains` for texts.
package func has(_ text: String, _ part: String) -> Bool {
  var (text, part) = (text, part)
  return text.withUTF8 { text in
    part.withUTF8 { part in
      guard let begin = text.baseAddress, let wanted = part.baseAddress else { return part.isEmpty }
      guard part.count <= text.count else { return false }
      return (0...text.count - part.count).contains { memcmp(begin + $0, wanted, part.count) == 0 }
    }
  }
}

/// `String.hasPrefix` knows of characters, and that is a fiftieth of the whole library.
func begins(_ text: String, with part: String) -> Bool {
  var (text, part) = (text, part)
  return text.withUTF8 { text in
    part.withUTF8 { part in
      guard let begin = text.baseAddress, let wanted = part.baseAddress else { return part.isEmpty }
      return part.count <= text.count && memcmp(begin, wanted, part.count) == 0
    }
  }
}
