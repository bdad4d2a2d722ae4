import CPosix

/// The items of one job: a set that keeps the orders of planning, of completion, of failure and of
/// being skipped, and answers in constant time.
///
/// Every item stands once in an arena: a 16-bit header and its bytes, in the order in which items
/// became known. An open-addressed table (linear probing, load at most 3/4) and the three lists
/// refer to items by their offset in the arena. Before the offsets the table has a byte of each
/// item's hash, so that a search reads one line of the cache and no other item (as in Abseil's Swiss
/// tables). That makes 2 bytes in the arena, 6.7 to 13.3 in the table and 4 in each list per item,
/// and no allocation per item.
final class ItemSet {
  /// Where an item stands in the arena.
  typealias Slot = UInt32

  enum Mark: UInt16 {
    case none = 0
    case done = 1
    case failed = 2
    case skipped = 3
  }

  // Header: 12 bits length - 1, 2 bits mark, planned, long (a 32-bit length follows: items of other
  // tools may be empty or of any length).
  private static let plannedBit: UInt16 = 1 << 14
  private static let longBit: UInt16 = 1 << 15
  private static let markShift: UInt16 = 12

  /// Offsets, tags, and the first eight tags once more, so that eight can be read from any place.
  private static func bytes(ofTable size: Int) -> Int { size == 0 ? 0 : size * 5 + 8 }

  private let arena = Buffer()
  /// `tableSize` offsets, and behind them their tags: 0 where the table is free.
  private var table: UnsafeMutablePointer<UInt32>?
  private var tags: UnsafeMutablePointer<UInt8>?
  private var tableSize = 0
  private let planList = Buffer()
  private let doneList = Buffer()
  private let failedList = Buffer()
  private let skippedList = Buffer()
  private let seed = randomBits()

  private(set) var known = 0
  private(set) var doneCount = 0
  private(set) var failedCount = 0
  private(set) var skippedCount = 0
  /// Planned items that have not ended.
  private(set) var openCount = 0
  /// Why items failed or were skipped, where somebody said so.
  private(set) var failures = [Slot: String]()

  /// Items that were begun, as far as that is not plain from their mark.
  private(set) var trials = [Slot: Trials]()
  /// The highest place that was given.
  private var lastPlace: UInt32 = 0
  /// Counts the plans that were replaced: places in the list of the plan are then others.
  private(set) var planGeneration = 0

  /// How often an item was begun.
  struct Trials {
    var begun: UInt32 = 0
    /// Of these: without an end that anybody told.
    var unended: UInt32 = 0
    /// Under way since the job was last started: its place among what the owner has begun. 0: it is
    /// not; `ofOthers`: somebody else has begun it.
    var place: UInt32 = 0

    static let ofOthers = UInt32.max
  }

  init() {}

  deinit { cposix_release(table, Self.bytes(ofTable: tableSize)) }

  // MARK: Looking up

  func find(_ item: UnsafeRawBufferPointer) -> Slot? {
    let place = place(of: item)
    return place.isTaken ? table?[place.position] : nil
  }

  @inline(__always)
  func mark(of slot: Slot) -> Mark {
    Mark(rawValue: header(slot) >> Self.markShift & 3) ?? .none
  }

  func bytes(of slot: Slot) -> UnsafeRawBufferPointer {
    guard let base = arena.base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let start = Int(slot)
    let header = header(slot)
    if header & Self.longBit == 0 {
      return UnsafeRawBufferPointer(start: base + start + 2, count: Int(header & 0xfff) + 1)
    }
    let length = (base + start + 2).loadUnaligned(as: UInt32.self)
    return UnsafeRawBufferPointer(start: base + start + 6, count: Int(length))
  }

  var endedCount: Int { doneCount + failedCount + skippedCount }

  /// Items that are planned or have ended: what a plan needs room for.
  var accounted: Int { endedCount + openCount }

  func hasEnded(_ item: UnsafeRawBufferPointer) -> Bool {
    find(item).map { mark(of: $0) != Mark.none } ?? false
  }

  func isPlanned(_ slot: Slot) -> Bool { header(slot) & Self.plannedBit != 0 }

  func accounts(for item: UnsafeRawBufferPointer) -> Bool {
    guard let slot = find(item) else { return false }
    return mark(of: slot) != .none || header(slot) & Self.plannedBit != 0
  }

  // MARK: Changing

  /// The item's slot; a new item is not planned and has not ended.
  func insert(_ item: UnsafeRawBufferPointer) throws(JobError) -> Slot {
    var place = place(of: item)
    if place.isTaken, let table { return table[place.position] }
    if (known + 1) * 4 > tableSize * 3 {
      try growTable()
      place = self.place(of: item)
    }
    let slot = try appendToArena(item)
    enter(slot, place)
    known += 1
    return slot
  }

  /// Makes room so that the next change of one item of this length cannot fail halfway.
  @inline(__always)
  func reserve(_ length: Int) throws(JobError) {
    try arena.reserve(length + 6)
    try doneList.reserve(4)
    try failedList.reserve(4)
    try skippedList.reserve(4)
    if (known + 1) * 4 > tableSize * 3 { try growTable() }
  }

  /// Done is final. Whether that changed anything.
  func markDone(_ slot: Slot) throws(JobError) -> Bool {
    let before = mark(of: slot)
    if before == .done { return false }
    try doneList.append(slot, as: UInt32.self)
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
      if header(slot) & Self.plannedBit != 0 { openCount -= 1 }
      return
    }
    failures[slot] = nil
  }

  /// Where an item that is done now is entered.
  struct DonePlace {
    fileprivate var place: Place
    /// nil: the item is not known yet.
    fileprivate var slot: Slot?
    /// It is done already.
    var isDone = false
  }

  /// nil: there is no room for it, or it has ended otherwise.
  @inline(__always)
  func placeForDone(_ item: UnsafeRawBufferPointer) -> DonePlace? {
    let place = place(of: item)
    guard doneList.capacity - doneList.count >= 4 else { return nil }
    if place.isTaken, let table {
      let slot = table[place.position]
      let mark = mark(of: slot)
      guard mark == .none || mark == .done else { return nil }
      return DonePlace(place: place, slot: slot, isDone: mark == .done)
    }
    guard (known + 1) * 4 <= tableSize * 3, arena.capacity - arena.count >= item.count + 2,
      arena.capacity < Int(UInt32.max), item.count >= 1, item.count <= 4096
    else { return nil }
    return DonePlace(place: place)
  }

  /// `insert` and `markDone`, of an item that is not done.
  @inline(__always)
  func enterDone(_ item: UnsafeRawBufferPointer, at place: DonePlace) {
    let slot: Slot
    if let known = place.slot {
      slot = known
      setMark(slot, .done)
      if header(slot) & Self.plannedBit != 0 { openCount -= 1 }
    } else {
      slot = Slot(truncatingIfNeeded: arena.count)
      let header = UInt16(truncatingIfNeeded: item.count - 1)
      arena.put(header | Mark.done.rawValue << Self.markShift, as: UInt16.self)
      arena.put(item)
      enter(slot, place.place)
      known += 1
    }
    doneList.put(slot, as: UInt32.self)
    doneCount += 1
  }

  func markFailed(_ slot: Slot, why: String?) throws(JobError) -> Bool {
    let before = mark(of: slot)
    // Two said so without knowing of each other: the same word stands, in whatever order.
    if before == .failed, checksum(why) > checksum(failures[slot]) { failures[slot] = why }
    guard before == .none else { return false }
    try failedList.append(slot, as: UInt32.self)
    setMark(slot, .failed)
    failedCount += 1
    if header(slot) & Self.plannedBit != 0 { openCount -= 1 }
    if let why { failures[slot] = why }
    return true
  }

  /// Nothing was to do: that beats a failure, and what is done stays so.
  func markSkipped(_ slot: Slot, why: String?) throws(JobError) -> Bool {
    let before = mark(of: slot)
    if before == .skipped, checksum(why) > checksum(failures[slot]) { failures[slot] = why }
    guard before == .none || before == .failed else { return false }
    try skippedList.append(slot, as: UInt32.self)
    setMark(slot, .skipped)
    skippedCount += 1
    leave(before, slot)
    if let why { failures[slot] = why }
    return true
  }

  /// Another tool's list names an item twice: both stay, and it counts once.
  func repeatInList(_ slot: Slot) throws(JobError) {
    switch mark(of: slot) {
    case .done: try doneList.append(slot, as: UInt32.self)
    case .failed: try failedList.append(slot, as: UInt32.self)
    case .none, .skipped: break
    }
  }

  /// These items alone are the plan, in this order. What has ended stays so.
  func replan(_ packed: PackedItems) throws(JobError) {
    for entry in 0..<planList.count / 4 {
      let slot = entryOf(planList, entry)
      arena.store(header(slot) & ~Self.plannedBit, at: Int(slot), as: UInt16.self)
    }
    planList.clear()
    openCount = 0
    planGeneration += 1
    try packed.visit { item throws(JobError) in try plan(try insert(item)) }
  }

  func plan(_ slot: Slot) throws(JobError) {
    let header = header(slot)
    guard header & Self.plannedBit == 0 else { return }
    try planList.append(slot, as: UInt32.self)
    arena.store(header | Self.plannedBit, at: Int(slot), as: UInt16.self)
    if mark(of: slot) == .none { openCount += 1 }
  }

  /// Work on it begins, unless it has ended.
  func begin(_ slot: Slot, byOwner: Bool) {
    guard mark(of: slot) == .none else { return }
    var trial = trials[slot] ?? Trials()
    trial.begun &+= 1
    trial.unended &+= 1
    if byOwner, lastPlace < Trials.ofOthers - 1 { lastPlace += 1 }
    trial.place = byOwner ? lastPlace : Trials.ofOthers
    trials[slot] = trial
  }

  /// It was begun and left for a good reason.
  func giveBack(_ slot: Slot) {
    guard let trial = trials[slot], trial.unended > 0 else { return }
    trials[slot] = Trials(begun: trial.begun, unended: trial.unended - 1)
  }

  /// What another state knows of it.
  func note(_ trial: Trials, of slot: Slot) {
    trials[slot] = trial
    if trial.place != Trials.ofOthers { lastPlace = max(lastPlace, trial.place) }
  }

  /// The job is started anew: what was begun before is not under way.
  func nothingIsUnderWay() {
    for (slot, trial) in trials where trial.place > 0 { trials[slot]?.place = 0 }
    lastPlace = 0
  }

  var underWayCount: Int { trials.values.count { $0.place > 0 } }

  func isUnderWay(_ slot: Slot) -> Bool { trials[slot]?.place ?? 0 > 0 }

  /// Of what the owner has begun and not ended, the one that it began first.
  var oldestUnderWay: Slot? {
    var (oldest, least): (Slot?, UInt32) = (nil, Trials.ofOthers)
    for (slot, trial) in trials where trial.place > 0 && trial.place < least {
      (oldest, least) = (slot, trial.place)
    }
    return oldest
  }

  func attempts(of slot: Slot) -> Int64 {
    trials[slot].map { Int64($0.begun) } ?? (mark(of: slot) == .none ? 0 : 1)
  }

  func forEachTrial(
    _ body: (Slot, UnsafeRawBufferPointer, Trials) throws(JobError) -> Void
  ) throws(JobError) {
    for (slot, trial) in trials { try body(slot, bytes(of: slot), trial) }
  }

  /// That it was begun once is plain from its end.
  @inline(never)
  private func endTrial(_ slot: Slot) {
    guard let trial = trials[slot] else { return }
    trials[slot] = trial.begun > 1 ? Trials(begun: trial.begun) : nil
  }

  /// A retry: failed items may be done after all.
  func forgetFailures() {
    forEachFailed { slot, _ in forget(slot) }
    failedList.clear()
    failedCount = 0
  }

  /// The same of one; then, once for all of them, `dropForgotten`.
  func forgetFailure(of item: UnsafeRawBufferPointer) {
    guard let slot = find(item), mark(of: slot) == .failed else { return }
    forget(slot)
    failedCount -= 1
  }

  private func forget(_ slot: Slot) {
    if trials[slot] == nil { trials[slot] = Trials(begun: 1) }
    setMark(slot, .none)
    failures[slot] = nil
    if header(slot) & Self.plannedBit != 0 { openCount += 1 }
  }

  /// Who fails again is entered again.
  func dropForgotten() {
    var kept = 0
    for entry in 0..<failedList.count / 4 {
      let slot = entryOf(failedList, entry)
      guard mark(of: slot) == .failed else { continue }
      failedList.store(slot, at: kept * 4, as: UInt32.self)
      kept += 1
    }
    failedList.shorten(to: kept * 4)
  }

  /// Adds why, where a snapshot has it apart from the item.
  func note(failureOf item: UnsafeRawBufferPointer, _ why: String) {
    if let slot = find(item), mark(of: slot) == .failed { failures[slot] = why }
  }

  // MARK: Iterating

  func forEachDone(_ body: (UnsafeRawBufferPointer) throws(JobError) -> Void) throws(JobError) {
    for entry in 0..<doneList.count / 4 { try body(bytes(of: entryOf(doneList, entry))) }
  }

  func forEachFailed<E: Error>(
    _ body: (Slot, UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    for entry in 0..<failedList.count / 4 {
      let slot = entryOf(failedList, entry)
      if mark(of: slot) == .failed { try body(slot, bytes(of: slot)) }
    }
  }

  /// Each once, in the order in which they got the mark; where another tool's list has named some
  /// twice, in that in which they became known.
  func forEach(
    _ mark: Mark, _ body: (Slot, UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) {
    let (list, count) =
      switch mark {
      case .done: (doneList, doneCount)
      case .failed: (failedList, failedCount)
      default: (skippedList, skippedCount)
      }
    var found = 0
    for entry in 0..<list.count / 4 where self.mark(of: entryOf(list, entry)) == mark { found += 1 }
    if found == count {
      for entry in 0..<list.count / 4 {
        let slot = entryOf(list, entry)
        if self.mark(of: slot) == mark { try body(slot, bytes(of: slot)) }
      }
      return
    }
    var position = 0
    while let slot = slot(at: &position) {
      if self.mark(of: slot) == mark { try body(slot, bytes(of: slot)) }
    }
  }

  /// Planned items that are not done, in the order of the plan.
  func forEachPlanned(_ body: (UnsafeRawBufferPointer) throws(JobError) -> Void) throws(JobError) {
    for entry in 0..<planList.count / 4 {
      let slot = entryOf(planList, entry)
      if mark(of: slot) != .done { try body(bytes(of: slot)) }
    }
  }

  /// The next planned item from `position` in the plan on that has not ended.
  func nextOpen(from position: inout Int) -> Slot? {
    guard openCount > 0 else { return nil }
    while position < planList.count / 4 {
      let slot = entryOf(planList, position)
      position += 1
      if mark(of: slot) == .none { return slot }
    }
    return nil
  }

  private func slot(at position: inout Int) -> Slot? {
    guard position < arena.count else { return nil }
    let slot = Slot(position)
    let long = header(slot) & Self.longBit != 0
    position += (long ? 6 : 2) + bytes(of: slot).count
    return slot
  }

  // MARK: Inside

  @inline(__always)
  private func entryOf(_ list: Buffer, _ entry: Int) -> Slot {
    list.bytes.loadUnaligned(fromByteOffset: entry * 4, as: UInt32.self)
  }

  @inline(__always)
  private func header(_ slot: Slot) -> UInt16 {
    arena.bytes.loadUnaligned(fromByteOffset: Int(slot), as: UInt16.self)
  }

  @inline(__always)
  private func setMark(_ slot: Slot, _ mark: Mark) {
    if mark != .none, !trials.isEmpty { endTrial(slot) }
    let cleared = header(slot) & ~(3 << Self.markShift)
    arena.store(cleared | mark.rawValue << Self.markShift, at: Int(slot), as: UInt16.self)
  }

  @inline(__always)
  private func equal(_ slot: Slot, _ item: UnsafeRawBufferPointer) -> Bool {
    let stored = bytes(of: slot)
    guard stored.count == item.count else { return false }
    guard let a = stored.baseAddress, let b = item.baseAddress else { return true }
    return memcmp(a, b, item.count) == 0
  }

  private func appendToArena(_ item: UnsafeRawBufferPointer) throws(JobError) -> Slot {
    let start = arena.count
    guard start + item.count + 6 < Int(UInt32.max) else {
      throw JobError(.noMemory, "the items of one job are limited to 4 GiB")
    }
    try arena.reserve(item.count + 6)
    if item.count >= 1 && item.count <= 4096 {
      try arena.append(UInt16(item.count - 1), as: UInt16.self)
    } else {
      try arena.append(Self.longBit, as: UInt16.self)
      try arena.append(UInt32(item.count), as: UInt32.self)
    }
    try arena.append(item)
    return Slot(start)
  }

  fileprivate struct Place {
    var position = 0
    var tag: UInt8 = 0
    /// The item is there; else the table is free there.
    var isTaken = false
  }

  /// Where the item is, or belongs. Eight tags at a time, without a branch that chance decides.
  @_optimize(speed)
  private func place(of item: UnsafeRawBufferPointer) -> Place {
    guard let table, let tags else { return Place() }
    let hash = hash(item)
    let tag = UInt8(truncatingIfNeeded: hash >> 56) | 1
    let mask = tableSize - 1
    let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
    var position = Int(truncatingIfNeeded: hash) & mask
    while true {
      let group = UnsafeRawPointer(tags).loadUnaligned(fromByteOffset: position, as: UInt64.self)
        .littleEndian
      // The lowest set bit is exact: the top bit of the first byte that is zero.
      let free = (group &- ones) & ~group & tops
      let other = group ^ (ones &* UInt64(tag))
      var same = (other &- ones) & ~other & tops & (free ^ (free &- 1))
      while same != 0 {
        let found = (position + same.trailingZeroBitCount >> 3) & mask
        if tags[found] == tag, equal(table[found], item) {
          return Place(position: found, tag: tag, isTaken: true)
        }
        same &= same &- 1
      }
      if free != 0 {
        return Place(position: (position + free.trailingZeroBitCount >> 3) & mask, tag: tag)
      }
      position = (position + 8) & mask
    }
  }

  private func enter(_ slot: Slot, _ place: Place) {
    guard let table, let tags else { return }
    table[place.position] = slot
    tags[place.position] = place.tag
    if place.position < 8 { tags[tableSize + place.position] = place.tag }
  }

  private func growTable() throws(JobError) {
    let size = max(64, tableSize * (tableSize < 4096 ? 4 : 2))
    guard let larger = cposix_grow(nil, 0, Self.bytes(ofTable: size)) else {
      throw JobError(.noMemory, "no memory for \(known) items", osError: ENOMEM)
    }
    cposix_release(table, Self.bytes(ofTable: tableSize))
    table = larger.bindMemory(to: UInt32.self, capacity: size)
    tags = (larger + size * 4).bindMemory(to: UInt8.self, capacity: size + 8)
    tags?.initialize(repeating: 0, count: size + 8)
    tableSize = size
    var position = 0
    while let slot = slot(at: &position) { enter(slot, place(of: bytes(of: slot))) }
  }

  /// Multiply and fold (the mixing step of wyhash), seeded: nobody can choose items that collide.
  @inline(__always)
  private func hash(_ item: UnsafeRawBufferPointer) -> UInt64 {
    let count = item.count
    var state = seed ^ UInt64(count)
    var offset = 0
    while offset + 8 < count {
      state = fold(state, item.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    // The last bytes overlap those before them, where there are any.
    var tail: UInt64 = 0
    if count >= 8 {
      tail = item.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    } else if count >= 4 {
      tail = UInt64(item.loadUnaligned(as: UInt32.self)) << 32
      tail |= UInt64(item.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
    } else {
      for byte in item { tail = tail << 8 | UInt64(byte) }
    }
    return fold(fold(state, tail), 0xe703_7ed1_a0b4_28db)
  }

  @inline(__always)
  private func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = (a ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: b ^ 0x8ebc_6af0_9c88_c6e3)
    return product.high ^ product.low
  }
}
