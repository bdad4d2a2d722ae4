/// Places of items, in an order.
struct SlotList {
  let buffer: Buffer

  init(_ buffer: Buffer = Buffer()) { self.buffer = buffer }

  var count: Int { buffer.count / 4 }

  subscript(_ entry: Int) -> ItemTable.Slot {
    @inline(never) get {
      buffer.need(entry * 4, 4)
      return buffer.bytes.loadUnaligned(fromByteOffset: entry * 4, as: UInt32.self)
    }
  }

  var hasRoom: Bool { buffer.capacity - buffer.count >= 4 }

  @inline(__always)
  func reserveOne() throws(JobError) { try buffer.reserve(4) }

  func append(_ slot: ItemTable.Slot) throws(JobError) {
    try buffer.reserve(4)
    buffer.append(slot, as: UInt32.self)
  }

  /// Where there is room.
  @inline(__always)
  func put(_ slot: ItemTable.Slot) { buffer.put(slot, as: UInt32.self) }

  func clear() {
    buffer.pages = nil
    buffer.clear()
  }

  /// Only these stay, in their order. All of it is in memory.
  func keep(where isKept: (ItemTable.Slot) -> Bool) {
    var kept = 0
    for entry in 0..<count where isKept(self[entry]) {
      buffer.store(self[entry], at: kept * 4, as: UInt32.self)
      kept += 1
    }
    buffer.shorten(to: kept * 4)
  }
}
