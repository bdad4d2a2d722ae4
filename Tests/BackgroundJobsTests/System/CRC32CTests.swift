import Testing

@testable import BackgroundJobs

@Suite struct CRC32CTests {
  /// RFC 3720, B.4.
  @Test(
    arguments: [
      (Array("123456789".utf8), 0xe306_9283),
      ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
      ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
      ([UInt8](0..<32), 0x46dd_794e),
      ([UInt8]((0..<32).reversed()), 0x113f_db5c),
      ([], 0),
    ] as [([UInt8], UInt32)])
  func publishedVectors(_ bytes: [UInt8], _ sum: UInt32) {
    #expect(bytes.withUnsafeBytes { CRC32C.of($0) } == sum)
  }

  /// One bit at a time, as the polynomial says.
  private func slowly(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
    return ~crc
  }

  @Test func everyLengthAndAlignment() {
    var dice = Dice(1)
    let bytes = dice.bytes(96)
    for start in 0..<9 {
      for end in start...96 {
        let part = Array(bytes[start..<end])
        let sum = bytes.withUnsafeBytes {
          CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
        }
        #expect(sum == slowly(part))
        #expect(~part.withUnsafeBytes { CRC32C.updateBySlices(~0, $0) } == sum)
      }
    }
  }

  @Test func saltAndWordStandBeforeTheBytes() {
    var dice = Dice(2)
    let (salt, word, bytes) = (dice.next(), dice.next(), dice.bytes(37))
    let all = littleEndian(salt) + littleEndian(word) + bytes
    #expect(bytes.withUnsafeBytes { CRC32C.of(salt: salt, word, $0) } == slowly(all))
  }

  private func littleEndian(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
  }
}
