import CPosix

/// The bytes of items, each once, and how to find them in constant time.
///
/// Every item stands in an arena: a 16-bit header and its bytes, in the order in which items became
/// known. An open-addressed table (linear probing, load at most 3/4) refers to items by their offset
/// in the arena. Before the offsets the table has a byte of each item's hash, so that a search reads
/// one line of the cache and no other item (as in Abseil's Swiss tables). That makes 2 bytes in the
/// arena and 6.7 to 13.3 in the table per item, and no allocation per item.
struct ItemTable: ~Copyable {
  /// Where an item stands in the arena.
  typealias Slot = UInt32

  // Header: 12 bits length - 1, 2 bits mark, planned, long (a 32-bit length follows: items of other
  // tools may be empty or of any length).
  private static let longBit: UInt16 = 1 << 15
  private static let flags: UInt16 = 0x7000

  /// Offsets, tags, and the first eight tags once more, so that eight can be read from any place.
  static func bytes(ofTable size: Int) -> Int { size == 0 ? 0 : size * 5 + 8 }

  private let arena: Buffer
  /// `tableSize` offsets, and behind them their tags: 0 where the table is free.
  private var table: UnsafeMutablePointer<UInt32>?
  private var tags: UnsafeMutablePointer<UInt8>?
  private var tableSize = 0
  /// Where these are.
  private var block = Buffer()
  private let seed: UInt64

  private(set) var count = 0

  init() {
    arena = Buffer()
    seed = randomBits()
  }

  /// A stored one, of which nothing is in memory yet. `size`: of the table, a power of 2.
  init(_ arena: Buffer, _ block: Buffer, size: Int, count: Int, seed: UInt64) {
    (self.arena, self.seed, self.count) = (arena, seed, count)
    if block.count == Self.bytes(ofTable: size) { use(block, size) }
  }

  private mutating func use(_ block: Buffer, _ size: Int) {
    (self.block, tableSize) = (block, size)
    table = block.base?.assumingMemoryBound(to: UInt32.self)
    tags = block.base.map { ($0 + size * 4).assumingMemoryBound(to: UInt8.self) }
  }

  func loadAll() {
    arena.loadAll()
    block.loadAll()
  }

  /// To store it: seed, size of the table, and the bytes of arena and table.
  var parts: (UInt64, Int, UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    (seed, tableSize, arena.bytes, block.bytes)
  }

  // MARK: Items

  func find(_ item: UnsafeRawBufferPointer) -> Slot? {
    let place = place(of: item)
    return place.isTaken ? slot(of: place) : nil
  }

  @inline(__always)
  func slot(of place: Place) -> Slot {
    if block.pages != nil { needTable(place.position) }
    return table?[place.position] ?? 0
  }

  func bytes(of slot: Slot) -> UnsafeRawBufferPointer {
    guard let base = arena.base, arena.pages == nil || need(slot, whole: true) else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let start = Int(slot)
    let header = header(slot)
    if header & Self.longBit == 0 {
      return UnsafeRawBufferPointer(start: base + start + 2, count: Int(header & 0xfff) + 1)
    }
    let length = (base + start + 2).loadUnaligned(as: UInt32.self)
    return UnsafeRawBufferPointer(start: base + start + 6, count: Int(length))
  }

  /// Brings an item into memory. Where the file is damaged, a slot may be no item's.
  @inline(never)
  private func need(_ slot: Slot, whole: Bool) -> Bool {
    let (start, end) = (Int(slot), arena.count)
    guard start + 2 <= end else { return false }
    arena.need(start, 6)
    guard whole else { return true }
    let header = arena.bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self)
    var length = 2 + Int(header & 0xfff) + 1
    if header & Self.longBit != 0 {
      guard start + 6 <= end else { return false }
      length = 6 + Int(arena.bytes.loadUnaligned(fromByteOffset: start + 2, as: UInt32.self))
    }
    guard start + length <= end else { return false }
    arena.need(start, length)
    return true
  }

  /// The bits of a header that the table does not use: `ItemSet` has them for its marks.
  @inline(__always)
  func flags(of slot: Slot) -> UInt16 { header(slot) & Self.flags }

  @inline(__always)
  mutating func setFlags(_ flags: UInt16, of slot: Slot) {
    arena.store(header(slot) & ~Self.flags | flags, at: Int(slot), as: UInt16.self)
  }

  /// The items one by one, in the order in which they became known.
  func slot(at position: inout Int) -> Slot? {
    guard position < arena.count else { return nil }
    let slot = Slot(position)
    let long = header(slot) & Self.longBit != 0
    position += (long ? 6 : 2) + bytes(of: slot).count
    return slot
  }

  /// The item's slot; a new item has no flags.
  mutating func insert(_ item: UnsafeRawBufferPointer) throws(JobError) -> Slot {
    var place = place(of: item)
    if place.isTaken { return slot(of: place) }
    if isFull {
      try growTable()
      place = self.place(of: item)
    }
    let slot = try appendToArena(item)
    enter(slot, place)
    count += 1
    return slot
  }

  /// Makes room so that the next new items, together of this length, cannot fail. They are few.
  mutating func reserve(_ items: Int, _ length: Int) throws(JobError) {
    let more = length + items * 6
    guard arena.count + more < Int(UInt32.max) else {
      throw JobError(.noMemory, "the items of one job are limited to 4 GiB")
    }
    try arena.reserve(more)
    if (count + items) * 4 > tableSize * 3 { try growTable() }
  }

  @inline(__always)
  private var isFull: Bool { (count + 1) * 4 > tableSize * 3 }

  /// Whether there is room for a new item without a long header.
  @inline(__always)
  func hasRoom(for item: UnsafeRawBufferPointer) -> Bool {
    !isFull && arena.capacity - arena.count >= item.count + 2
      && arena.capacity < Int(UInt32.max) && item.count >= 1 && item.count <= 4096
  }

  /// `insert` of a new item for which there is room, with its flags.
  @inline(__always)
  mutating func put(_ item: UnsafeRawBufferPointer, at place: Place, flags: UInt16) -> Slot {
    let slot = Slot(truncatingIfNeeded: arena.count)
    arena.put(UInt16(truncatingIfNeeded: item.count - 1) | flags, as: UInt16.self)
    arena.put(item)
    enter(slot, place)
    count += 1
    return slot
  }

  // MARK: Inside

  @inline(__always)
  private func header(_ slot: Slot) -> UInt16 {
    if arena.pages != nil, !need(slot, whole: false) { return 0 }
    return arena.bytes.loadUnaligned(fromByteOffset: Int(slot), as: UInt16.self)
  }

  private mutating func appendToArena(_ item: UnsafeRawBufferPointer) throws(JobError) -> Slot {
    let start = arena.count
    try reserve(0, item.count + 6)
    if item.count >= 1 && item.count <= 4096 {
      arena.append(UInt16(item.count - 1), as: UInt16.self)
    } else {
      arena.append(Self.longBit, as: UInt16.self)
      arena.append(UInt32(item.count), as: UInt32.self)
    }
    arena.append(item)
    return Slot(start)
  }

  @inline(__always)
  private func equal(_ slot: Slot, _ item: UnsafeRawBufferPointer) -> Bool {
    let stored = bytes(of: slot)
    guard stored.count == item.count else { return false }
    guard let a = stored.baseAddress, let b = item.baseAddress else { return true }
    return memcmp(a, b, item.count) == 0
  }

  struct Place {
    var position = 0
    var tag: UInt8 = 0
    /// The item is there; else the table is free there.
    var isTaken = false
  }

  /// Where the item is, or belongs. Eight tags at a time, without a branch that chance decides.
  @_optimize(speed)
  @inline(never)
  func place(of item: UnsafeRawBufferPointer) -> Place {
    guard let table, let tags else { return Place() }
    let isPartial = block.pages != nil
    let hash = hash(item)
    let tag = UInt8(truncatingIfNeeded: hash >> 56) | 1
    let mask = tableSize - 1
    let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
    var position = Int(truncatingIfNeeded: hash) & mask
    while true {
      if isPartial { block.need(tableSize * 4 + position, 8) }
      let group = UnsafeRawPointer(tags).loadUnaligned(fromByteOffset: position, as: UInt64.self)
        .littleEndian
      // The lowest set bit is exact: the top bit of the first byte that is zero.
      let free = (group &- ones) & ~group & tops
      let other = group ^ (ones &* UInt64(tag))
      var same = (other &- ones) & ~other & tops & (free ^ (free &- 1))
      while same != 0 {
        let found = (position + same.trailingZeroBitCount >> 3) & mask
        if isPartial { needTable(found) }
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

  private mutating func enter(_ slot: Slot, _ place: Place) {
    guard let table, let tags else { return }
    if block.pages != nil { needTable(place.position) }
    table[place.position] = slot
    tags[place.position] = place.tag
    if place.position < 8 { tags[tableSize + place.position] = place.tag }
  }

  /// Entry and tag, and its copy.
  @inline(never)
  private func needTable(_ position: Int) {
    block.need(position * 4, 4)
    block.need(tableSize * 4 + position, 1)
    if position < 8 { block.need(tableSize * 5 + position, 1) }
  }

  private mutating func growTable() throws(JobError) {
    let source = arena.pages?.source
    loadAll()
    if let fault = source?.fault { throw fault }
    let size = max(64, tableSize * (tableSize < 4096 ? 4 : 2))
    try block.renew(Self.bytes(ofTable: size))
    use(block, size)
    tags?.initialize(repeating: 0, count: size + 8)
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
