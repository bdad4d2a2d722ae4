import Testing

@testable import BackgroundJobs

/// Against the standard library.
@Suite struct UTF8CheckTests {
  private func agrees(_ bytes: [UInt8]) -> Bool {
    let wanted = String(validating: bytes, as: UTF8.self) != nil
    return bytes.withUnsafeBytes { isUTF8($0) } == wanted
  }

  @Test func everyShortSequence() {
    for first in UInt8.min...UInt8.max {
      #expect(agrees([first]))
      for second in stride(from: 0, through: 255, by: 1) {
        if !agrees([first, UInt8(second)]) { Issue.record("\(first) \(second)") }
      }
    }
  }

  /// Around every boundary of table 3-7, at every distance from the eight bytes taken at once.
  @Test func everyBoundary() {
    let edges: [UInt8] = [
      0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
      0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ]
    for a in edges {
      for b in edges {
        for c in edges {
          for d in [0x7f, 0x80, 0xbf, 0xc0] as [UInt8] where !agrees([a, b, c, d]) {
            Issue.record("\([a, b, c, d])")
          }
          if !agrees([a, b, c]) { Issue.record("\([a, b, c])") }
        }
      }
    }
  }

  @Test func textsWithOneByteChanged() {
    var dice = Dice(4)
    let text = Array("abcdefgh ä ß 漢字 🧵🧶 tail of it".utf8)
    for _ in 0..<5000 {
      var bytes = Array(repeating: 0x41, count: Int.random(in: 0...9, using: &dice)) + text
      bytes[Int.random(in: bytes.indices, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
      bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &dice)))
      if !agrees(bytes) { Issue.record("\(bytes)") }
    }
  }
}
