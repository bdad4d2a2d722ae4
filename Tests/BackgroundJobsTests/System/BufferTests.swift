import Testing

@testable import BackgroundJobs

@Suite struct BufferTests {
  private static let numbers: [UInt64] = [
    0, 1, 127, 128, 16_383, 16_384, 1 << 32, 1 << 56, 1 << 63, .max, .max - 1,
  ]
  private static let signed: [Int64] = [0, -1, 1, 63, -64, 64, -65, .max, .min, .max - 1, .min + 1]

  private func sample() throws -> Buffer {
    let buffer = Buffer()
    for number in Self.numbers { buffer.appendVarint(number) }
    for number in Self.signed { buffer.appendSigned(number) }
    buffer.append(UInt8(7))
    buffer.append(UInt32(0x0102_0304), as: UInt32.self)
    buffer.append(UInt64.max - 5, as: UInt64.self)
    buffer.appendCounted("grüße 🧵")
    buffer.appendOptional(nil)
    buffer.appendOptional("")
    buffer.appendOptional("why")
    return buffer
  }

  /// What was read, as texts.
  private func read(_ reader: inout Reader) -> [String] {
    var found: [String] = []
    for _ in Self.numbers { found.append("\(reader.varint())") }
    for _ in Self.signed { found.append("\(reader.signed())") }
    found.append("\(reader.byte())")
    found.append("\(reader.fixed(UInt32.self))")
    found.append("\(reader.fixed(UInt64.self))")
    found.append(reader.text())
    for _ in 0..<3 { found.append("\(reader.optionalText() ?? "nil")") }
    return found
  }

  @Test func readsWhatWasWritten() throws {
    let buffer = try sample()
    var reader = Reader(buffer.bytes)
    let wanted =
      Self.numbers.map { "\($0)" } + Self.signed.map { "\($0)" }
      + ["7", "16909060", "18446744073709551610", "grüße 🧵", "nil", "", "why"]
    #expect(read(&reader) == wanted)
    #expect(reader.isAtEnd && !reader.failed)
  }

  @Test func withoutMemoryNothingMoreIsAppended() throws {
    let buffer = Buffer()
    buffer.append(UInt8(1))
    try buffer.requireWhole()
    // More than a buffer may have.
    var byte: UInt8 = 2
    withUnsafeMutablePointer(to: &byte) {
      buffer.append(UnsafeRawBufferPointer(start: $0, count: 1 << 41))
    }
    buffer.append(UInt8(3))
    buffer.appendOptional("why")
    buffer.pad(to: 8)
    #expect(buffer.count == 1 && buffer.isCut)
    #expect(throws: JobError.self) { try buffer.requireWhole() }
    let other = Buffer()
    other.append(whole: buffer)
    #expect(throws: JobError.self) { try other.requireWhole() }
    buffer.clear()
    buffer.append(UInt8(4))
    try buffer.requireWhole()
    #expect(buffer.count == 1)
  }

  @Test func everyTruncationFailsAndGivesNothing() throws {
    let buffer = try sample()
    for count in 0..<buffer.count {
      var reader = Reader(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
      let found = read(&reader)
      #expect(reader.failed, "\(count)")
      #expect(found.last == "nil" || found.last == "", "\(count)")
    }
  }

  @Test func randomBytesAreSafe() {
    var dice = Dice(3)
    for _ in 0..<2000 {
      let bytes = dice.bytes(Int.random(in: 0...80, using: &dice))
      bytes.withUnsafeBytes { raw in
        var reader = Reader(raw)
        _ = read(&reader)
        while !reader.isAtEnd, !reader.failed { _ = reader.counted() }
        #expect(reader.offset <= raw.count)
      }
    }
  }

  @Test(
    arguments: [
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x80],
    ] as [[UInt8]])
  func numbersPast64BitsFail(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      #expect(reader.varint() == 0)
      #expect(reader.failed)
    }
  }

  @Test func lengthsPastTheEndFail() throws {
    for length in [5, 1 << 31, 1 << 62, UInt64.max] as [UInt64] {
      let buffer = Buffer()
      buffer.appendVarint(length)
      buffer.append(UInt32(0), as: UInt32.self)
      var reader = Reader(buffer.bytes)
      #expect(reader.counted().isEmpty)
      #expect(reader.failed)
    }
  }

  @Test func storesOnlyInside() throws {
    let buffer = Buffer()
    buffer.append(UInt64(0), as: UInt64.self)
    for offset in [-1, 5, 8, 1 << 40] {
      buffer.store(UInt32.max, at: offset, as: UInt32.self)
    }
    #expect(buffer.bytes.allSatisfy { $0 == 0 })
    buffer.store(UInt32.max, at: 4, as: UInt32.self)
    #expect(Array(buffer.bytes) == [0, 0, 0, 0, 255, 255, 255, 255])
  }
}
