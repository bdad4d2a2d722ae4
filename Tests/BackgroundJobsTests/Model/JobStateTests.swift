import Testing

@testable import BackgroundJobs

@Suite struct JobStateTests {
  private let largest: Int64 = 1 << 53 - 1
  private let job = JobState(id: "j", type: "t", status: .running)

  private func report(_ fill: (inout Report) -> Void, fromOwner: Bool = true) throws {
    var report = Report()
    fill(&report)
    try job.apply(report, at: 0, fromOwner: fromOwner)
  }

  private func done(_ item: String, advance: Int64? = nil, shift: Int64? = nil) throws {
    try withBytes(Array(item.utf8)) { bytes throws(JobError) in
      var report = Report()
      (report.done, report.advance, report.shift) = (bytes, advance, shift)
      try job.apply(report, at: 0, fromOwner: true)
    }
  }

  /// PROTOCOL R6.
  @Test func currentIsItemsAndAdvancesAndTheShift() throws {
    try done("a")
    try done("b", advance: 5)
    #expect(job.current == 7)
    try report { $0.shift = -3 }
    #expect(job.current == 4)
    // Others' items still count behind an explicit current; a newer shift replaces the older one.
    try report({ $0.advance = 2 }, fromOwner: false)
    #expect(job.current == 6)
    try report { $0.shift = 10 }
    #expect(job.current == 19)
    try done("a")
    #expect(job.current == 19, "an item said again changes nothing")
  }

  @Test func sumsStayWithinWhatJSONHolds() throws {
    try report { $0.advance = largest }
    try report { $0.advance = largest }
    #expect(job.current == largest)
    try report { $0.shift = -largest }
    try report { $0.advance = -largest }
    try report { $0.advance = -largest }
    #expect(job.current >= -largest && job.current <= largest)
  }

  @Test(
    arguments: [
      (0, 0, 0), (5, 0, 0), (-5, 10, 0), (0, 10, 0), (1, 3, 33), (2, 3, 66), (199, 200, 99),
      (3, 3, 100), (9, 3, 100), (1, .max, 0), (.max - 1, .max, 99), (.max, .max, 100),
      (.min, .max, 0), (.max, 1, 100), (.max, -1, 0), (Int64.max / 2, .max, 49),
    ] as [(Int64, Int64, Int64)])
  func percentageIsRoundedDown(_ current: Int64, _ total: Int64, _ percentage: Int64) {
    job.shift = current
    job.total = total
    // The sum is bounded to what JSON holds, so that these are the ends of what can be.
    if current.magnitude <= largest.magnitude { #expect(job.percentage == percentage) }
    #expect((0...100).contains(job.percentage))
  }

  @Test(
    arguments: [
      (.max, 1, 1 << 53 - 1), (.max, .max, 1 << 53 - 1), (.min, -1, -(1 << 53 - 1)), (1, 2, 3),
      (.min, .max, -1), (0, .min, -(1 << 53 - 1)),
    ] as [(Int64, Int64, Int64)])
  func clampedSums(_ a: Int64, _ b: Int64, _ sum: Int64) { #expect(a.clampedAdding(b) == sum) }

  @Test func whatIsFinishedIsNotWorkedOn() throws {
    try withBytes(Array("a".utf8)) { bytes throws(JobError) in
      var report = Report()
      report.currentItem = bytes
      try job.apply(report, at: 0, fromOwner: true)
    }
    try done("b")
    #expect(job.currentItem.count == 1)
    try done("a")
    #expect(job.currentItem.count == 0)
  }

  @Test func pausesAreNotActiveTime() throws {
    job.clock.start(at: 0)
    try report { $0.time = 1000 }
    try report {
      $0.time = 3000
      $0.acknowledgesPause = true
    }
    #expect(job.isPauseAcknowledged)
    try report { $0.time = 9000 }
    try report {
      $0.time = 10_000
      $0.acknowledgesPause = false
    }
    #expect(!job.isPauseAcknowledged)
    try report { $0.time = 10_500 }
    #expect(job.clock.total == 3500)
  }

  @Test func othersDoNotMoveTheClock() throws {
    job.clock.start(at: 0)
    try report({ $0.time = 5000 }, fromOwner: false)
    #expect(job.clock.total == 0)
  }

  @Test func aPlanRaisesTheTotalOnly() throws {
    try job.plan(PackedItems(try packed(["a", "b", "a", "c"])))
    #expect(job.total == 3)
    #expect(job.items.openCount == 3)
    job.total = 50
    try job.plan(PackedItems(try packed(["d"])))
    #expect(job.total == 50)
  }

  /// PROTOCOL R6: journal and log have no common order but the marks.
  @Test func whatTheOwnerSaidBehindAMarkStands() throws {
    job.log = LogPosition(number: 1, salt: 0, index: 4)
    try report { $0.total = 1 }
    let plan = PackedItems(try packed(["a", "b", "c"]))
    try job.plan(plan, beside: PlanMark(seen: 4, items: 3))
    #expect(job.total == 1)
    try job.plan(plan, beside: PlanMark(seen: 5, items: 3))
    #expect(job.total == 3)
    try withBytes(Array("a".utf8)) { item throws(JobError) in
      try job.apply(Report(currentItem: item), at: 0, fromOwner: true)
      try job.apply(Report(done: item, seen: 4), at: 0, fromOwner: false)
      #expect(job.currentItem.count == 1)
      // A new log begins without a word.
      job.roll(to: 9, 1, nil)
      try job.apply(Report(done: item, seen: 0), at: 0, fromOwner: false)
      #expect(job.currentItem.count == 0)
    }
  }

  @Test func aPlanCountsItemsOnceInItsMark() throws {
    let plan = PackedItems(try packed(["a", "b", "a", "c"]))
    #expect(try job.mark(of: plan) == nil)
    job.log = LogPosition(number: 1, salt: 0, index: 7)
    try done("c")
    let mark = try job.mark(of: plan)
    #expect(mark?.seen == 7 && mark?.items == 3)
    try job.plan(plan, beside: mark)
    #expect(try job.mark(of: plan)?.items == 3)
  }

  @Test func ofTwoReasonsTheSameStandsInAnyOrder() throws {
    var found: Set<String?> = []
    for whys in [["x", "y"], ["y", "x"]] {
      let set = ItemSet()
      try withBytes(Array("a".utf8)) { item throws(JobError) in
        for why in whys { _ = try set.markFailed(try set.insert(item), why: why) }
        found.insert(set.find(item).flatMap { set.notes.why($0) })
      }
    }
    #expect(found.count == 1)
  }
}
