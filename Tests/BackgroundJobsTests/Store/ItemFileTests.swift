import CPosix
import Testing

@testable import BackgroundJobs

@Suite struct ItemFileTests {
  private let files: ItemFiles

  init() throws { files = try ItemFiles() }

  /// The set after so many random operations.
  private func set(_ count: Int, _ seed: UInt64 = 1) throws -> ItemSet {
    let set = ItemSet()
    var dice = Dice(seed)
    for _ in 0..<count { _ = try ItemOperation.run(&dice, on: set, max(1, count)) }
    return set
  }

  private func insert(_ set: ItemSet, _ item: String) throws -> ItemSet.Slot {
    try withBytes(of: item) { bytes throws(JobError) in try set.insert(bytes) }
  }

  private func find(_ set: ItemSet, _ item: String) -> ItemSet.Slot? {
    withBytes(Array(item.utf8)) { set.find($0) }
  }

  /// All of them planned, the first ones done.
  private func planned(_ count: Int, done: Int) throws -> ItemSet {
    let set = ItemSet()
    for number in 0..<count {
      let slot = try insert(set, "item-\(number)")
      try set.plan(slot)
      if number < done { _ = try set.markDone(slot) }
    }
    return set
  }

  // MARK: Round trips

  @Test(arguments: [0, 1, 8, 700, 20_000])
  func whatIsOpenedIsWhatWasWritten(_ count: Int) throws {
    let before = try set(count)
    let after = try files.reopened(before)
    #expect(after.isAsStored)
    #expect(ItemAnswers(after) == ItemAnswers(before))
    try after.loadAll()
    #expect(after.isWhole)
    #expect(ItemAnswers(after) == ItemAnswers(before))
    try ItemFile.verify(try files.file())
    #expect(after.isAsStored)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func changesStay(_ seed: UInt64) throws {
    let inMemory = try set(300, seed)
    var inFile = try files.reopened(inMemory)
    var (one, other) = (Dice(seed + 100), Dice(seed + 100))
    for _ in 0..<6 {
      for _ in 0..<60 {
        let wanted = try ItemOperation.run(&one, on: inMemory, 500)
        #expect(try ItemOperation.run(&other, on: inFile, 500) == wanted)
      }
      try files.write(inFile)
      inFile.noteStored()
      #expect(inFile.isAsStored)
      inFile = try files.open()
    }
    #expect(ItemAnswers(inFile) == ItemAnswers(inMemory))
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func aHalfLoadedSetAnswersAsOneInMemory(_ seed: UInt64) throws {
    let size = [200, 1000, 6000][Int(seed % 3)]
    let inMemory = try set(size, seed)
    let inFile = try files.reopened(inMemory)
    var (one, other, dice) = (Dice(seed + 1000), Dice(seed + 1000), Dice(seed))
    for step in 0..<Int.random(in: 1...400, using: &dice) {
      let wanted = try ItemOperation.run(&one, on: inMemory, size + 50)
      #expect(try ItemOperation.run(&other, on: inFile, size + 50) == wanted)
      switch Int.random(in: 0..<400, using: &dice) {
      case 0: try inFile.loadAll()
      case 1:
        inMemory.forgetFailures()
        inFile.forgetFailures()
      case 2:
        inMemory.notes.nothingIsUnderWay()
        inFile.notes.nothingIsUnderWay()
      case 3:
        let oldest = inMemory.notes.oldestUnderWay()
        #expect(oldest == inFile.notes.oldestUnderWay())
      case 4:
        let plan = PackedItems(try packed(["item-1", "", "new-\(step)", "item-7"]))
        try inMemory.replan(plan)
        try inFile.replan(plan)
      default: break
      }
    }
    #expect(ItemAnswers(inFile) == ItemAnswers(inMemory))
    #expect(inFile.fault == nil)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func aPlanIsHandedOutInTheSameOrder(_ seed: UInt64) throws {
    let jobs = [0, 1].map { JobState(id: "job-\($0)", type: "t", status: .running) }
    jobs[0].items = try set(2000, seed)
    jobs[1].items = try files.reopened(jobs[0].items)
    let dispensers = jobs.map { Dispenser($0) }
    var dice = Dice(seed)
    while let slot = dispensers[0].next() {
      #expect(dispensers[1].next() == slot)
      let end = Int.random(in: 0..<10, using: &dice)
      for job in jobs {
        switch end {
        case 0: _ = try job.items.markFailed(slot, why: "w")
        case 1: job.items.begin(slot, byOwner: true)
        case 2: break
        default: _ = try job.items.markDone(slot)
        }
      }
      if end == 9 {
        let item = Array(jobs[0].items.bytes(of: slot))
        for dispenser in dispensers { withBytes(item) { dispenser.takeBack($0) } }
      }
    }
    #expect(dispensers[1].next() == nil)
    #expect(ItemAnswers(jobs[1].items) == ItemAnswers(jobs[0].items))
  }

  // MARK: What is read

  /// How often a file is read meanwhile: once for each page, or row of pages.
  private func reads(_ body: () throws -> Void) throws -> Int {
    var reads = 0
    let count = Faults.Hook(operation: { operation, _ in
      if operation == .read { reads += 1 }
      return nil
    })
    try Faults.with(count, in: files.scratch) { try body() }
    return reads
  }

  @Test func openingReadsTheHeaderOnly() throws {
    try files.write(try planned(100_000, done: 50_000))
    let file = try files.file()
    var opened: ItemSet?
    #expect(try reads { opened = try ItemFile.open(file) } <= 2)
    let set = try #require(opened)
    let found = try reads {
      #expect(find(set, "item-70000").map { set.isPlanned($0) } == true)
      #expect(find(set, "no item") == nil)
    }
    #expect((1...8).contains(found))
    #expect(!set.isWhole)
    #expect(try reads { try set.loadAll() } <= 20)
    #expect(set.isWhole)
  }

  @Test func aSetOfWhichNothingWasReadTakesOneReadASection() throws {
    try files.write(try planned(100_000, done: 50_000))
    let set = try files.open()
    #expect(try reads { try set.loadAll() } == 4)
  }

  @Test func whatIsDoneOfAPlanIsPassedOver() throws {
    let set = try files.reopened(try planned(100_000, done: 99_990))
    let read = try reads {
      var position = 0
      let slot = try #require(set.nextOpen(from: &position))
      #expect(string(set.bytes(of: slot)) == "item-99990")
      #expect(position == 99_991)
    }
    #expect((1...4).contains(read))
  }

  @Test func aRetryOpensWhatWasPassedOver() throws {
    let before = try planned(50, done: 0)
    for number in 0..<40 {
      let slot = try #require(find(before, "item-\(number)"))
      if number == 5 {
        _ = try before.markFailed(slot, why: nil)
      } else {
        _ = try before.markDone(slot)
      }
    }
    for isOne in [true, false] {
      let set = try files.reopened(before)
      var position = 0
      #expect(set.nextOpen(from: &position) == find(set, "item-40"))
      if isOne {
        withBytes(Array("item-5".utf8)) { set.forgetFailure(of: $0) }
        set.dropForgotten()
      } else {
        set.forgetFailures()
      }
      position = 0
      #expect(set.nextOpen(from: &position) == find(set, "item-5"))
      #expect(set.nextOpen(from: &position) == find(set, "item-40"))
      try set.replan(PackedItems(try packed(["first", "item-45"])))
      position = 0
      #expect(set.nextOpen(from: &position) == find(set, "first"))
      #expect(set.nextOpen(from: &position) == find(set, "item-45"))
    }
    let done = try files.reopened(try planned(30, done: 30))
    try done.plan(try insert(done, "late"))
    var position = 0
    #expect(done.nextOpen(from: &position) == find(done, "late"))
  }

  // MARK: As stored

  @Test func everyChangeIsSeen() throws {
    let before = try planned(20, done: 5)
    _ = try before.markFailed(try insert(before, "item-10"), why: "w")
    _ = try before.markSkipped(try insert(before, "item-11"), why: nil)
    before.begin(try insert(before, "item-12"), byOwner: true)
    #expect(!before.isAsStored)
    let changes: [(ItemSet) throws -> Void] = [
      { _ = try self.insert($0, "new") },
      { _ = try $0.markDone(try self.insert($0, "item-7")) },
      { _ = try $0.markDone(try self.insert($0, "item-10")) },
      { _ = try $0.markFailed(try self.insert($0, "item-7"), why: nil) },
      { _ = try $0.markFailed(try self.insert($0, "item-10"), why: "other \($0.known)") },
      { _ = try $0.markSkipped(try self.insert($0, "item-10"), why: nil) },
      { try $0.repeatInList(try self.insert($0, "item-1")) },
      { try $0.replan(PackedItems(try packed(["item-1"]))) },
      { try $0.plan(try self.insert($0, "item-new")) },
      { $0.forgetFailures() },
      { set in withBytes(Array("item-10".utf8)) { set.forgetFailure(of: $0) } },
      { set in withBytes(Array("item-10".utf8)) { set.note(failureOf: $0, "z") } },
      { $0.begin(try self.insert($0, "item-13"), byOwner: false) },
      { $0.notes.giveBack(try self.insert($0, "item-12")) },
      { $0.notes.nothingIsUnderWay() },
      { $0.notes.note(.init(begun: 2, unended: 1, place: 0), of: try self.insert($0, "item-7")) },
    ]
    for (number, change) in changes.enumerated() {
      let set = try files.reopened(before)
      #expect(set.isAsStored)
      try change(set)
      if number == 4, set.notes.why(try insert(set, "item-10")) == "w" { continue }
      #expect(!set.isAsStored, "\(number)")
      set.noteStored()
      #expect(set.isAsStored, "\(number)")
    }
  }

  @Test func whatChangesNothingIsNoChange() throws {
    let before = try planned(20, done: 5)
    let set = try files.reopened(before)
    _ = try insert(set, "item-3")
    _ = try set.markDone(try insert(set, "item-3"))
    _ = try set.markFailed(try insert(set, "item-3"), why: "w")
    try set.plan(try insert(set, "item-7"))
    set.forgetFailures()
    set.notes.nothingIsUnderWay()
    _ = ItemAnswers(set)
    try set.loadAll()
    #expect(set.isAsStored)
  }
}
