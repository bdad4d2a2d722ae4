/// A report as bytes, the same in an owner's log and in the journal: a mask of what is said, then
/// that.
extension Report {
  private static let shiftBit: UInt64 = 1 << 0
  private static let advanceBit: UInt64 = 1 << 1
  private static let totalBit: UInt64 = 1 << 2
  static let currentItemBit: UInt64 = 1 << 3
  static let doneBit: UInt64 = 1 << 4
  private static let failedBit: UInt64 = 1 << 5
  private static let whyBit: UInt64 = 1 << 6
  private static let cursorBit: UInt64 = 1 << 7
  private static let pausedBit: UInt64 = 1 << 8
  private static let resumedBit: UInt64 = 1 << 9
  private static let clockBit: UInt64 = 1 << 10
  private static let markBit: UInt64 = 1 << 11
  private static let begunBit: UInt64 = 1 << 12
  private static let givenBackBit: UInt64 = 1 << 13
  private static let skippedBit: UInt64 = 1 << 14
  private static let doneItemsBit: UInt64 = 1 << 15
  /// Whoever meets one of these was told more than it can know, and must not guess the rest.
  private static let unknownBits: UInt64 = ~0xffff

  /// The most that `encode` writes.
  var room: Int {
    var room = 16 * Pen.number
    for text in [currentItem, done, failed, skipped, begun, givenBack, why, cursor, doneItems] {
      room += text?.count ?? 0
    }
    return room
  }

  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.reserve(room)
    guard let start = buffer.room.baseAddress else { return }
    var pen = Pen(start)
    var mask: UInt64 = 0
    if shift != nil { mask |= Self.shiftBit }
    if advance != nil { mask |= Self.advanceBit }
    if total != nil { mask |= Self.totalBit }
    if currentItem != nil { mask |= Self.currentItemBit }
    if done != nil { mask |= Self.doneBit }
    if failed != nil { mask |= Self.failedBit }
    if why != nil { mask |= Self.whyBit }
    if cursor != nil { mask |= Self.cursorBit }
    if let acknowledgesPause { mask |= acknowledgesPause ? Self.pausedBit : Self.resumedBit }
    if clockOffset != nil { mask |= Self.clockBit }
    if seen != nil { mask |= Self.markBit }
    if begun != nil { mask |= Self.begunBit }
    if givenBack != nil { mask |= Self.givenBackBit }
    if skipped != nil { mask |= Self.skippedBit }
    if doneItems != nil { mask |= Self.doneItemsBit }
    pen.varint(mask)
    pen.signed(time)
    pen.optional(shift)
    pen.optional(advance)
    pen.optional(total)
    pen.optional(currentItem)
    pen.optional(done)
    pen.optional(failed)
    pen.optional(why)
    pen.optional(cursor)
    pen.optional(clockOffset)
    if let seen { pen.varint(seen) }
    pen.optional(begun)
    pen.optional(givenBack)
    pen.optional(skipped)
    pen.optional(doneItems)
    buffer.grow(by: pen.written)
  }

  /// nil: not a report. What it says borrows from the reader's bytes.
  init?(_ reader: inout Reader) {
    let mask = reader.varint()
    if mask & Self.unknownBits != 0 { return nil }
    time = reader.signed()
    if mask & Self.shiftBit != 0 { shift = reader.signed() }
    if mask & Self.advanceBit != 0 { advance = reader.signed() }
    if mask & Self.totalBit != 0 { total = reader.signed() }
    if mask & Self.currentItemBit != 0 { currentItem = reader.counted() }
    if mask & Self.doneBit != 0 { done = reader.counted() }
    if mask & Self.failedBit != 0 { failed = reader.counted() }
    if mask & Self.whyBit != 0 { why = reader.counted() }
    if mask & Self.cursorBit != 0 { cursor = reader.counted() }
    if mask & Self.pausedBit != 0 { acknowledgesPause = true }
    if mask & Self.resumedBit != 0 { acknowledgesPause = false }
    if mask & Self.clockBit != 0 { clockOffset = reader.signed() }
    if mask & Self.markBit != 0 { seen = reader.varint() }
    if mask & Self.begunBit != 0 { begun = reader.counted() }
    if mask & Self.givenBackBit != 0 { givenBack = reader.counted() }
    if mask & Self.skippedBit != 0 { skipped = reader.counted() }
    if mask & Self.doneItemsBit != 0 { doneItems = reader.counted() }
    if reader.failed { return nil }
  }
}

extension Pen {
  @inline(never)
  fileprivate mutating func optional(_ value: Int64?) { if let value { signed(value) } }

  @inline(never)
  fileprivate mutating func optional(_ bytes: UnsafeRawBufferPointer?) {
    if let bytes { counted(bytes) }
  }
}
