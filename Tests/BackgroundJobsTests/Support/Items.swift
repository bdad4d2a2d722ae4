import CPosix
import Foundation

@testable import BackgroundJobs

/// Sets of items in files.
struct ItemFiles {
  let scratch: Scratch
  private let directory: Directory

  init() throws {
    scratch = try Scratch()
    directory = try Directory.open(path: scratch.path)
  }

  var path: String { "\(scratch.path)/items-1" }

  func write(_ set: ItemSet) throws {
    try directory.unlink("items-1")
    try ItemFile.write(set, to: try directory.open("items-1", O_RDWR | O_CREAT | O_EXCL))
  }

  func file() throws -> File { try directory.open("items-1", O_RDWR) }

  func open() throws -> ItemSet { try ItemFile.open(try file()) }

  /// Writes it and opens what was written.
  func reopened(_ set: ItemSet) throws -> ItemSet {
    try write(set)
    return try open()
  }
}

/// A random operation on a set, and what it answered.
enum ItemOperation {
  static func item(_ number: Int) -> [UInt8] {
    switch number {
    case 3: []
    case 4: [UInt8](repeating: 7, count: 4096)
    case 5: [UInt8](repeating: 8, count: 4097)
    case 6: [UInt8](repeating: 9, count: 70_000)
    default: Array("item-\(number)".utf8)
    }
  }

  /// `range`: of the numbers of items. The same dice give the same operation.
  static func run(_ dice: inout Dice, on set: ItemSet, _ range: Int) throws -> String {
    let item = item(Int.random(in: 0..<range, using: &dice))
    let kind = Int.random(in: 0..<30, using: &dice)
    let word = "why \(Int.random(in: 0..<1000, using: &dice))"
    return try withBytes(item) { bytes throws(JobError) in
      switch kind {
      case 0...4: "\(try set.markDone(try set.insert(bytes)))"
      case 5, 6: "\(try set.markFailed(try set.insert(bytes), why: kind == 5 ? word : nil))"
      case 7, 8: "\(try set.markSkipped(try set.insert(bytes), why: kind == 7 ? word : nil))"
      case 9...12: try planned(set, bytes)
      case 13, 14: try begun(set, bytes, byOwner: kind == 13)
      case 15: repeated(set, bytes)
      case 16: retried(set, bytes)
      case 17: try quick(set, bytes)
      case 18: given(set, bytes)
      default: known(set, bytes)
      }
    }
  }

  private static func planned(
    _ set: ItemSet, _ bytes: UnsafeRawBufferPointer
  ) throws(JobError) -> String {
    try set.reserve(1, bytes.count)
    try set.plan(try set.insert(bytes))
    return "\(set.openCount)"
  }

  private static func begun(
    _ set: ItemSet, _ bytes: UnsafeRawBufferPointer, byOwner: Bool
  ) throws(JobError) -> String {
    let slot = try set.insert(bytes)
    set.begin(slot, byOwner: byOwner)
    return "\(set.attempts(of: slot))"
  }

  private static func repeated(_ set: ItemSet, _ bytes: UnsafeRawBufferPointer) -> String {
    if let slot = set.find(bytes) { try? set.repeatInList(slot) }
    return "\(set.doneCount)"
  }

  private static func retried(_ set: ItemSet, _ bytes: UnsafeRawBufferPointer) -> String {
    set.forgetFailure(of: bytes)
    set.dropForgotten()
    return "\(set.failedCount)"
  }

  /// As an owner enters an item.
  private static func quick(
    _ set: ItemSet, _ bytes: UnsafeRawBufferPointer
  ) throws(JobError) -> String {
    try set.reserve(1, bytes.count)
    guard let place = set.placeForDone(bytes) else {
      // What is left to the other way.
      let slot = set.find(bytes)
      let mark = slot.map { set.mark(of: $0) } ?? ItemSet.Mark.none
      if mark != .none || bytes.count < 1 || bytes.count > 4096 { return "no" }
      return "\(try set.markDone(try set.insert(bytes)))"
    }
    if place.isDone { return "no" }
    if let slot = set.find(bytes), set.mark(of: slot) == .none, set.notes.trialCount > 0 {
      return "\(try set.markDone(slot))"
    }
    set.enterDone(bytes, at: place)
    return "true"
  }

  private static func given(_ set: ItemSet, _ bytes: UnsafeRawBufferPointer) -> String {
    if let slot = set.find(bytes) { set.notes.giveBack(slot) }
    set.note(failureOf: bytes, "noted")
    return "\(set.notes.underWayCount)"
  }

  private static func known(_ set: ItemSet, _ bytes: UnsafeRawBufferPointer) -> String {
    guard let slot = set.find(bytes) else { return "-" }
    return "\(slot) \(string(set.bytes(of: slot)).count) \(set.mark(of: slot)) "
      + "\(set.isPlanned(slot)) \(set.hasEnded(bytes)) \(set.isDone(bytes)) "
      + "\(set.accounts(for: bytes)) \(set.notes.why(slot) ?? "-") \(set.attempts(of: slot)) "
      + "\(set.notes.isUnderWay(slot)) \(String(describing: set.attempts(at: bytes)))"
  }
}

/// Everything that a set answers.
struct ItemAnswers: Equatable {
  var counts: [Int] = []
  var done: [[UInt8]] = []
  var failed: [[UInt8]] = []
  var planned: [[UInt8]] = []
  var open: [[UInt8]] = []
  var marked: [[UInt8]] = []
  var trials: [String] = []
  var whys: [String] = []
  var oldest: UInt32?

  /// Without an error, whatever the set has met.
  init(_ set: ItemSet) {
    var position = 0
    while let slot = set.nextOpen(from: &position) { open.append(Array(set.bytes(of: slot))) }
    try? set.forEachFailed { slot, item throws(JobError) in
      failed.append(Array(item))
      whys.append(set.notes.why(slot) ?? "-")
    }
    oldest = set.notes.oldestUnderWay()
    try? set.forEachTrial { item, trial throws(JobError) in
      trials.append("\(Array(item)) \(trial)")
    }
    trials.sort()
    try? set.forEachDone { item throws(JobError) in done.append(Array(item)) }
    try? set.forEachPlanned { item throws(JobError) in planned.append(Array(item)) }
    for mark in [ItemSet.Mark.done, .failed, .skipped] {
      try? set.forEach(mark) { slot, item throws(JobError) in
        marked.append(Array(item))
        whys.append(set.notes.why(slot) ?? "-")
      }
    }
    counts = [
      set.known, set.doneCount, set.failedCount, set.skippedCount, set.openCount,
      set.planGeneration, set.notes.underWayCount, set.notes.trialCount, set.notes.whyCount,
      set.accounted, set.endedCount,
    ]
  }
}

extension ItemFile {
  static func verify(_ file: File) throws(JobError) { try open(file).loadAll() }
}
