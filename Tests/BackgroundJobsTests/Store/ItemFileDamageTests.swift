import CPosix
import Testing

@testable import BackgroundJobs

@Suite struct ItemFileDamageTests {
  private let files: ItemFiles

  init() throws { files = try ItemFiles() }

  private func set(_ count: Int, _ items: Int, _ seed: UInt64 = 7) throws -> ItemSet {
    let set = ItemSet()
    var dice = Dice(seed)
    for _ in 0..<count { _ = try ItemOperation.run(&dice, on: set, items) }
    return set
  }

  /// A set without long items, so that its file is small.
  private func small() throws -> ItemSet {
    let set = ItemSet()
    for number in 0..<20 {
      let slot = try withBytes(of: "i\(number)") { item throws(JobError) in try set.insert(item) }
      if number < 15 { try set.plan(slot) }
      switch number % 5 {
      case 0: _ = try set.markDone(slot)
      case 1: _ = try set.markFailed(slot, why: "f\(number)")
      case 2: _ = try set.markSkipped(slot, why: nil)
      case 3: set.begin(slot, byOwner: true)
      default: break
      }
    }
    return set
  }

  private func overwrite(_ bytes: [UInt8], at offset: Int) throws {
    let file = try files.file()
    try withBytes(bytes) { bytes throws(JobError) in
      try file.write(bytes, at: Int64(offset), limit: .max)
    }
  }

  /// The message of what verifying throws; nil: nothing.
  private func found() throws -> String? {
    do throws(JobError) { try ItemFile.verify(try directoryFile()) } catch {
      #expect(error.status == .damaged)
      return error.message
    }
    return nil
  }

  private func directoryFile() throws(JobError) -> File {
    do { return try files.file() } catch { throw JobError(.io, "no file") }
  }

  /// Used, it has a fault, or answers as ever; nil: it was not opened.
  private func use(_ wanted: ItemAnswers) throws {
    let set: ItemSet
    do throws(JobError) { set = try ItemFile.open(try directoryFile()) } catch {
      #expect(error.status == .damaged)
      return
    }
    let answers = ItemAnswers(set)
    #expect(set.fault != nil || answers == wanted)
  }

  @Test func everyFlippedBitIsFound() throws {
    let before = try small()
    try files.write(before)
    let wanted = ItemAnswers(before)
    let bytes = try readBytes(at: files.path)
    for place in bytes.indices where bytes[place] != 0 || place % 101 == 0 {
      try overwrite([bytes[place] ^ 1 << UInt8(place % 8)], at: place)
      let message = try found()
      // Between two sections there is nothing.
      if bytes[place] != 0 {
        #expect(message?.hasPrefix("\(files.path): byte ") == true, "byte \(place)")
      }
      try use(wanted)
      try overwrite([bytes[place]], at: place)
    }
    #expect(try found() == nil)
  }

  @Test func theBytePointsAtThePage() throws {
    try files.write(try set(3000, 500))
    let bytes = try readBytes(at: files.path)
    for place in stride(from: 4100, to: bytes.count, by: 9001) where bytes[place] != 0 {
      try overwrite([bytes[place] ^ 0x10], at: place)
      let message = try #require(try found())
      let byte = try #require(
        message.split(separator: " ").compactMap { Int($0.dropLast()) }.first)
      #expect(byte <= place && byte > place - 4096, "\(place): \(message)")
      try overwrite([bytes[place]], at: place)
    }
  }

  @Test func everyCutIsFound() throws {
    let before = try small()
    try files.write(before)
    let wanted = ItemAnswers(before)
    let size = try readBytes(at: files.path).count
    for length in stride(from: size - 1, through: 0, by: -97) {
      let opened = length % 7 == 0 ? try? files.open() : nil
      try files.file().truncate(to: Int64(length))
      #expect(try found() != nil, "\(length)")
      try use(wanted)
      if let opened {
        let answers = ItemAnswers(opened)
        #expect(opened.fault != nil || answers == wanted)
      }
      try files.write(before)
    }
  }

  @Test func aPageThatCannotBeReadIsAFault() throws {
    let before = try set(3000, 500)
    let set = try files.reopened(before)
    let fail = Faults.Hook(operation: { operation, _ in operation == .read ? EIO : nil })
    Faults.with(fail, in: files.scratch) {
      #expect(withBytes(ItemOperation.item(30)) { set.find($0) } == nil)
    }
    #expect(set.fault?.status == .io)
    #expect(throws: JobError.self) { try set.loadAll() }
    #expect(throws: JobError.self) { try set.loadAll() }
    #expect(set.fault?.status == .io)
    _ = ItemAnswers(set)
  }

  @Test func aNewerVersionIsToldApart() throws {
    try files.write(try small())
    var bytes = try readBytes(at: files.path)
    bytes[8] = 2
    let sum = bytes[..<140].withUnsafeBytes { CRC32C.of($0) }
    for byte in 0..<4 { bytes[140 + byte] = UInt8(truncatingIfNeeded: sum >> (8 * byte)) }
    try writeBytes(bytes, at: files.path)
    let file = try files.file()
    do throws(JobError) {
      _ = try ItemFile.open(file)
      Issue.record("it was opened")
    } catch { #expect(error.status == .unsupported) }
  }
}
