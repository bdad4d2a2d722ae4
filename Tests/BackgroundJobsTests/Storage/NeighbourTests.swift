import Foundation
import Testing

@testable import BackgroundJobs

/// What a file of another tool means for a job that somebody works on, or that it had not seen the
/// latest of.
@Suite struct NeighbourTests {
  private let epoch = StateDocument.Epoch(high: 1, low: 2)
  private let state = FileState()
  private let world = World()

  private final class World { var ownerIsAlive: Bool? = true }

  /// Job "ours": created by event 1, running since event 2.
  private func run(detached: Bool = false) throws {
    let process = ProcessIdentity(pid: 1)
    try apply(
      .job("ours", .created(NewJob(type: "t", key: nil, config: "{\"n\":1}", total: 4))),
      detached
        ? .job("ours", .detached(watched: process, lock: nil))
        : .job("ours", .started(by: process, fence: 1)))
  }

  /// Another tool's, paused and resumed by us: pending at event 3.
  private func touch() throws {
    try merge([theirs("running", ["a"])], seq: nil)
    try apply(
      .job("ours", .paused(reason: "asked", error: nil, resumeAt: nil)), .job("ours", .resumed))
  }

  private func apply(_ changes: Change...) throws { for change in changes { try apply(change) } }

  private func apply(_ change: Change) throws {
    let buffer = Buffer()
    try change.encode(time: 1000, to: buffer)
    let decoded = try #require(try Change.decode(change.kind.rawValue, buffer.bytes))
    try state.apply(decoded.change, at: Moment(seq: state.seq + 1, time: 1000))
  }

  private func theirs(
    _ status: String, _ done: [String], more: [String: Any] = [:]
  ) -> [String: Any] {
    var job: [String: Any] = [
      "id": "ours", "type": "t", "status": status, "startedAt": "1970-01-01T00:00:01.000Z",
      "updatedAt": "1970-01-01T00:00:01.000Z", "config": ["n": 1],
      "progress": [
        "current": done.count, "total": 4, "itemsCompleted": done, "itemsFailed": [String](),
      ],
    ]
    for (name, value) in more { job[name] = value }
    return job
  }

  /// `seq`: what the file's writer had seen.
  @discardableResult
  private func merge(
    _ jobs: [[String: Any]]?, seq: UInt64?, top: [String: Any] = [:], isCurrent: Bool = false
  ) throws -> [Change] {
    var file = top
    file["jobs"] = jobs
    if let seq {
      file["bgjobs"] = ["format": 1, "epoch": "00000000000000010000000000000002", "seq": seq]
    }
    let data = try JSONSerialization.data(withJSONObject: file)
    let document = try data.withUnsafeBytes { try StateDocument.decode($0) }
    let merge = Merge(state, with: document, epoch: epoch, isCurrent: isCurrent) { [world] job in
      job.owner == nil ? nil : world.ownerIsAlive
    }
    let changes = try merge.changes()
    for change in changes { try apply(change) }
    return changes
  }

  private var ours: JobState? { state.known("ours") }

  private func done() throws -> [String] {
    var all: [String] = []
    try ours?.items.forEachDone { item throws(JobError) in all.append(string(item)) }
    return all.sorted()
  }

  // MARK: Somebody works on it

  @Test(arguments: [false, true]) func aPauseIsARequest(_ detached: Bool) throws {
    try run(detached: detached)
    try merge([theirs("paused", [])], seq: state.seq)
    #expect(ours?.status == .paused)
    #expect(ours?.reason == "asked")
    #expect(ours?.owner != nil)
    #expect(ours?.isPauseAcknowledged == false)
    try merge([theirs("running", [])], seq: state.seq)
    #expect(ours?.status == .running)
    #expect(ours?.reason == nil)
  }

  /// As `paused` from before the start, in a file that was read then.
  @Test func whatItOnlyReadIsNoRequest() throws {
    try run()
    try apply(.job("ours", .paused(reason: "lunch", error: nil, resumeAt: nil)))
    try apply(.job("ours", .resumed))
    #expect(try merge([theirs("paused", [])], seq: 3).isEmpty)
    #expect(try merge([theirs("pending", [])], seq: 1).isEmpty)
    #expect(ours?.status == .running)
  }

  @Test(arguments: ["failed", "completed", "completed_with_warnings", "pending", "odd"])
  func anEndIsItsOwnersAlone(_ status: String) throws {
    for detached in [false, true] {
      try state.known("ours").map { _ in try apply(.job("ours", .removed)) }
      try run(detached: detached)
      let seen = state.seq
      try merge([theirs(status, [])], seq: seen)
      #expect(ours?.status == .running)
      #expect(ours?.refusal?.status == status)
      // The same file once more tells nothing new; one that has seen our answer does.
      #expect(try merge([theirs(status, [])], seq: seen).isEmpty)
      let last = try #require(ours?.refusal?.seq)
      try merge([theirs(status, [])], seq: state.seq)
      #expect(try #require(ours?.refusal?.seq) > last)
    }
  }

  @Test func aNewStartForgetsWhatWasRefused() throws {
    try run()
    try merge([theirs("failed", [])], seq: state.seq)
    try apply(.job("ours", .left(why: nil)))
    #expect(ours?.refusal != nil)
    try apply(.job("ours", .started(by: ProcessIdentity(pid: 2), fence: 2)))
    #expect(ours?.refusal == nil)
  }

  @Test func whereNobodyCanTellItIsBelieved() throws {
    try run(detached: true)
    world.ownerIsAlive = nil
    try merge([theirs("failed", [])], seq: state.seq)
    #expect(ours?.status == .failed)
  }

  @Test func itIsNotRemoved() throws {
    try run(detached: true)
    try merge([], seq: state.seq)
    #expect(ours?.status == .running)
    #expect(ours?.refusal?.status == "removed")
    world.ownerIsAlive = nil
    try merge([], seq: state.seq)
    #expect(ours?.status == .running)
    world.ownerIsAlive = false
    try merge([], seq: state.seq)
    #expect(ours == nil)
  }

  @Test func itemsThatTheyDidCount() throws {
    try run()
    try merge([theirs("running", ["x", "y"])], seq: 1)
    #expect(try done() == ["x", "y"])
    #expect(try merge([theirs("running", ["x"])], seq: 1).isEmpty)
  }

  @Test func soDoTheirFailuresOfThisAttempt() throws {
    try run()
    var failing = theirs("running", ["x"])
    failing["progress"] = [
      "current": 2, "total": 4, "itemsCompleted": ["x"], "itemsFailed": ["y"],
    ]
    try merge([failing], seq: 1)
    #expect(ours?.items.failedCount == 1)
    #expect(try done() == ["x"])
    // Of the attempt before: a retry has forgotten them.
    try apply(.job("ours", .left(why: nil)))
    try apply(.job("ours", .failed(reason: "error", error: nil, ownerIsToSee: false)))
    try apply(.job("ours", .retried(nil)))
    try merge([failing], seq: 1)
    #expect(ours?.items.failedCount == 0)
  }

  // MARK: They had not seen the latest

  @Test func theSameWritersNextEditIsNotStale() throws {
    try touch()
    let seen = state.seq
    try merge([theirs("running", ["a", "b"])], seq: seen)
    try merge([theirs("running", ["a", "b", "c"])], seq: seen)
    try merge([theirs("completed", ["a", "b", "c", "d"])], seq: seen)
    #expect(ours?.status == .completed)
    #expect(try done() == ["a", "b", "c", "d"])
  }

  @Test func anOldCopyUndoesNoEdit() throws {
    try touch()
    let seen = state.seq
    try merge([theirs("pending", ["a"])], seq: seen)
    try merge([theirs("completed", ["a", "b"])], seq: seen)
    #expect(try merge([theirs("pending", ["a"])], seq: seen).isEmpty)
    #expect(ours?.status == .completed)
  }

  /// Paused and running again, in the file that it has read back: no copy of what was.
  @Test func whoRewritesTheFileHasSeenWhatWasInIt() throws {
    try touch()
    var known = Publication(seq: 1)
    known.fileSeq = state.seq
    let seen = state.seq
    try apply(.store(.published(known)))
    for status in ["running", "paused", "running", "pending"] {
      try merge([theirs(status, ["a"])], seq: seen, isCurrent: true)
      #expect(ours?.status.name == status)
    }
    try merge([theirs("running", ["a"])], seq: seen)
    #expect(ours?.status == .pending)
  }

  /// Both before we published once.
  @Test func whoMadeAJobMayRemoveIt() throws {
    try run()
    var known = Publication(seq: 1)
    known.fileSeq = state.seq
    try apply(.store(.published(known)))
    let ours = theirs("running", [])
    var own = ours
    own["id"] = "own"
    let seen = known.fileSeq
    try merge([ours, own], seq: seen, isCurrent: true)
    #expect(state.known("own") != nil)
    try merge([ours], seq: seen)
    #expect(state.known("own") != nil)
    try merge([ours], seq: seen, isCurrent: true)
    #expect(state.known("own") == nil)
  }

  @Test func aStaleEndIsAnEnd() throws {
    try touch()
    // Read before the pause, written after it.
    try merge([theirs("completed", ["a", "b"])], seq: 1)
    #expect(ours?.status == .completed)
    #expect(try done() == ["a", "b"])
  }

  @Test func aStaleCopyKeepsItsItemsAndNothingElse() throws {
    try touch()
    try merge([theirs("running", ["a", "b"])], seq: 1)
    #expect(ours?.status == .pending)
    #expect(try done() == ["a", "b"])
    #expect(ours?.current == 2)
    // And no revision: the next one, which had read the same file, is heard.
    try merge([theirs("failed", ["a", "b", "c"])], seq: 3)
    #expect(ours?.status == .failed)
    #expect(try done() == ["a", "b", "c"])
  }

  @Test func aDeadOwnersJobIsNotFailedByWhoBelievesItRuns() throws {
    try run()
    let seen = state.seq
    try apply(.job("ours", .left(why: "process 1 ended")))
    #expect(try merge([theirs("failed", [])], seq: seen).isEmpty)
    #expect(ours?.reason == "interrupted")
    try merge([theirs("failed", [])], seq: state.seq)
    #expect(ours?.status == .failed)
  }

  @Test func aStaleEndKeepsWhatWeKnowBesides() throws {
    try touch()
    try merge([theirs("pending", ["a", "b"])], seq: state.seq)
    try apply(.job("ours", .paused(reason: "asked", error: nil, resumeAt: nil)))
    try merge([theirs("completed", ["a", "c"])], seq: 1)
    #expect(ours?.status == .completed)
    #expect(try done() == ["a", "b", "c"])
    #expect(ours?.current == 3)
  }

  @Test func moreThanIsRememberedIsStale() throws {
    try touch()
    for _ in 0..<StatusHistory.most {
      try apply(.job("ours", .paused(reason: "asked", error: nil, resumeAt: nil)))
      try apply(.job("ours", .resumed))
    }
    try merge([theirs("completed", ["b"])], seq: 1)
    #expect(ours?.status == .pending)
    #expect(try done() == ["a", "b"])
  }

  // MARK: What is absent

  @Test func aMissingListIsNoEmptyOne() throws {
    try touch()
    #expect(try merge(nil, seq: state.seq).isEmpty)
    #expect(ours != nil)
    try merge([], seq: state.seq)
    #expect(ours == nil)
  }

  @Test func whoHasSeenNothingRemovesNothing() throws {
    try run()
    try merge(nil, seq: state.seq, top: ["v": 7, "w": ["x": 1]])
    #expect(try merge([theirs("running", [])], seq: nil).isEmpty)
    #expect(state.topMembers["v"] == "7")
    try merge(nil, seq: state.seq)
    #expect(state.topMembers["v"] == nil)
  }

  /// Renamed by another tool, or copied: the id is another job's.
  @Test func aCopyIsAJobOfItsOwn() throws {
    try run()
    var copy = theirs("pending", ["a"])
    copy["id"] = "copy"
    copy["bgjobs"] = ["created": 1, "rev": 2]
    try merge([theirs("running", []), copy], seq: state.seq)
    #expect(state.known("copy") != nil)
    var gone = copy
    gone["id"] = "gone"
    gone["bgjobs"] = ["created": 99, "rev": 99]
    try merge([theirs("running", []), gone], seq: state.seq)
    #expect(state.known("gone") == nil)
  }

  /// Its `paused` is none that it had read.
  @Test func aPauseBesideOursIsHeard() throws {
    try run()
    let seen = state.seq
    try apply(
      .job("ours", .paused(reason: "asked", error: nil, resumeAt: nil)), .job("ours", .resumed))
    try merge([theirs("paused", [])], seq: seen)
    #expect(ours?.status == .paused)
  }

  @Test func whatItPutsIntoTheProgressIsKept() throws {
    try run()
    var scanning = theirs("running", [])
    scanning["progress"] = [
      "current": 0, "total": 4, "phase": "scan", "itemsCompleted": [String](),
      "itemsFailed": [String](),
    ]
    try merge([scanning], seq: 1)
    #expect(ours?.progressMembers["phase"] == "\"scan\"")
    try merge([theirs("running", [])], seq: state.seq)
    #expect(ours?.progressMembers["phase"] == nil)
  }

  // MARK: Member by member

  @Test func objectsAreMergedMemberByMember() throws {
    try run()
    let seen = state.seq
    try merge([theirs("running", [], more: ["config": ["n": 1, "a/b": 2]])], seq: seen)
    try merge(
      [theirs("running", [], more: ["config": ["n": 1, "c": ["d": 3]]])], seq: seen,
      top: ["t": ["p": 1]])
    try merge(nil, seq: nil, top: ["t": ["q": 2]])
    let config = try #require(ours?.members["config"])
    let object = try JSONSerialization.jsonObject(with: Data(config.utf8)) as? [String: Any]
    #expect(object?["n"] as? Int == 1)
    #expect(object?["a/b"] as? Int == 2)
    #expect(object?["c"] as? [String: Int] == ["d": 3])
    #expect(state.topMembers["t"] == "{\"p\":1,\"q\":2}")
  }

  @Test func soIsTheResult() throws {
    try touch()
    try apply(.job("ours", .completed(result: "{\"ours\":1}")))
    let seen = state.seq
    #expect(try merge([theirs("completed", ["a"], more: ["completedAt": date])], seq: 1).isEmpty)
    try merge(
      [theirs("completed", ["a"], more: ["result": ["ours": 1, "x": 2], "completedAt": date])],
      seq: seen)
    try merge(
      [theirs("completed", ["a"], more: ["result": ["ours": 1, "y": 3], "completedAt": date])],
      seq: seen)
    #expect(ours?.result == "{\"ours\":1,\"x\":2,\"y\":3}")
    // A stale one may add, and changes nothing.
    try merge([theirs("completed", ["a"], more: ["result": ["ours": 5, "z": 4]])], seq: 1)
    #expect(ours?.result == "{\"ours\":1,\"x\":2,\"y\":3,\"z\":4}")
  }

  @Test func anOldCopyDoesNotBringBackAResult() throws {
    try touch()
    try apply(.job("ours", .completed(result: "{\"n\":1}")))
    let copy = theirs("completed", ["a"], more: ["result": ["n": 1], "completedAt": date])
    try apply(.job("ours", .failed(reason: "error", error: nil, ownerIsToSee: false)))
    try apply(.job("ours", .retried(nil)))
    #expect(ours?.result == nil)
    try merge([copy], seq: 4)
    #expect(ours?.result == nil)
    #expect(ours?.status == .pending)
  }

  private let date = "1970-01-01T00:00:01.000Z"
}

@Suite struct MemberPathTests {
  @Test(
    arguments: [
      ("config", nil), ("/a", nil), ("~", nil), ("config", "n"), ("a/b", "~1"), ("", ""),
      ("x", "a\\\"b"),
    ] as [(String, String?)])
  func pathsReadBack(_ member: String, _ inner: String?) {
    var members = [JSONMember]()
    let path = MemberPath(MemberPath.text(member, inner))
    #expect(path.member == member)
    path.set("[1]", in: &members)
    #expect(path.text(in: members) == "[1]")
    #expect(members[member] == (inner.map { "{\"\($0)\":[1]}" } ?? "[1]"))
    path.set(nil, in: &members)
    #expect(path.text(in: members) == nil)
  }

  @Test func objectsAreTakenApart() {
    let text = #"{"a":{"b":[1,2,"}"]},"\"c\\":"x,\"y","d":null,"":-1.5}"#
    let members = JSONObjectText.members(text)
    #expect(members?.map { $0.name } == ["a", #"\"c\\"#, "d", ""])
    #expect(members?.map { $0.text } == [#"{"b":[1,2,"}"]}"#, #""x,\"y""#, "null", "-1.5"])
    #expect(members.map(JSONObjectText.text) == text)
    #expect(JSONObjectText.members("{}") == [])
    for other in ["[]", "1", "\"{}\"", "null", ""] { #expect(JSONObjectText.members(other) == nil) }
  }
}
