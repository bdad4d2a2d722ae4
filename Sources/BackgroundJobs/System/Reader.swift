/// Reads what `Buffer` wrote. Any byte sequence is safe: the first read past the end, or of
/// something malformed, makes it `failed`, and everything read from then on is zero or empty.
struct Reader {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int
  private(set) var failed = false

  init(_ bytes: UnsafeRawBufferPointer, from offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  var isAtEnd: Bool { offset >= bytes.count }

  @inline(never)
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    guard !failed, count >= 0, count <= bytes.count - offset else {
      failed = true
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    offset += count
    return part
  }

  @inline(__always)
  mutating func fixed<T: FixedWidthInteger>(_: T.Type) -> T {
    let part = take(MemoryLayout<T>.size)
    return failed ? 0 : T(littleEndian: part.loadUnaligned(as: T.self))
  }

  @inline(__always)
  mutating func byte() -> UInt8 { fixed(UInt8.self) }

  @inline(never)
  mutating func varint() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = byte()
      if failed { return 0 }
      if shift > 63 || (shift == 63 && next > 1) {
        failed = true
        return 0
      }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  @inline(never)
  mutating func signed() -> Int64 {
    let raw = varint()
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }

  @inline(never)
  mutating func counted() -> UnsafeRawBufferPointer {
    let length = varint()
    guard let count = Int(exactly: length) else {
      failed = true
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return take(count)
  }

  @inline(never)
  mutating func text() -> String { String(bytes: counted()) }

  @inline(never)
  mutating func optionalText() -> String? {
    let present = byte()
    return present == 1 && !failed ? text() : nil
  }
}
