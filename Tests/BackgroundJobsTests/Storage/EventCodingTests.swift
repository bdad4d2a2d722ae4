import Testing

@testable import BackgroundJobs

@Suite struct EventCodingTests {
  private static let owner = ProcessIdentity(
    pid: 4321, startTicks: .max, namespace: 4_026_531_836, boot: .max - 1)

  private static func job() throws -> JobState {
    let text = Array(
      """
      {"id":"j","type":"t","status":"paused","config":{"a":[1,2]},"error":"e","progress":
      {"current":2,"total":9,"itemsCompleted":["a"],"itemsFailed":["b"],"currentItem":"c"}}
      """.utf8)
    let job = try text.withUnsafeBytes { raw in try StateDocument.decodeJob(raw) }
    return try #require(job)
  }

  private static func report() throws -> (Report, [UInt8]) {
    var report = Report(time: -5, shift: .min, advance: .max, total: 3)
    let bytes = Array("item".utf8)
    report.acknowledgesPause = true
    report.clockOffset = -1
    report.seen = .max
    return (report, bytes)
  }

  /// One of each, with every optional part there and not.
  static func samples() throws -> [Change] {
    let stamp = FileStamp(inode: .max, size: 7, modified: .min, changed: -1)
    let new = NewJob(type: "t", key: nil, config: "{}", total: .max)
    return [
      .job("i", .created(new)),
      .job("", .created(NewJob(type: "ä", key: "", config: "{\"a\":1}", total: 0))),
      .store(.rolled(job: "j", owner: owner, salt: .max, worker: nil)),
      .store(.rolled(job: "j", owner: owner, salt: 0, worker: .max)),
      .job("j", .joined(by: owner, fence: .max)),
      .job("j", .parted(.max, why: nil, isDeath: true)),
      .job("j", .parted(0, why: "e", isDeath: false)),
      .job("j", .claimed(PackedItems(try packed(["a", "bb"])), fresh: .min, by: .max)),
      .job("j", .returned(PackedItems(try packed([])), by: 0)),
      .job("j", .started(by: ProcessIdentity(), fence: 0)),
      .job("j", .left(why: nil)), .job("j", .left(why: "ended")),
      .job("j", .detached(watched: nil, lock: nil)),
      .job("j", .detached(watched: owner, lock: nil)),
      .job("j", .detached(watched: nil, lock: OwnerLock(path: "/l", device: 1, inode: 2, boot: 3))),
      .job("j", .paused(reason: "asked", error: nil, resumeAt: nil)),
      .job("j", .paused(reason: "rate-limit", error: "e", resumeAt: 0)), .job("j", .resumed),
      .job("j", .completed(result: nil)), .job("j", .completed(result: "[1]")),
      .job("j", .failed(reason: "error", error: nil, ownerIsToSee: false)),
      .job("j", .failed(reason: "cancelled", error: "e", ownerIsToSee: true)),
      .job("j", .retried(nil)),
      .job("j", .retried(PackedItems(try packed(["a", "bb"])))),
      .job("j", .removed), .job("j", .reported(Report())), .job("j", .reported(try report().0)),
      .job("j", .planned(PackedItems(try packed(["a", "", "ccc"])), beside: nil)),
      .job(
        "j", .planned(PackedItems(try packed(["a"])), beside: PlanMark(seen: .max, items: .min))),
      .job("j", .replanned(PackedItems(try packed(["a", "bb"])), PlanMark(seen: 7, items: 2))),
      .queue(.rated(provider: "github", count: 0, periodMs: .max)),
      .queue(.permitted(provider: "", earned: .min, pushed: .max)),
      .queue(.throttled(provider: "ä", until: .max)),
      .queue(.limited(scope: "lane:ä", most: .min)), .queue(.valued(worth: -1)),
      .job("j", .queued(queued { ($0.priority, $0.notBefore, $0.since) = (-1000, .max, .min) })),
      .job("j", .needs("k", nil)), .job("j", .needs("ä", Edge(needs: "ä", .end, holds: true))),
      .job("j", .reinstated),
      .job("j", .queued(queued { ($0.priority, $0.lane) = (1000, "ä") })),
      .job(
        "j",
        .queued(
          queued {
            ($0.attempts, $0.backoff, $0.mostBackoff) = (.max, .min, 3)
            ($0.failures, $0.retryAt, $0.deaths, $0.firstDead) = (1, .max, 5, .min)
          })),
      .job("j", .attempted(error: nil, retryAt: .min)),
      .job("j", .attempted(error: "ä", retryAt: .max)),
      .job("j", .died(why: nil)), .job("j", .died(why: "e")),
      .store(.removedOpaque("[1]")), .job("j", .configured("{}")),
      .store(.imported(try job())),
      .store(.importedOpaque("[1,{\"a\":null}]")),
      .store(.edited(try job(), members: ["config", "x"], takes: .all)),
      .store(.edited(try job(), members: [], takes: .nothing)),
      .store(.edited(try job(), members: ["/result/a"], takes: .status)),
      .store(
        .adopted(
          job: "j", done: PackedItems(try packed(["a", "b"])), failed: PackedItems(try packed([])))),
      .store(.refused(job: "j", status: "failed")), .store(.collided(jobs: [])),
      .store(.collided(jobs: ["a", "b"])),
      .store(.topEdited(name: "v", text: nil)),
      .store(.topEdited(name: "v", text: "7")), .store(.setAside(name: "n", why: "w")),
      .store(.named),
      .store(
        .published(
          Publication(
            seq: .max, file: stamp, out: FileStamp(), checksum: .max, outChecksum: 7, fileSeq: 3,
            paid: .max, pace: Pace(time: -1, cost: .max, left: 8000, leftForProgress: 0)))),
    ]
  }

  /// As versions before wrote it: what is in the file is paid, and the next publication is due.
  @Test func aPublicationOfAnOlderVersion() throws {
    let whole = Publication(
      seq: 9, checksum: 1, outChecksum: 2, fileSeq: 7, paid: 8,
      pace: Pace(time: 5, cost: 6, left: 7, leftForProgress: 8))
    let bytes = try encoded(.store(.published(whole)))
    // Two numbers of a byte each came last, and eight bytes; one more before them.
    for (missing, seq) in [(10, UInt64(7)), (11, 0)] {
      let old = Array(bytes.dropLast(missing))
      let event = try old.withUnsafeBytes { try Change.decode(3, $0) }
      guard case .store(.published(let found))? = event?.change else {
        Issue.record("\(missing) bytes less")
        continue
      }
      #expect(found.fileSeq == seq && found.paid == seq && found.pace == Pace())
      #expect(found.checksum == 1 && found.outChecksum == 2)
    }
    // And those after us may write more.
    let newer = try (bytes + [1, 2, 3]).withUnsafeBytes { try Change.decode(3, $0) }
    guard case .store(.published(whole))? = newer?.change else {
      Issue.record("more bytes are not ignored")
      return
    }
  }

  private func encoded(_ change: Change) throws -> [UInt8] {
    let buffer = Buffer()
    try change.encode(time: -1_767_156_458_281, to: buffer)
    return Array(buffer.bytes)
  }

  private func decode(_ kind: UInt16, _ bytes: [UInt8]) throws -> (bytes: [UInt8], time: Int64)? {
    try bytes.withUnsafeBytes { raw in
      guard let found = try Change.decode(kind, raw) else { return nil }
      if found.change.kind.rawValue != kind { Issue.record("\(kind)") }
      return (try encoded(found.change), found.time)
    }
  }

  @Test func everyChangeComesBack() throws {
    var kinds: Set<UInt16> = []
    for change in try Self.samples() {
      let bytes = try encoded(change)
      let found = try #require(try decode(change.kind.rawValue, bytes))
      #expect(found.bytes == bytes, "\(change)")
      #expect(found.time == -1_767_156_458_281)
      kinds.insert(change.kind.rawValue)
    }
    let snapshot = Record.Kind.table.rawValue
    let all = (2...UInt16(64)).filter { Record.Kind(rawValue: $0) != nil && $0 != snapshot }
    #expect(kinds == Set(all), "every kind of event has a sample")
  }

  @Test func everyTruncationAndBitFlipIsSafe() throws {
    for change in try Self.samples() {
      let (kind, bytes) = (change.kind.rawValue, try encoded(change))
      for count in bytes.indices { _ = try decode(kind, Array(bytes[..<count])) }
      for place in bytes.indices {
        for bit in 0..<8 {
          var flipped = bytes
          flipped[place] ^= 1 << bit
          _ = try decode(kind, flipped)
        }
      }
    }
  }

  @Test func unknownKindsAndSnapshotsAreNoEvents() throws {
    for kind in [0, 1, 31, 99, .max] as [UInt16] {
      #expect(try decode(kind, [0, 0, 0, 0, 0, 0, 0, 0]) == nil)
    }
  }

  @Test func randomPayloadsAreSafe() throws {
    var dice = Dice(1)
    for _ in 0..<1500 {
      let bytes = dice.bytes(Int.random(in: 0..<60, using: &dice))
      _ = try decode(UInt16.random(in: 0...34, using: &dice), bytes)
    }
  }

  /// The same bytes in an owner's log and in the journal.
  @Test func aReportWithEverythingComesBack() throws {
    let (sample, item) = try Self.report()
    try withBytes(item) { bytes throws(JobError) in
      var report = sample
      (report.done, report.failed, report.why) = (bytes, bytes, bytes)
      (report.currentItem, report.cursor, report.skipped) = (bytes, bytes, bytes)
      report.doneItems = bytes
      let buffer = Buffer()
      try report.encode(to: buffer)
      var reader = Reader(buffer.bytes)
      let found = Report(&reader)
      #expect(found != nil && reader.isAtEnd)
      #expect(found?.time == -5 && found?.shift == .min && found?.advance == .max)
      #expect(found?.seen == .max)
      #expect(found?.total == 3 && found?.clockOffset == -1 && found?.acknowledgesPause == true)
      for part in [
        found?.done, found?.failed, found?.why, found?.currentItem, found?.cursor, found?.skipped,
        found?.doneItems,
      ] {
        #expect(part.map { Array($0) } == item)
      }
      for count in 0..<buffer.count {
        var reader = Reader(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        #expect(Report(&reader) == nil)
      }
    }
  }

  /// What it does not know of it cannot pass over: its place is unknown, too.
  @Test func aReportWithAnUnknownBitIsNone() throws {
    for bit in 16..<63 {
      let buffer = Buffer()
      buffer.appendVarint(1 << UInt64(bit))
      buffer.appendSigned(7)
      var reader = Reader(buffer.bytes)
      #expect(Report(&reader) == nil, "\(bit)")
    }
  }
}

private func queued(_ change: (QueueEntry) -> Void) -> QueueEntry {
  let entry = QueueEntry(since: 0)
  change(entry)
  return entry
}
