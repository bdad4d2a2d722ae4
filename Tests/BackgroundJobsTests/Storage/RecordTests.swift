import Testing

@testable import BackgroundJobs

@Suite struct RecordTests {
  private let salt: UInt64 = 0x1234_5678_9abc_def0

  private func record(_ payload: [UInt8], seq: UInt64 = 7) throws -> [UInt8] {
    let buffer = Buffer()
    try Record.append(to: buffer, kind: .created, seq: seq, synced: 6, salt: salt) {
      buffer throws(JobError) in for byte in payload { buffer.append(byte) }
    }
    return Array(buffer.bytes)
  }

  @Test(arguments: 0...20)
  func comesBackAtEveryLength(_ length: Int) throws {
    var dice = Dice(UInt64(length))
    let payload = dice.bytes(length)
    let bytes = try record(payload)
    #expect(bytes.count % 8 == 0)
    bytes.withUnsafeBytes { raw in
      let found = Record.parse(raw, at: 0, salt: salt)
      #expect(found?.seq == 7 && found?.synced == 6 && found?.size == bytes.count)
      #expect(found?.kind == Record.Kind.created.rawValue)
      #expect(found.map { Array($0.payload) } == payload)
      #expect(Record.parse(raw, at: 0, salt: salt ^ 1) == nil, "a record of another file")
      for count in 0..<raw.count {
        let cut = UnsafeRawBufferPointer(rebasing: raw[..<count])
        #expect(Record.parse(cut, at: 0, salt: salt) == nil)
      }
    }
  }

  /// All but the padding is under the checksum.
  @Test func everyFlippedBitIsSeen() throws {
    let bytes = try record([1, 2, 3, 4, 5])
    for place in 0..<Record.headerSize + 5 {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[place] ^= 1 << bit
        #expect(flipped.withUnsafeBytes { Record.parse($0, at: 0, salt: salt) == nil })
      }
    }
  }

  @Test func randomBytesAreNoRecord() {
    var dice = Dice(1)
    for _ in 0..<3000 {
      var bytes = dice.bytes(Int.random(in: 0...100, using: &dice))
      if bytes.count > 4 { (bytes[1], bytes[2], bytes[3]) = (0, 0, 0) }
      bytes.withUnsafeBytes { raw in
        for offset in [-1, 0, 8, raw.count, raw.count + 1, 1 << 40] {
          #expect(Record.parse(raw, at: offset, salt: salt) == nil)
        }
      }
    }
  }

  /// What is left of a longer record behind a shorter one is not taken for the next.
  @Test func aRestOfAnOlderRecordIsNoRecord() throws {
    let old = try record([UInt8](repeating: 0xaa, count: 64))
    let new = try record([1], seq: 8)
    let file = new + old.dropFirst(new.count)
    file.withUnsafeBytes { raw in
      #expect(Record.parse(raw, at: 0, salt: salt)?.seq == 8)
      #expect(Record.parse(raw, at: new.count, salt: salt) == nil)
    }
  }

  @Test func aLogRecordBelongsToItsPlace() throws {
    let buffer = Buffer()
    buffer.append(UInt64(0), as: UInt64.self)
    for byte in [9, 8, 7] as [UInt8] { buffer.append(byte) }
    let payload = UnsafeRawBufferPointer(rebasing: buffer.bytes[8...])
    let sum = CRC32C.of(salt: salt, 5, payload)
    buffer.store(UInt32(3), at: 0, as: UInt32.self)
    buffer.store(sum, at: 4, as: UInt32.self)
    buffer.append(UInt8(0))
    #expect(LogFormat.record(buffer.bytes, at: 0, salt: salt, index: 5)?.count == 3)
    #expect(LogFormat.record(buffer.bytes, at: 0, salt: salt, index: 4) == nil)
    #expect(LogFormat.record(buffer.bytes, at: 0, salt: salt + 1, index: 5) == nil)
    for count in 0..<buffer.count {
      let cut = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
      #expect(LogFormat.record(cut, at: 0, salt: salt, index: 5) == nil)
    }
  }
}
