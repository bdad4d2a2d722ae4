import Foundation
import Testing

@testable import BackgroundJobs

/// Who writes the state file when: one pace for all, and whoever comes next pays for who has gone.
@Suite struct PublicationTests {
  private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  /// Each publication is a file of its own.
  private func inode(_ scratch: Scratch) -> UInt64 {
    var status = stat()
    return stat(scratch.stateFile, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private func isUnpublished(_ manager: JobManager) throws -> Bool {
    try manager.withFiles { store throws(JobError) in
      try store.refresh()
      return store.state.isUnpublished
    }
  }

  private func publication(_ manager: JobManager) throws -> Publication {
    try manager.withFiles { store throws(JobError) in
      try store.refresh()
      return store.state.publication
    }
  }

  /// As if the last publication had been such a one.
  private func set(_ pace: Pace, _ manager: JobManager) throws {
    try manager.withFiles { store throws(JobError) in
      try store.lock()
      defer { store.unlock() }
      var publication = store.state.publication
      publication.pace = pace
      try store.append(.store(.published(publication)), durable: false)
    }
  }

  /// For a minute nothing is due.
  private var heldBack: Pace {
    Pace(time: Self.now(), cost: 3_000_000, left: 0, leftForProgress: 0)
  }

  private func due(cost: UInt32) -> Pace {
    Pace(time: Self.now() - 600_000, cost: cost, left: 8000, leftForProgress: 3000)
  }

  @Test func manyManagersPublishNoMoreOftenThanOne() throws {
    let scratch = try Scratch()
    let first = try scratch.manager()
    let job = try first.create("clone")
    var seen: Set<UInt64> = [inode(scratch)]
    let begin = Self.now()
    var leastCost = UInt32.max
    var last = inode(scratch)
    var count = 0
    for number in 0..<120 {
      let manager = try scratch.manager()
      try manager.withFiles { $0.costBeside = 8_000_000 }
      let same = try manager.find(job.id)
      if number % 2 == 0 { _ = try same.pause() } else { _ = try same.resume() }
      let now = inode(scratch)
      if now != last {
        count += 1
        leastCost = min(leastCost, try publication(manager).pace.cost)
      }
      last = now
      seen.insert(now)
    }
    let passed = Self.now() - begin
    #expect(count >= 1)
    #expect(leastCost >= 8000)
    #expect(Int64(count) <= 8 + passed * 1000 / (20 * Int64(leastCost)) + 1)
  }

  @Test func heldBackByOneAllWait() throws {
    let scratch = try Scratch()
    let first = try scratch.manager()
    let job = try first.create("clone")
    _ = try job.startDetached()
    try set(heldBack, first)
    let before = inode(scratch)
    for number in 0..<20 {
      let manager = try scratch.manager()
      let same = try manager.find(job.id)
      if number % 2 == 0 { _ = try same.pause() } else { _ = try same.resume() }
      _ = try same.update(current: Int64(number))
    }
    #expect(inode(scratch) == before)
  }

  @Test func whoComesNextPaysForWhoHasGone() throws {
    let scratch = try Scratch()
    var gone: JobManager? = try scratch.manager()
    let job = try #require(try gone?.create("clone"))
    try #require(gone.map { try set(heldBack, $0) })
    try job.pause()
    #expect(try String(contentsOfFile: scratch.stateFile, encoding: .utf8).contains("pending"))
    gone = nil
    let next = try scratch.manager()
    // A reader owes nothing.
    let before = inode(scratch)
    try scratch.manager().close()
    #expect(inode(scratch) == before)
    try set(due(cost: 1000), next)
    // Nothing to do for itself.
    _ = try next.find(job.id).pause()
    #expect(try String(contentsOfFile: scratch.stateFile, encoding: .utf8).contains("paused"))
    #expect(try !isUnpublished(next))
  }

  /// Whoever has the lock owes it, also at its end.
  @Test func closePaysForWhoHasGone() throws {
    let scratch = try Scratch()
    let gone = try scratch.manager()
    let job = try gone.create("clone")
    try set(heldBack, gone)
    try job.pause()
    let next = try scratch.manager()
    _ = try next.find(job.id).pause()
    let before = inode(scratch)
    try next.close()
    #expect(inode(scratch) != before)
    // And has paid for the one that is still there.
    let after = inode(scratch)
    try gone.close()
    #expect(inode(scratch) == after)
  }

  @Test func aPublicationOwesNothing() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    _ = try manager.create("clone")
    try manager.sync()
    let other = try scratch.manager()
    #expect(try !isUnpublished(other))
    try manager.withFiles { store throws(JobError) in
      try store.lock()
      defer { store.unlock() }
      try store.append(.store(.named), durable: true)
    }
    #expect(try !isUnpublished(other))
  }

  @Test func aClockSetBackHoldsNobodyBack() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    try set(
      Pace(time: Self.now() + 3_600_000, cost: 9_000, left: 0, leftForProgress: 0), manager)
    let before = inode(scratch)
    try job.pause()
    #expect(inode(scratch) != before)
    #expect(abs(try publication(manager).pace.time - Self.now()) < 60_000)
  }

  @Test func compactionKeepsPaceAndDebt() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    let pace = heldBack
    try set(pace, manager)
    func compact() throws {
      try manager.withFiles { store throws(JobError) in
        try store.lock()
        defer { store.unlock() }
        try store.compact()
      }
    }
    try compact()
    #expect(try publication(scratch.manager()).pace == pace)
    #expect(try !isUnpublished(scratch.manager()))
    try job.pause()
    try compact()
    #expect(try publication(scratch.manager()).pace == pace)
    #expect(try isUnpublished(scratch.manager()))
  }

  /// More than 4 MiB.
  private static let large = "{\"text\":\"\(String(repeating: "x", count: 5 << 20))\"}"

  /// Where the file is large, the call does not pay for it.
  @Test func aTransitionOfALargeFileIsPublishedByTheNextWait() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone", config: Self.large)
    // No report is due before the transition is.
    var pace = due(cost: 50_000)
    (pace.time, pace.leftForProgress) = (Self.now() - 100, 0)
    try set(pace, manager)
    let before = inode(scratch)
    try job.start()
    #expect(inode(scratch) == before)
    for _ in 0..<100 where inode(scratch) == before {
      _ = try job.wait(for: .completed, timeoutMs: 100)
    }
    #expect(inode(scratch) != before)
    #expect(try String(contentsOfFile: scratch.stateFile, encoding: .utf8).contains("running"))
  }

  @Test func closePublishesATransitionOfALargeFile() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone", config: Self.large)
    try set(due(cost: 50_000), manager)
    let before = inode(scratch)
    try job.pause()
    #expect(inode(scratch) == before)
    try manager.close()
    #expect(inode(scratch) != before)
  }

  /// What another tool has written back says nothing new, and is to go all the same.
  @Test func anOldCopyIsOwedByWhoComesNext() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    let old = try String(contentsOfFile: scratch.stateFile, encoding: .utf8)
    try job.pause()
    try set(heldBack, manager)
    // Not racy.
    usleep(50_000)
    try scratch.writeStateFile(old)
    usleep(50_000)
    _ = try manager.find(job.id).pause()
    #expect(try isUnpublished(scratch.manager()))
  }

  /// More changes than are remembered are not in the file that another tool has read and replaced.
  @Test func aFileThatIsFarBehindTakesNoStatusBack() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    let old = try scratch.stateObject()
    try set(heldBack, manager)
    for _ in 0..<6 {
      try job.pause()
      try job.resume()
    }
    try job.pause()
    usleep(50_000)
    var object = old
    object["note"] = "theirs"
    let data = try JSONSerialization.data(withJSONObject: object)
    try data.write(to: URL(fileURLWithPath: scratch.stateFile + ".new"))
    #expect(rename(scratch.stateFile + ".new", scratch.stateFile) == 0)
    usleep(50_000)
    try manager.sync()
    #expect(try job.info().status == .paused)
    #expect(try scratch.stateObject()["note"] as? String == "theirs")
  }

  // MARK: What is left to another process

  /// A manager with a transition that it may not publish yet.
  private func owing() throws -> (Scratch, JobManager) {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    try set(heldBack, manager)
    try job.pause()
    return (scratch, manager)
  }

  @Test func whatIsLeftIsPublishedOnce() throws {
    let (scratch, manager) = try owing()
    let before = inode(scratch)
    var heard: Int64 = 0
    try manager.close { wait, _ in
      heard = wait
      return true
    }
    #expect((1000...61_000).contains(heard))
    #expect(inode(scratch) == before)
    let child = try scratch.manager()
    #expect(try child.publishOwed(anyway: false, cost: 0) ?? 0 > 1000)
    #expect(inode(scratch) == before)
    #expect(try child.publishOwed(anyway: true, cost: 0) == nil)
    let after = inode(scratch)
    #expect(after != before)
    #expect(try child.publishOwed(anyway: true, cost: 0) == nil)
    #expect(inode(scratch) == after)
  }

  @Test func withoutASuccessorItIsPublishedNow() throws {
    let (scratch, manager) = try owing()
    let before = inode(scratch)
    try manager.close { _, _ in false }
    #expect(inode(scratch) != before)
  }

  @Test func whatWasDeletedIsNotMadeAnew() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    _ = try manager.create("clone")
    let child = try scratch.manager()
    try FileManager.default.removeItem(atPath: scratch.state)
    #expect(try child.publishOwed(anyway: true, cost: 0) == nil)
    #expect(!FileManager.default.fileExists(atPath: scratch.state))
    // Nor when it goes in the last moment.
    try child.withFiles { store throws(JobError) in
      _ = #expect(throws: JobError.self) { try store.lock() }
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.state))
  }
}
