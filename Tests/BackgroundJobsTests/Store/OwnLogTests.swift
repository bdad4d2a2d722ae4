import Foundation
import Testing

@testable import BackgroundJobs

/// The log of a living owner is damaged under it, or cannot be synced: what it has acknowledged is
/// there all the same, whoever compacts meanwhile, and the damage is told.
@Suite struct OwnLogTests {
  private static let items = (0..<600).map { "item-\($0)" }

  enum Damage: CaseIterable { case header, byte, page, cut }

  private func damage(_ log: String, _ kind: Damage) throws {
    var bytes = try readBytes(at: log)
    switch kind {
    // Others cannot read it then; that does not make them take its owner for dead.
    case .header: bytes[30] ^= 4
    case .byte: bytes[bytes.count / 8] ^= 4
    case .page: for place in 4096..<8192 { bytes[place] = 0x55 }
    case .cut: bytes.removeLast(bytes.count / 2)
    }
    // In place: the owner has it open.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    try file.write(contentsOf: Data(bytes))
    try file.truncate(atOffset: UInt64(bytes.count))
    try file.close()
  }

  private func start(_ manager: JobManager) throws -> Job {
    let job = try manager.create("import")
    try job.plan(Self.items)
    _ = try job.start()
    for item in Self.items.prefix(500) { try job.done(item) }
    try job.advance(by: 7)
    return job
  }

  private func isAllDone(_ scratch: Scratch) throws -> Bool {
    let job = try View(scratch)["import"]
    return job.done.sorted() == Self.items.sorted() && job.current == 607
  }

  /// Between two looks, others compact once, and the journal is followed, or twice.
  @Test(arguments: Damage.allCases, [1, 2])
  func nothingIsLost(_ kind: Damage, compactions: Int) throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try start(manager)
    try damage(try scratch.logs()[0], kind)
    #expect(try manager.check().firstFinding != nil || kind == .cut)
    let other = try scratch.manager()
    _ = try other.create("filler")
    for _ in 0..<compactions { try other.compactNow() }
    usleep(30_000)
    for item in Self.items.suffix(100) { try job.done(item) }
    #expect(try job.info().current == 607)
    if compactions == 1 { try manager.compactNow() }
    #expect(try isAllDone(scratch))
    try other.compactNow()
    _ = try job.complete()
    try manager.close()
    #expect(try isAllDone(scratch))
    #expect(try told(scratch) == 1)
  }

  private func told(_ scratch: Scratch) throws -> Int {
    let ours = try scratch.stateObject()["bgjobs"] as? [String: Any]
    return (ours?["setAside"] as? [String: Any])?.count ?? 0
  }

  @Test func aDeletedLogIsWrittenAnew() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try start(manager)
    try FileManager.default.removeItem(atPath: scratch.logs()[0])
    #expect(try manager.check().firstFinding != nil)
    usleep(30_000)
    for item in Self.items.suffix(100) { try job.done(item) }
    #expect(try isAllDone(scratch.copy()))
    try manager.close()
    #expect(try isAllDone(scratch))
    #expect(try told(scratch) == 1)
  }

  /// An edit by another tool is laid over the state, and the next look begins anew.
  @Test func aReportComesAfterAllThatWasReportedBefore() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try start(manager)
    try manager.sync()
    for item in Self.items[500..<550] { try job.done(item) }
    var edited = try scratch.stateObject()
    edited["theirs"] = 1
    let text = try JSONSerialization.data(withJSONObject: edited)
    try text.write(to: URL(fileURLWithPath: scratch.stateFile))
    _ = try job.info()
    try manager.withFiles { store throws(JobError) in #expect(store.isOverlaid) }
    _ = try scratch.manager().create("other")
    usleep(30_000)
    for item in Self.items[550...] { try job.done(item) }
    #expect(try job.info().current == 607)
    try manager.compactNow()
    #expect(try isAllDone(scratch))
  }

  /// The log that could not be synced is closed then: the report behind that is in the new one.
  @Test func aReportGoesOnInTheNewLogWhenTheOldOneCannotBeSynced() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try start(manager)
    let log = try scratch.logs()[0]
    let hook = Faults.Hook(operation: { operation, name in
      operation == .sync && name == log ? EIO : nil
    })
    try Faults.with(hook, in: scratch) {
      try manager.withFiles { store throws(JobError) in
        store.logs.owned[0].failure = JobError(.io, "a sync failed")
      }
      try job.done(Self.items[500])
    }
    #expect(try View(scratch.copy())["import"].done.count == 501)
    #expect(try scratch.logs() != [log])
    for item in Self.items[501...] { try job.done(item) }
    #expect(try isAllDone(scratch.copy()))
  }
}
