/// Writes into room that was reserved before, without looking for its end at each byte.
struct Pen {
  private let start: UnsafeMutableRawPointer
  private var next: UnsafeMutableRawPointer

  /// What one number takes at most.
  static let number = 10

  init(_ start: UnsafeMutableRawPointer) {
    self.start = start
    next = start
  }

  var written: Int { next - start }

  @inline(__always)
  mutating func byte(_ byte: UInt8) {
    next.storeBytes(of: byte, as: UInt8.self)
    next += 1
  }

  /// Unsigned LEB128.
  @inline(__always)
  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      byte(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    byte(UInt8(truncatingIfNeeded: rest))
  }

  /// Zigzag: small negative numbers stay short.
  @inline(__always)
  mutating func signed(_ value: Int64) { varint(Self.zigzag(value)) }

  @inline(__always)
  static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  /// Behind their length.
  @inline(__always)
  mutating func counted(_ bytes: UnsafeRawBufferPointer) {
    varint(UInt64(bytes.count))
    guard let from = bytes.baseAddress else { return }
    next.copyMemory(from: from, byteCount: bytes.count)
    next += bytes.count
  }
}
