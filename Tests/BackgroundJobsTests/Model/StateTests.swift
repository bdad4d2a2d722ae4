import Foundation
import Testing

@testable import BackgroundJobs

/// The state is a pure function of its events.
@Suite struct StateTests {
  private static let owner = ProcessIdentity(pid: 4, startTicks: 5, namespace: 6, boot: 7)

  /// A random life of three jobs, as journal payloads.
  private func events(_ seed: UInt64) throws -> [(kind: UInt16, payload: Buffer)] {
    var dice = Dice(seed)
    var changes: [Change] = []
    for id in ["a", "b", "c"] {
      changes.append(
        .job(id, .created(NewJob(type: "t", key: "k", config: "{\"type\":\"t\"}", total: 9))))
    }
    for step in 0..<60 {
      let id = ["a", "b", "c"].randomElement(using: &dice) ?? "a"
      switch Int.random(in: 0..<14, using: &dice) {
      case 0: changes.append(.job(id, .started(by: Self.owner, fence: 8)))
      case 1: changes.append(.job(id, .left(why: "w")))
      case 2: changes.append(.job(id, .detached(watched: nil, lock: nil)))
      case 3: changes.append(.job(id, .paused(reason: "asked", error: nil, resumeAt: 99)))
      case 4: changes.append(.job(id, .resumed))
      case 5: changes.append(.job(id, .completed(result: "{\"n\":[1,2]}")))
      case 6:
        changes.append(.job(id, .failed(reason: "error", error: "e", ownerIsToSee: step % 2 == 0)))
      case 7: changes.append(.job(id, .retried(nil)))
      case 8:
        changes.append(.job(id, .planned(PackedItems(try packed(["p\(step)", "q"])), beside: nil)))
      case 9: changes.append(.store(.topEdited(name: "activeJobId", text: "\"\(id)\"")))
      case 10: changes.append(.store(.importedOpaque("[\(step)]")))
      default: changes.append(.job(id, .reported(Report(advance: Int64(step)))))
      }
    }
    changes.append(.job("c", .removed))
    return try changes.enumerated().map { number, change in
      let buffer = Buffer()
      try change.encode(time: Int64(number) * 1000, to: buffer)
      return (change.kind.rawValue, buffer)
    }
  }

  private func fold(_ events: [(kind: UInt16, payload: Buffer)]) throws -> FileState {
    let state = FileState()
    for (number, event) in events.enumerated() {
      let decoded = try #require(try Change.decode(event.kind, event.payload.bytes))
      try state.apply(
        decoded.change, at: Moment(seq: UInt64(number + 1), time: decoded.time))
    }
    return state
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func theSameEventsGiveTheSameDocument(_ seed: UInt64) throws {
    let events = try events(seed)
    let first = try document(try fold(events))
    #expect(try document(try fold(events)) == first)
  }

  /// A snapshot in the middle changes nothing.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func aSnapshotIsAsGoodAsItsEvents(_ seed: UInt64) throws {
    let events = try events(seed)
    let whole = try document(try fold(events))
    let half = try fold(Array(events.prefix(30)))
    let snapshot = Array(try document(half).utf8)
    let state = try snapshot.withUnsafeBytes { try StateDocument.decode($0).state }
    for (number, event) in events.enumerated().dropFirst(30) {
      let decoded = try #require(try Change.decode(event.kind, event.payload.bytes))
      try state.apply(
        decoded.change, at: Moment(seq: UInt64(number + 1), time: decoded.time))
    }
    // Value for value: what a snapshot has seen keeps its place among the members.
    #expect(try object(try document(state)) == object(whole))
  }

  private func object(_ text: String) throws -> NSDictionary {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
  }

  @Test func theIndexAndTheListAgree() throws {
    let state = try fold(try events(1))
    #expect(state.known("c") == nil)
    #expect(state.known.map { $0.id } == ["a", "b"])
    #expect(state.known("a") === state.known[0])
  }

  private func document(_ state: FileState) throws -> String {
    let buffer = Buffer()
    try StateDocument.encode(state, epoch: .init(high: 1, low: 2), into: JSONText(buffer))
    return string(buffer.bytes)
  }
}
