import CPosix

/// The items of one job: a set that keeps the orders of planning, of completion, of failure and of
/// being skipped, and answers in constant time.
///
/// The items stand in a table; each order is a list of their slots there, 4 bytes an entry. No item
/// is an allocation of its own.
final class ItemSet {
  /// Where an item stands in the table.
  typealias Slot = ItemTable.Slot

  enum Mark: UInt16 {
    case none = 0
    case done = 1
    case failed = 2
    case skipped = 3
  }

  private static let plannedBit: UInt16 = 1 << 14
  private static let markShift: UInt16 = 12

  private(set) var table = ItemTable()
  private(set) var planList = SlotList()
  private(set) var doneList = SlotList()
  private(set) var failedList = SlotList()
  private(set) var skippedList = SlotList()
  var known: Int { table.count }
  private(set) var doneCount = 0
  private(set) var failedCount = 0
  private(set) var skippedCount = 0
  /// Planned items that have not ended.
  private(set) var openCount = 0
  var notes = ItemNotes()
  /// Counts the plans that were replaced: places in the list of the plan are then others.
  private(set) var planGeneration = 0
  /// All before it in the plan have ended.
  private(set) var firstOpen = 0
  /// Counts changes that no other count tells of.
  private var changes = 0
  /// What it was when it was stored.
  private var asStored: Version?
  /// Where it was opened from.
  private var source: PagedFile?

  init() {}

  /// A stored one, of which nothing is in memory yet.
  init(_ stored: cposix_items, _ sections: [Buffer], _ source: PagedFile) {
    table = ItemTable(
      sections[0], sections[1], size: Int(stored.table_size), count: Int(stored.known),
      seed: stored.seed)
    (planList, doneList) = (SlotList(sections[2]), SlotList(sections[3]))
    (failedList, skippedList) = (SlotList(sections[4]), SlotList(sections[5]))
    (doneCount, failedCount) = (Int(stored.done), Int(stored.failed))
    (skippedCount, openCount) = (Int(stored.skipped), Int(stored.open))
    firstOpen = Int(stored.first_open)
    self.notes = ItemNotes(
      StoredNotes(sections[6], sections[7]), lastPlace: stored.last_place,
      underWay: Int(stored.under_way),
      trials: Int(stored.trials), whys: Int(stored.whys))
    self.source = source
    noteStored()
  }

  // MARK: Stored items

  private struct Version: Equatable {
    var known, done, changes, notes: Int
  }

  private var version: Version {
    Version(known: known, done: doneCount, changes: changes, notes: notes.changes)
  }

  /// Nothing has changed since it was stored.
  var isAsStored: Bool { asStored == version }

  func noteStored() { asStored = version }

  /// See `PagedFile`; it stays.
  var fault: JobError? { source?.fault }

  /// Before what was said by it is used.
  @inline(never)
  func requireSound() throws(JobError) { if let fault { throw fault } }

  /// All of it is in memory, and was sound.
  var isWhole: Bool { source?.file == nil && fault == nil }

  /// Nothing is left in a file.
  @inline(never)
  func loadAll() throws(JobError) {
    guard let source else { return }
    guard source.file != nil else { return try requireSound() }
    table.loadAll()
    for list in [planList, doneList, failedList, skippedList] { list.buffer.loadAll() }
    notes.loadAll()
    source.file = nil
    guard fault != nil else { return }
    // What is not whole must not be walked over.
    table = ItemTable()
    (planList, doneList, failedList, skippedList) = (SlotList(), SlotList(), SlotList(), SlotList())
    try requireSound()
  }

  /// It is the first of the plan that has not ended.
  func noteFirstOpen(_ position: Int) { firstOpen = position }

  // MARK: Looking up

  @inline(never)
  func find(_ item: UnsafeRawBufferPointer) -> Slot? {
    table.find(item)
  }

  @inline(never)
  func mark(of slot: Slot) -> Mark { markQuickly(of: slot) }

  @inline(__always)
  private func markQuickly(of slot: Slot) -> Mark {
    Mark(rawValue: table.flags(of: slot) >> Self.markShift & 3) ?? .none
  }

  @inline(never)
  func bytes(of slot: Slot) -> UnsafeRawBufferPointer { table.bytes(of: slot) }

  var endedCount: Int { doneCount + failedCount + skippedCount }

  /// Items that are planned or have ended: what a plan needs room for.
  var accounted: Int { endedCount + openCount }

  func hasEnded(_ item: UnsafeRawBufferPointer) -> Bool {
    find(item).map { mark(of: $0) != Mark.none } ?? false
  }

  func isDone(_ item: UnsafeRawBufferPointer) -> Bool {
    find(item).map { mark(of: $0) == .done } ?? false
  }

  @inline(never)
  func isPlanned(_ slot: Slot) -> Bool { table.flags(of: slot) & Self.plannedBit != 0 }

  func accounts(for item: UnsafeRawBufferPointer) -> Bool {
    guard let slot = find(item) else { return false }
    return mark(of: slot) != .none || isPlanned(slot)
  }

  // MARK: Changing

  /// The item's slot; a new item is not planned and has not ended.
  @inline(never)
  func insert(_ item: UnsafeRawBufferPointer) throws(JobError) -> Slot { try table.insert(item) }

  /// Makes room so that a change of so many items, together of this length, cannot fail halfway; of
  /// each kind of change there is one.
  func reserve(_ items: Int, _ length: Int) throws(JobError) {
    try table.reserve(items, length)
    try doneList.reserveOne()
    try failedList.reserveOne()
    try skippedList.reserveOne()
  }

  /// Done is final. Whether that changed anything.
  @inline(never)
  func markDone(_ slot: Slot) throws(JobError) -> Bool {
    let before = mark(of: slot)
    if before == .done { return false }
    try doneList.append(slot)
    setMark(slot, .done)
    doneCount += 1
    leave(before, slot)
    return true
  }

  /// What an item is no more. Its entry in the list of that is passed over from now on: it never
  /// becomes so again.
  private func leave(_ before: Mark, _ slot: Slot) {
    switch before {
    case .failed: failedCount -= 1
    case .skipped: skippedCount -= 1
    default:
      if isPlanned(slot) { openCount -= 1 }
      return
    }
    notes.setWhy(slot, nil)
  }

  /// Where an item that is done now is entered.
  struct DonePlace {
    fileprivate var place: ItemTable.Place
    /// nil: the item is not known yet.
    fileprivate var slot: Slot?
    /// It is done already.
    var isDone = false
  }

  /// nil: there is no room for it, or it has ended otherwise.
  @inline(__always)
  func placeForDone(_ item: UnsafeRawBufferPointer) -> DonePlace? {
    let place = table.place(of: item)
    guard doneList.hasRoom else { return nil }
    if place.isTaken {
      let slot = table.slot(of: place)
      let mark = markQuickly(of: slot)
      guard mark == .none || mark == .done else { return nil }
      return DonePlace(place: place, slot: slot, isDone: mark == .done)
    }
    guard table.hasRoom(for: item) else { return nil }
    return DonePlace(place: place)
  }

  /// `insert` and `markDone`, of an item that is not done.
  @inline(__always)
  func enterDone(_ item: UnsafeRawBufferPointer, at place: DonePlace) {
    let slot: Slot
    if let known = place.slot {
      slot = known
      setMark(slot, .done)
      if isPlanned(slot) { openCount -= 1 }
    } else {
      slot = table.put(
        item, at: place.place, flags: Mark.done.rawValue << Self.markShift)
    }
    doneList.put(slot)
    doneCount += 1
  }

  @inline(never)
  func markFailed(_ slot: Slot, why: String?) throws(JobError) -> Bool {
    let before = mark(of: slot)
    // Two said so without knowing of each other: the same word stands, in whatever order.
    if before == .failed, checksum(why) > checksum(self.why(slot)) { notes.setWhy(slot, why) }
    guard before == .none else { return false }
    try failedList.append(slot)
    changes += 1
    setMark(slot, .failed)
    failedCount += 1
    if isPlanned(slot) { openCount -= 1 }
    if let why { notes.setWhy(slot, why) }
    return true
  }

  /// Nothing was to do: that beats a failure, and what is done stays so.
  @inline(never)
  func markSkipped(_ slot: Slot, why: String?) throws(JobError) -> Bool {
    let before = mark(of: slot)
    if before == .skipped, checksum(why) > checksum(self.why(slot)) { notes.setWhy(slot, why) }
    guard before == .none || before == .failed else { return false }
    try skippedList.append(slot)
    changes += 1
    setMark(slot, .skipped)
    skippedCount += 1
    leave(before, slot)
    if let why { notes.setWhy(slot, why) }
    return true
  }

  /// Another tool's list names an item twice: both stay, and it counts once.
  func repeatInList(_ slot: Slot) throws(JobError) {
    changes += 1
    switch mark(of: slot) {
    case .done: try doneList.append(slot)
    case .failed: try failedList.append(slot)
    case .none, .skipped: break
    }
  }

  /// These items alone are the plan, in this order. What has ended stays so.
  func replan(_ packed: PackedItems) throws(JobError) {
    try loadAll()
    firstOpen = 0
    changes += 1
    for entry in 0..<planList.count {
      let slot = planList[entry]
      table.setFlags(table.flags(of: slot) & ~Self.plannedBit, of: slot)
    }
    planList.clear()
    openCount = 0
    planGeneration += 1
    try packed.visit { item throws(JobError) in try plan(try insert(item)) }
  }

  @inline(never)
  func plan(_ slot: Slot) throws(JobError) {
    if isPlanned(slot) { return }
    try planList.append(slot)
    changes += 1
    table.setFlags(table.flags(of: slot) | Self.plannedBit, of: slot)
    if mark(of: slot) == .none { openCount += 1 }
  }

  /// A retry: failed items may be done after all.
  func forgetFailures() {
    try? forEachFailed { slot, _ throws(JobError) in forget(slot) }
    failedList.clear()
    failedCount = 0
  }

  /// The same of one; then, once for all of them, `dropForgotten`.
  func forgetFailure(of item: UnsafeRawBufferPointer) {
    guard let slot = find(item), mark(of: slot) == .failed else { return }
    forget(slot)
    failedCount -= 1
  }

  @inline(never)
  private func forget(_ slot: Slot) {
    changes += 1
    firstOpen = 0
    notes.forgetEnd(slot)
    setMark(slot, .none)
    notes.setWhy(slot, nil)
    if isPlanned(slot) { openCount += 1 }
  }

  /// Who fails again is entered again.
  func dropForgotten() {
    failedList.buffer.loadAll()
    failedList.keep { mark(of: $0) == .failed }
  }

  /// Adds why, where a snapshot has it apart from the item.
  func note(failureOf item: UnsafeRawBufferPointer, _ why: String) {
    if let slot = find(item), mark(of: slot) == .failed { notes.setWhy(slot, why) }
  }

  // MARK: Inside

  @inline(never)
  private func setMark(_ slot: Slot, _ mark: Mark) {
    if mark != .none, notes.trialCount > 0 { notes.end(slot) }
    let cleared = table.flags(of: slot) & ~(3 << Self.markShift)
    table.setFlags(cleared | mark.rawValue << Self.markShift, of: slot)
  }
}
