import Foundation
import Testing

@testable import BackgroundJobs

/// Files of other tools, after STATE-FILE.md, come back value for value and in order.
@Suite struct StateDocumentTests {
  static let files: [String] = [
    "{}",
    "{\"jobs\":[]}",
    "{\"activeJobId\":\"a\",\"jobs\":[],\"version\":2,\"nested\":{\"z\":1,\"a\":[{}]}}",
    "{\"version\":1}",
    """
    {"jobs":[{"id":"abc12345","type":"clone-repos","status":"running","progress":{"current":2,
    "total":4,"percentage":50,"itemsCompleted":["a","b"],"itemsFailed":[],"currentItem":"c",
    "rate":0.5,"eta":4},"startedAt":"2024-01-15T10:30:00Z","updatedAt":"2024-01-15T10:32:15+01:00",
    "config":{"type":"clone-repos","repositories":["x"],"projectPath":"C:\\\\p"},"pid":7}]}
    """,
    """
    {"jobs":[{"id":"bf-1","type":"import-issues","status":"completed_with_warnings","error":"w",
    "progress":{"current":0,"total":100,"percentage":0,"itemsCompleted":["a","b","a"],
    "itemsFailed":["f","f"],"eta":66},"result":{"a":[1.5,null]},"dependencyStatus":"waiting",
    "completedAt":"yesterday","dependsOn":["x"],"isBackground":true,"resumeAfter":null}]}
    """,
    "{\"jobs\":[{\"status\":\"failed\",\"type\":\"t\",\"id\":\"any token\",\"x\":{\"y\":[]}}]}",
    "{\"jobs\":[{\"id\":\"a\"},{\"id\":\"a\",\"b\":1},7,null,[1],{\"type\":\"no id\"},{\"id\":3}]}",
    """
    {"jobs":[{"id":"m","progress":{"current":9,"total":3,"percentage":12.5,"itemsFailed":["a","b"],
    "itemsCompleted":["a"],"extra":{"k":1}}},{"id":"n","progress":[1]},{"id":"o","progress":null}]}
    """,
    "{\"jobs\":[{\"id\":\"p\",\"progress\":{\"itemsCompleted\":[1,\"a\"],\"current\":1.5}}]}",
    "{\"jobs\":[{\"id\":\"q\",\"progress\":{\"itemsCompleted\":[\"\",\"\",\"x\"]},\"status\":7}]}",
    "{\"jobs\":[{\"id\":\"r\",\"config\":{\"n\":9007199254740991,\"t\":0.1,\"e\":1e-9}}]}",
    "{\"jobs\":[{\"id\":\"\",\"type\":\"\"}],\"\":{\"\":\"\"}}",
  ]

  private func decode(_ text: String) throws -> StateDocument.Decoded {
    try Array(text.utf8).withUnsafeBytes { try StateDocument.decode($0) }
  }

  private func encode(_ state: FileState) throws -> String {
    let buffer = Buffer()
    try StateDocument.encode(state, epoch: .init(high: 1, low: 2), into: JSONText(buffer))
    return string(buffer.bytes)
  }

  private func compact(_ text: String) throws -> String {
    try Array(text.utf8).withUnsafeBytes { raw in
      let json = try JSON.parse(raw)
      return try JSONValue(raw: json.value).text()
    }
  }

  /// Without what we add: `jobs` where there was none, and our member, at the end.
  private func withoutOurs(_ text: String) throws -> String {
    let compact = try compact(text)
    guard let ours = compact.range(of: "\"bgjobs\":{\"format\"", options: .backwards) else {
      return compact
    }
    var rest = String(compact[..<ours.lowerBound])
    if rest.hasSuffix(",") { rest.removeLast() }
    return rest + "}"
  }

  @Test(arguments: files)
  func othersFilesComeBack(_ text: String) throws {
    let decoded = try decode(text)
    #expect(decoded.epoch == nil && decoded.seq == nil)
    var wanted = try compact(text)
    if !wanted.contains("\"jobs\":") {
      wanted = wanted.dropLast() + (wanted == "{}" ? "" : ",") + "\"jobs\":[]}"
    }
    #expect(try withoutOurs(try encode(decoded.state)) == wanted)
  }

  /// Ours is a fixed point: reading and writing it changes no byte.
  @Test(arguments: files)
  func oursIsAFixedPoint(_ text: String) throws {
    let once = try encode(try decode(text).state)
    #expect(try encode(try decode(once).state) == once)
  }

  @Test func whatIsOursComesBack() throws {
    let state = FileState()
    let owner = ProcessIdentity(pid: 4, startTicks: 5, namespace: 6, boot: 0x0102_0304_0506_0708)
    let changes: [Change] = [
      .job("a", .created(NewJob(type: "t", key: "k\"", config: "{\"type\":\"t\"}", total: 5))),
      .job("a", .planned(PackedItems(try packed(["p", "q", "", "ä\n"])), beside: nil)),
      .job("a", .started(by: owner, fence: .max)),
      .job("a", .reported(Report(advance: 3))),
      .job("a", .paused(reason: "rate-limit", error: "slow", resumeAt: 1_767_156_458_281)),
      .store(.topEdited(name: "activeJobId", text: "\"a\"")),
      .store(.setAside(name: "file", why: "why")),
    ]
    for (number, change) in changes.enumerated() {
      try state.apply(change, at: Moment(seq: UInt64(number + 1), time: 1_767_156_458_000))
    }
    let text = try encode(state)
    let again = try decode(text)
    #expect(again.epoch == .init(high: 1, low: 2))
    #expect(again.seq == 7)
    #expect(try encode(again.state) == text)
    let job = try #require(again.state.known("a"))
    let (who, before) = (job.owner, state.known("a")?.owner)
    #expect(who?.process == before?.process && who?.since == before?.since)
    #expect(who?.log == before?.log && who?.salt == before?.salt)
    #expect(job.log == state.known("a")?.log)
    #expect(job.key == "k\"")
    #expect(job.resumeAt == 1_767_156_458_281)
    #expect(job.items.openCount == 4)
    #expect(again.state.setAside == state.setAside)
    #expect(again.state.topEdits == state.topEdits)
  }

  /// Whatever happened to its items before the snapshot.
  @Test func aPlanKeepsItsOrder() throws {
    let state = FileState()
    let new = NewJob(type: "t", key: nil, config: "{}", total: 0)
    try state.apply(.job("a", .created(new)), at: Moment(seq: 1, time: 0))
    let plan = PackedItems(try packed(["1", "2", "3", "4"]))
    try state.apply(.job("a", .planned(plan, beside: nil)), at: Moment(seq: 2, time: 0))
    for item in ["3", "2"] {
      try withBytes(Array(item.utf8)) { bytes throws(JobError) in
        var report = Report()
        report.failed = bytes
        try state.apply(.job("a", .reported(report)), at: Moment(seq: 3, time: 0))
      }
    }
    var planned: [String] = []
    let job = try #require(try decode(try encode(state)).state.known("a"))
    try job.items.forEachPlanned { item throws(JobError) in planned.append(string(item)) }
    #expect(planned == ["1", "2", "3", "4"])
  }

  @Test(arguments: ["[]", "7", "null", "\"\"", "{\"jobs\":{}}", "{\"jobs\":null}"])
  func whatIsNoStateFileIsAFault(_ text: String) {
    #expect(throws: StateDocument.Fault.self) { try decode(text) }
  }

  @Test(arguments: [
    "{\"bgjobs\":7,\"jobs\":[]}", "{\"bgjobs\":{\"epoch\":\"xyz\",\"seq\":-1,\"logs\":7}}",
    "{\"bgjobs\":{\"epoch\":\"0123456789abcdef0123456789abcdeX\",\"logs\":[7,[1],[1,2,-3]]}}",
    "{\"jobs\":[{\"id\":\"a\",\"bgjobs\":{\"rev\":-1,\"owner\":7,\"plan\":{},\"theirs\":[]}}]}",
  ])
  func strangeMembersOfOursAreIgnored(_ text: String) throws {
    let decoded = try decode(text)
    #expect(decoded.epoch == nil)
    _ = try encode(decoded.state)
  }

  /// Every value replaced by every other kind of value.
  @Test func anyKindOfValueAnywhereIsSafe() throws {
    let text = try encode(try decode(Self.files[4]).state)
    let root = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
    for mutant in mutants(root) {
      let data = try JSONSerialization.data(withJSONObject: mutant)
      _ = try? encode(try data.withUnsafeBytes { try StateDocument.decode($0) }.state)
    }
  }

  private func mutants(_ value: Any) -> [Any] {
    var found: [Any] = []
    if let object = value as? [String: Any] {
      for (name, member) in object {
        for other in [NSNull(), 7, -1, 1e300, "x", [Any](), [String: Any]()] + mutants(member) {
          var copy = object
          copy[name] = other
          found.append(copy)
        }
      }
    } else if let array = value as? [Any], let first = array.first {
      found += mutants(first).map { [$0] + array.dropFirst() }
    }
    return found
  }
}
