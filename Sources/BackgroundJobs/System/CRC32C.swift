import CPosix

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected): with the processor's instruction, else
/// eight bytes at a time ("slicing by 8", Kounavis and Berry, 2005). It finds torn and rotten
/// records; it is no defence against forgery.
enum CRC32C {
  private nonisolated(unsafe) static let table: UnsafeMutablePointer<UInt32> = {
    let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * 256)
    for i in 0..<256 {
      var value = UInt32(i)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
      table[i] = value
    }
    for slice in 1..<8 {
      for i in 0..<256 {
        let previous = table[(slice - 1) * 256 + i]
        table[slice * 256 + i] = previous >> 8 ^ table[Int(previous & 0xff)]
      }
    }
    return table
  }()

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ~update(~0, bytes)
  }

  /// A checksum that belongs to one file: `salt` stands before the bytes.
  static func of(salt: UInt64, _ word: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var before = (salt.littleEndian, word.littleEndian)
    return ~update(withUnsafeBytes(of: &before) { update(~0, $0) }, bytes)
  }

  /// Goes on from an earlier part; begins with, and in the end is, the complement.
  static func update(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var crc = start
    return cposix_crc32c(&crc, bytes.baseAddress, bytes.count) != 0
      ? crc : updateBySlices(start, bytes)
  }

  @inline(__always)
  private static func update8(_ crc: UInt32, _ word: UInt64) -> UInt32 {
    let table = table
    let mixed = word ^ UInt64(crc)
    @inline(__always) func entry(_ slice: Int, _ shift: UInt64) -> UInt32 {
      table[slice * 256 + Int(truncatingIfNeeded: mixed >> shift & 0xff)]
    }
    return entry(7, 0) ^ entry(6, 8) ^ entry(5, 16) ^ entry(4, 24)
      ^ entry(3, 32) ^ entry(2, 40) ^ entry(1, 48) ^ entry(0, 56)
  }

  static func updateBySlices(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard var next = bytes.baseAddress else { return start }
    var crc = start
    var left = bytes.count
    while left >= 8 {
      crc = update8(crc, UInt64(littleEndian: next.loadUnaligned(as: UInt64.self)))
      next += 8
      left -= 8
    }
    while left > 0 {
      crc = crc >> 8 ^ table[Int((crc ^ UInt32(next.load(as: UInt8.self))) & 0xff)]
      next += 1
      left -= 1
    }
    return crc
  }
}
