import Foundation
import Testing

@testable import BackgroundJobs

/// "A foreign file speaks only about what its writer had seen", rule by rule.
@Suite struct MergeTests {
  private let epoch = StateDocument.Epoch(high: 1, low: 2)
  private let state = FileState()
  private let owner = Owner()

  /// Whether the job's owner lives, where it has one; nil: nobody can tell.
  private final class Owner { var isAlive: Bool? = true }

  /// Job "ours": created by event 1, paused by event 2.
  init() throws {
    try apply(
      .job("ours", .created(NewJob(type: "t", key: nil, config: "{\"n\":1}", total: 4))),
      .job("ours", .paused(reason: "asked", error: nil, resumeAt: nil)))
  }

  private func apply(_ changes: Change...) throws {
    for change in changes {
      let buffer = Buffer()
      try change.encode(time: 1000, to: buffer)
      let decoded = try #require(try Change.decode(change.kind.rawValue, buffer.bytes))
      try state.apply(decoded.change, at: Moment(seq: state.seq + 1, time: 1000))
    }
  }

  /// A file; `seq`: what its writer had seen of us.
  private func file(_ jobs: String, seq: UInt64?, top: String = "") -> String {
    let ours = seq.map { ",\"bgjobs\":{\"format\":1,\"epoch\":\"\(epochText)\",\"seq\":\($0)}" }
    return "{\(top)\"jobs\":[\(jobs)]\(ours ?? "")}"
  }

  private let epochText = "00000000000000010000000000000002"

  private func job(
    status: String = "paused", config: String = "{\"n\":1}", current: Int = 0, more: String = ""
  ) -> String {
    """
    {"id":"ours","type":"t","status":"\(status)","progress":{"current":\(current),"total":4,
    "itemsCompleted":[],"itemsFailed":[]},"startedAt":"1970-01-01T00:00:01.000Z",
    "updatedAt":"1970-01-01T00:00:01.000Z","config":\(config)\(more),
    "bgjobs":{"created":1,"rev":2,"reason":"asked"}}
    """
  }

  /// Merges a file, and gives what happened.
  @discardableResult
  private func merge(_ text: String) throws -> [Change] {
    let decoded = try Array(text.utf8).withUnsafeBytes { try StateDocument.decode($0) }
    let changes = try merge(of: decoded).changes()
    for change in changes { try apply(change) }
    return changes
  }

  private func merge(
    of file: StateDocument.Decoded, _ epoch: StateDocument.Epoch? = nil
  ) -> Merge {
    Merge(state, with: file, epoch: epoch ?? self.epoch) { [owner] job in
      job.owner == nil ? nil : owner.isAlive
    }
  }

  private var ours: JobState? { state.known("ours") }

  @Test func whatSaysNothingNewChangesNothing() throws {
    #expect(try merge(file(job(), seq: 2)).isEmpty)
    #expect(try merge(file(job(), seq: nil)).isEmpty)
  }

  @Test func statusIsTheirsWhenTheyHadSeenTheLatest() throws {
    try merge(file(job(status: "completed", current: 3), seq: 2))
    #expect(ours?.status == .completed)
    #expect(ours?.current == 3)
    #expect(ours?.reason == nil)
  }

  /// As of a store that they know nothing of.
  @Test func statusIsOursWhenTheyHadSeenNothing() throws {
    try merge(file(job(status: "completed", current: 3), seq: nil))
    #expect(ours?.status == .paused)
    #expect(ours?.current == 0)
  }

  /// Pending is what it had read; completed is what it says.
  @Test func whatTheyHadOnlyReadIsOurs() throws {
    try merge(file(job(status: "pending", current: 3), seq: 1))
    #expect(ours?.status == .paused)
    try merge(file(job(status: "completed", current: 3), seq: 1))
    #expect(ours?.status == .completed)
    #expect(ours?.current == 0)
  }

  @Test func aSeqOfAnotherStoreIsNone() throws {
    let text = file(job(status: "completed"), seq: 2)
    let other = text.replacingOccurrences(of: epochText, with: "f" + epochText.dropFirst())
    try merge(other)
    #expect(ours?.status == .paused)
  }

  @Test func statusIsOursWhileALogIsOpen() throws {
    try apply(
      .job("ours", .started(by: ProcessIdentity(pid: 1), fence: 1)))
    try merge(file(job(status: "failed"), seq: 99))
    #expect(ours?.status == .running)
  }

  @Test(arguments: [nil, 0, 2] as [UInt64?])
  func otherMembersAreTheirs(_ seen: UInt64?) throws {
    try merge(file(job(config: "{\"n\":2}", more: ",\"x\":[1]"), seq: seen, top: "\"v\":7,"))
    #expect(ours?.members["config"] == "{\"n\":2}")
    #expect(ours?.members["x"] == "[1]")
    #expect(state.topMembers["v"] == "7")
    #expect(ours?.status == .paused)
  }

  @Test func aRemovedMemberIsRemoved() throws {
    try merge(file(job(more: ",\"x\":1"), seq: 2))
    try merge(file(job(), seq: state.seq))
    #expect(ours?.members["x"] == nil)
  }

  /// It read before the newer edit, and writes back what that edit replaced.
  @Test func aStaleWriterDoesNotUndoANewerEdit() throws {
    try merge(file(job(config: "{\"n\":2}"), seq: 2))
    try merge(file(job(config: "{\"n\":1}"), seq: 2))
    #expect(ours?.members["config"] == "{\"n\":2}")
    // Who has seen it may go back; so may a stale writer to something of its own.
    try merge(file(job(config: "{\"n\":3}"), seq: 2))
    #expect(ours?.members["config"] == "{\"n\":3}")
    try merge(file(job(config: "{\"n\":2}"), seq: state.seq))
    #expect(ours?.members["config"] == "{\"n\":2}")
  }

  @Test func theSameHoldsAtTheTop() throws {
    try merge(file(job(), seq: 2, top: "\"v\":1,"))
    try merge(file(job(), seq: state.seq, top: "\"v\":2,"))
    try merge(file(job(), seq: 2, top: "\"v\":1,"))
    #expect(state.topMembers["v"] == "2")
  }

  @Test func newJobsOfOthersAreImported() throws {
    let theirs = "{\"id\":\"new\",\"status\":\"running\",\"x\":1}"
    try merge(file("\(job()),\(theirs)", seq: nil))
    #expect(state.known("new")?.members["x"] == "1")
    #expect(state.known("new")?.isOurs == false)
    // Their later edits of their own job are taken whole, whatever they had seen.
    try merge(file("\(job()),{\"id\":\"new\",\"status\":\"failed\"}", seq: nil))
    #expect(state.known("new")?.status == .failed)
    #expect(state.known("new")?.members["x"] == nil)
  }

  @Test func ourRemovedJobDoesNotComeBack() throws {
    try apply(.job("ours", .removed))
    try merge(file(job(), seq: 2))
    #expect(ours == nil)
  }

  @Test func aMissingJobIsRemovedIfTheyKnewIt() throws {
    #expect(try merge(file("", seq: 0)).isEmpty)
    #expect(try merge(file("", seq: nil)).isEmpty)
    try merge(file("", seq: 1))
    #expect(ours == nil)
  }

  @Test func aMissingJobStaysWhileItRuns() throws {
    try apply(
      .job("ours", .started(by: ProcessIdentity(pid: 1), fence: 1)))
    try merge(file("", seq: 99))
    #expect(ours?.status == .running)
  }

  @Test func opaqueEntriesAreKeptOnce() throws {
    let entries = "\(job()),[1,2],{\"no\":\"id\"}"
    try merge(file(entries, seq: nil))
    #expect(state.opaqueEntries == ["[1,2]", "{\"no\":\"id\"}"])
    #expect(try merge(file(entries, seq: nil)).isEmpty)
  }

  @Test func aFileFromTheFutureProvesLoss() throws {
    let text = file(
      job().replacingOccurrences(of: "\"rev\":2", with: "\"rev\":9"), seq: 9)
    let decoded = try Array(text.utf8).withUnsafeBytes { try StateDocument.decode($0) }
    #expect(merge(of: decoded).provesLoss)
    #expect(!merge(of: decoded, .init(high: 3, low: 4)).provesLoss)
  }
}
