import Foundation
import Testing

@testable import BackgroundJobs

/// Jobs that are not in memory: they are what they were, whoever compacts, and their damage is seen.
@Suite struct PackTests {
  /// Nine jobs of all kinds, in a pack.
  private func build() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.writeStateFile(
      #"{"jobs":[{"id":"foreign","status":"pending","x":1},["no job"]],"top":[1]}"#)
    let manager = try scratch.manager()
    for number in 0..<8 {
      let job = try manager.create("type-\(number % 3)")
      try job.plan(["a", "b", "c"])
      _ = try job.startDetached()
      try job.done("a")
      try job.failed("b", "reason \(number)")
      if number % 2 == 0 { _ = try job.complete() } else { _ = try job.cancel() }
    }
    try manager.compactNow()
    try manager.close()
    return scratch
  }

  @Test func whatIsNotInMemoryIsTheSame() throws {
    let scratch = try build()
    let before = try View(scratch)
    let manager = try scratch.manager()
    try manager.withFiles { store throws(JobError) in
      try store.refresh()
      #expect(store.state.known.isEmpty)
      #expect(store.state.entries.count == 10)
      #expect(store.state.opaqueEntries == [#"["no job"]"#])
    }
    #expect(try View(scratch) == before)
    let text = try String(contentsOfFile: scratch.stateFile, encoding: .utf8)
    try manager.withFiles { store throws(JobError) in
      try store.transact { () throws(JobError) in _ = try store.publish() }
      #expect(store.state.known.isEmpty)
    }
    let again = try String(contentsOfFile: scratch.stateFile, encoding: .utf8)
    let seq = /"seq": \d+/
    #expect(again.replacing(seq, with: "") == text.replacing(seq, with: ""))
  }

  @Test func whatDidNotChangeIsNotWrittenAgain() throws {
    let scratch = try build()
    let pack = try scratch.pack()
    let before = try readBytes(at: pack)
    let manager = try scratch.manager()
    let id = try manager.list([.failed]).first?.id ?? ""
    _ = try manager.find(id).retry()
    try manager.compactNow()
    let after = try readBytes(at: pack)
    #expect(Array(after.prefix(before.count)) == before)
    let added = String(decoding: after.dropFirst(before.count), as: UTF8.self)
    #expect(added.contains(id))
    #expect(added.count < 2 * before.count / 9)
    #expect(try scratch.manager().find(id).info().status == .pending)
  }

  @Test func aWastefulPackIsReplaced() throws {
    let scratch = try build()
    let (before, pack) = (try View(scratch), try scratch.pack())
    let reader = try scratch.manager { $0.isReadOnly = true }
    try reader.withFiles { store throws(JobError) in try store.refresh() }
    let manager = try scratch.manager()
    let big = try manager.create(
      "big", config: "{\"x\":\"\(String(repeating: "x", count: 300_000))\"}")
    for _ in 0..<6 {
      _ = try big.pause()
      try manager.compactNow()
    }
    #expect(try scratch.pack() != pack)
    // It had read the snapshot before, and has what that refers to.
    #expect(try reader.view().jobs.filter { $0.type != "big" } == before.jobs)
    #expect(try View(scratch).jobs.filter { $0.type != "big" } == before.jobs)
  }

  /// Each has seen less of the pack than is there.
  @Test func compactionsOfTwoAreOfOnePack() throws {
    let scratch = try build()
    let managers = [try scratch.manager(), try scratch.manager()]
    for round in 0..<12 {
      let manager = managers[round % 2]
      _ = try manager.create("round-\(round)")
      try manager.compactNow()
      #expect(try scratch.manager().check().firstFinding == nil, "round \(round)")
      #expect(try View(scratch).jobs.count == 10 + round, "round \(round)")
    }
  }

  /// What one has stored, another has stored anew and deleted meanwhile.
  @Test func compactionsOfTwoKeepTheItems() throws {
    let scratch = try Scratch()
    let managers = [try scratch.manager(), try scratch.manager()]
    let job = try managers[0].create("big")
    try job.plan((0..<300).map { "item-\($0)" })
    _ = try job.startDetached()
    for round in 0..<12 {
      let (one, other) = (managers[round % 2], managers[1 - round % 2])
      try one.find(job.id).done("item-\(round)")
      _ = try other.list()
      try one.compactNow()
      for manager in [other, one] {
        _ = try manager.create("round-\(round)")
        try manager.compactNow()
      }
      #expect(try scratch.manager().check().firstFinding == nil, "round \(round)")
      #expect(try View(scratch)["big"].done.count == round + 1, "round \(round)")
    }
  }

  @Test func everyRottenByteIsSeenAndMended() throws {
    let built = try build()
    let before = try View(built)
    let (name, size) = (try built.pack(), try readBytes(at: try built.pack()).count)
    var seen = 0
    for place in stride(from: 0, to: size, by: 41) {
      let disk = try built.copy()
      let path = disk.path + name.dropFirst(built.path.count)
      var bytes = try readBytes(at: path)
      bytes[place] ^= 0x10
      try writeBytes(bytes, at: path)
      if try disk.manager().check().firstFinding != nil { seen += 1 }
      #expect(try View(disk) == before, "byte \(place)")
      let manager = try disk.manager()
      _ = try manager.list()
      _ = try manager.create("another")
      _ = try manager.create("another")
      try manager.close()
      #expect(try View(disk).jobs.filter { $0.type != "another" } == before.jobs, "byte \(place)")
      #expect(try disk.pack().hasSuffix(".corrupt") == false)
    }
    #expect(seen > size / 41 - 2)
  }

  /// Who meets one damaged text begins a new pack, and meets the next.
  @Test func severalDamagedTextsAreMendedAtOnce() throws {
    let disk = try build()
    let before = try View(disk)
    var bytes = try readBytes(at: try disk.pack())
    for place in stride(from: 40, to: bytes.count, by: 97) { bytes[place] ^= 0x10 }
    try writeBytes(bytes, at: try disk.pack())
    let manager = try disk.manager()
    let ids = try disk.stateObject()["jobs"].map { $0 as? [Any] ?? [] } ?? []
    let names = ids.compactMap { ($0 as? [String: Any])?["id"] as? String }
    #expect(names.count == 9)
    _ = try manager.find(names[0])
    _ = try manager.create("another")
    for name in names { #expect(try manager.find(name).id == name) }
    #expect(try View(disk).jobs.filter { $0.type != "another" } == before.jobs)
  }

  @Test func aMissingPackIsTakenFromTheStateFile() throws {
    let disk = try build()
    let before = try View(disk)
    try FileManager.default.removeItem(atPath: try disk.pack())
    #expect(try disk.manager().check().firstFinding != nil)
    #expect(try View(disk) == before)
    _ = try disk.manager().create("another")
    #expect(try View(disk).jobs.count == 10)
  }
}

extension Scratch {
  func pack() throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: files)
    let packs = names.filter { $0.hasPrefix("pack-") && !$0.contains("corrupt") }
    return "\(files)/\(try #require(packs.count == 1 ? packs.first : nil))"
  }
}

extension JobManager {
  func compactNow() throws(JobError) {
    try withFiles { store throws(JobError) in
      try store.transact { () throws(JobError) in try store.compact() }
    }
  }

  func view() throws(JobError) -> View {
    try withFiles { store throws(JobError) in try store.view() }
  }
}
