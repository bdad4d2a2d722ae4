import CPosix
import Testing

@testable import BackgroundJobs

@Suite struct FileTests {
  private let scratch: Scratch
  private let directory: Directory

  init() throws {
    scratch = try Scratch()
    directory = try Directory.open(path: scratch.path)
  }

  private func make(_ name: String = "file") throws -> File {
    try directory.open(name, O_RDWR | O_CREAT)
  }

  // MARK: Locks

  @Test func lockBelongsToTheDescriptor() throws {
    let (one, two) = (try make(), try make())
    #expect(try one.tryLock())
    #expect(try one.tryLock(), "one's own lock is no obstacle")
    #expect(try !two.tryLock())
    #expect(try two.isLockedByAnother())
    #expect(try !one.isLockedByAnother())
    one.unlock()
    #expect(try !two.isLockedByAnother())
    #expect(try two.tryLock())
  }

  @Test func lockEndsWithItsDescriptorOnly() throws {
    var one: File? = try make()
    let two = try make()
    #expect(try one?.tryLock() == true)
    // Closing another descriptor of the file would drop a lock of the old kind.
    _ = try make()
    #expect(try two.isLockedByAnother())
    one = nil
    try Locks.waitUntilFree { try !two.isLockedByAnother() }
  }

  @Test func lockIsSeenThroughAReadOnlyDescriptor() throws {
    let one = try make()
    let two = try directory.open("file", O_RDONLY)
    #expect(try one.tryLock())
    #expect(try two.isLockedByAnother())
  }

  // MARK: Reading and writing

  private func write(_ bytes: [UInt8], to file: File, at offset: Int64 = 0, limit: Int64 = .max)
    throws
  {
    let buffer = Buffer()
    for byte in bytes { buffer.append(byte) }
    try file.write(buffer.bytes, at: offset, limit: limit)
  }

  @Test func aShortWriteIsCarriedOn() throws {
    let file = try make()
    var sizes: [Int] = []
    let hook = Faults.Hook(write: { count, _ in
      sizes.append(count)
      return min(count, 3)
    })
    try Faults.with(hook, in: scratch) { try write([UInt8](0..<10), to: file) }
    #expect(sizes == [10, 7, 4, 1])
    #expect(try readBytes(at: scratch.path + "/file") == [UInt8](0..<10))
  }

  @Test func aWriteOfNothingIsAFullDisk() throws {
    let file = try make()
    let hook = Faults.Hook(write: { _, _ in 0 })
    let error = #expect(throws: JobError.self) {
      try Faults.with(hook, in: scratch) { try write([1, 2], to: file) }
    }
    #expect(error?.status == .noSpace)
  }

  @Test func nothingIsWrittenPastTheLimit() throws {
    let file = try make()
    try write([1, 2, 3, 4], to: file, limit: 4)
    let error = #expect(throws: JobError.self) { try write([5], to: file, at: 4, limit: 4) }
    #expect(error?.osError == EFBIG)
    #expect(error?.status == .noSpace)
    #expect(try file.status().size == 4)
  }

  @Test func readingEndsWithTheFile() throws {
    let file = try make()
    try write([1, 2, 3, 4], to: file)
    let buffer = Buffer()
    try file.read(100, at: 1, into: buffer)
    #expect(Array(buffer.bytes) == [2, 3, 4])
    buffer.clear()
    try file.read(8, at: 9, into: buffer)
    #expect(buffer.count == 0)
  }

  @Test(
    arguments: [
      (ENOSPC, .noSpace), (EDQUOT, .noSpace), (EFBIG, .noSpace), (ENOMEM, .noMemory), (EIO, .io),
      (EACCES, .io), (EROFS, .io),
    ] as [(Int32, Status)])
  func errnoBecomesAStatus(_ number: Int32, _ status: Status) throws {
    let file = try make()
    let hook = Faults.Hook(operation: { operation, _ in operation == .sync ? number : nil })
    let error = #expect(throws: JobError.self) {
      try Faults.with(hook, in: scratch) { try file.syncData() }
    }
    #expect(error?.status == status)
    #expect(error?.osError == number)
    #expect(error?.message.contains(file.name) == true)
  }

  // MARK: Directories

  @Test func whatIsNotThereIsNil() throws {
    #expect(try directory.status("none") == nil)
    #expect(try directory.openIfThere("none", O_RDONLY) == nil)
    try directory.unlink("none")
  }

  @Test func namesAreListedEveryTime() throws {
    for name in ["a", "b"] { _ = try make(name) }
    #expect(try directory.names().filter { $0 != "." && $0 != ".." }.sorted() == ["a", "b"])
    #expect(try directory.names().filter { $0 != "." && $0 != ".." }.sorted() == ["a", "b"])
  }

  @Test func linkNeverReplaces() throws {
    _ = try (make("a"), make("b"))
    let error = #expect(throws: JobError.self) { try directory.link("a", to: "b") }
    #expect(error?.osError == EEXIST)
    try directory.rename("a", to: "b")
    #expect(try directory.status("a") == nil)
  }

  @Test func descriptorsAreOutOfTheHostsWay() throws {
    #expect(try make().descriptor >= 256)
  }
}
