import Testing

@testable import BackgroundJobs

@Suite struct ItemSetTests {
  /// The same, written for clarity.
  private struct Reference {
    var known: [[UInt8]] = []
    var planned: [[UInt8]] = []
    var done: [[UInt8]] = []
    var failed: [[UInt8]] = []

    mutating func insert(_ item: [UInt8]) { if !known.contains(item) { known.append(item) } }

    mutating func markDone(_ item: [UInt8]) -> Bool {
      guard !done.contains(item) else { return false }
      failed.removeAll { $0 == item }
      done.append(item)
      return true
    }

    mutating func markFailed(_ item: [UInt8]) -> Bool {
      guard !done.contains(item), !failed.contains(item) else { return false }
      failed.append(item)
      return true
    }

    var open: [[UInt8]] {
      planned.filter { !done.contains($0) && !failed.contains($0) }
    }
  }

  private func item(_ dice: inout Dice) -> [UInt8] {
    switch Int.random(in: 0..<12, using: &dice) {
    case 0: []
    case 1: [UInt8](repeating: 7, count: 4096)
    case 2: [UInt8](repeating: 8, count: 4097)
    case 3: [UInt8](repeating: 9, count: 70_000)
    default: Array("item-\(Int.random(in: 0..<90, using: &dice))".utf8)
    }
  }

  private func slot(_ set: ItemSet, _ item: [UInt8]) throws -> ItemSet.Slot {
    try withBytes(item) { bytes throws(JobError) in try set.insert(bytes) }
  }

  private func check(_ set: ItemSet, _ wanted: Reference) throws {
    #expect(set.known == wanted.known.count)
    #expect(set.doneCount == wanted.done.count)
    #expect(set.failedCount == wanted.failed.count)
    #expect(set.openCount == wanted.open.count)
    var done: [[UInt8]] = []
    try set.forEachDone { bytes throws(JobError) in done.append(Array(bytes)) }
    #expect(done == wanted.done)
    var failed: [[UInt8]] = []
    try? set.forEachFailed { _, bytes throws(JobError) in failed.append(Array(bytes)) }
    #expect(failed == wanted.failed)
    var planned: [[UInt8]] = []
    try set.forEachPlanned { bytes throws(JobError) in planned.append(Array(bytes)) }
    #expect(planned == wanted.planned.filter { !wanted.done.contains($0) })
    var open: [[UInt8]] = []
    var position = 0
    while let slot = set.nextOpen(from: &position) { open.append(Array(set.bytes(of: slot))) }
    #expect(open == wanted.open)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func anyOrderOfOperations(_ seed: UInt64) throws {
    var dice = Dice(seed)
    let set = ItemSet()
    var wanted = Reference()
    for step in 0..<400 {
      let item = item(&dice)
      switch Int.random(in: 0..<100, using: &dice) {
      case 0..<40:
        wanted.insert(item)
        #expect(try set.markDone(try slot(set, item)) == wanted.markDone(item))
      case 40..<65:
        wanted.insert(item)
        #expect(try set.markFailed(try slot(set, item), why: "w\(step)") == wanted.markFailed(item))
      case 65..<97:
        wanted.insert(item)
        if !wanted.planned.contains(item) { wanted.planned.append(item) }
        try set.plan(try slot(set, item))
      case 97..<99:
        #expect(withBytes(item) { set.find($0) != nil } == wanted.known.contains(item))
      default:
        wanted.failed = []
        set.forgetFailures()
        #expect(set.notes.whyCount == 0)
      }
      if step % 40 == 39 { try check(set, wanted) }
    }
    try check(set, wanted)
  }

  @Test func doneIsFinalAndForgetsWhyItFailed() throws {
    let set = ItemSet()
    let a = try slot(set, Array("a".utf8))
    #expect(try set.markFailed(a, why: "no route"))
    #expect(set.notes.why(a) == "no route")
    #expect(try set.markDone(a))
    #expect(set.notes.whyCount == 0)
    #expect(try !set.markFailed(a, why: "late"))
    #expect(set.mark(of: a) == .done)
  }

  /// Other tools' lists may name an item twice: both entries stay, it counts once.
  @Test func repeatedEntriesOfOthersStay() throws {
    let set = ItemSet()
    let a = try slot(set, Array("a".utf8))
    _ = try set.markDone(a)
    try set.repeatInList(a)
    var entries = 0
    try set.forEachDone { _ throws(JobError) in entries += 1 }
    #expect(entries == 2)
    #expect(set.doneCount == 1)
  }

  /// The promise: at most 2 × their bytes + 16 bytes each.
  @Test(arguments: [(60_000, 8), (60_000, 24), (20_000, 64)])
  func memoryIsBounded(_ count: Int, _ length: Int) throws {
    let set = ItemSet()
    for number in 0..<count {
      var item = Array("\(number)-".utf8)
      while item.count < length { item.append(0x78) }
      _ = try set.markDone(try slot(set, item))
      guard number % 1000 == 999 || number + 1 == count, number > 2000 else { continue }
      let all = number + 1
      let used = set.memoryInUse
      #expect(used <= 2 * all * length + 16 * all, "\(used) bytes for \(all) items of \(length)")
    }
  }
}

extension ItemSet {
  /// What was ever written to: big blocks come from the kernel, which gives pages only then.
  var memoryInUse: Int {
    var sum = 0
    for child in Mirror(reflecting: self).children {
      if let buffer = child.value as? Buffer { sum += buffer.count }
      if child.label == "tableSize", let size = child.value as? Int { sum += size * 4 }
    }
    return sum
  }
}

func withBytes<Result>(
  _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(JobError) -> Result
) throws(JobError) -> Result {
  let result: Swift.Result<Result, JobError> = bytes.withUnsafeBytes { raw in
    do throws(JobError) { return .success(try body(raw)) } catch { return .failure(error) }
  }
  return try result.get()
}

func withBytes<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
  bytes.withUnsafeBytes { body($0) }
}
