import Testing

@testable import BackgroundJobs

@Suite struct HexTests {
  private func parse(_ text: String) -> UInt64? {
    Array(text.utf8).withUnsafeBytes { parseHex($0[...]) }
  }

  @Test(arguments: [0, 1, 0xf, 0x10, 0xdead_beef, .max, 1 << 63] as [UInt64])
  func roundTrip(_ value: UInt64) {
    #expect(parse(hex(value, digits: 16)) == value)
    #expect(hex(value, digits: 16).utf8.count == 16)
    #expect(parse(hex(value, digits: 16).uppercased()) == value)
  }

  @Test(arguments: ["", "g", "0x1", " 1", "-1", "+1", "00000000000000001", "ä"])
  func refused(_ text: String) { #expect(parse(text) == nil) }
}
