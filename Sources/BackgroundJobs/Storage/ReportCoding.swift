/// A report as bytes, the same in an owner's log and in the journal: a mask of what is said, then
/// that.
extension Report {
  private static let shiftBit: UInt64 = 1 << 0
  private static let advanceBit: UInt64 = 1 << 1
  private static let totalBit: UInt64 = 1 << 2
  private static let currentItemBit: UInt64 = 1 << 3
  private static let doneBit: UInt64 = 1 << 4
  private static let failedBit: UInt64 = 1 << 5
  private static let whyBit: UInt64 = 1 << 6
  private static let cursorBit: UInt64 = 1 << 7
  private static let pausedBit: UInt64 = 1 << 8
  private static let resumedBit: UInt64 = 1 << 9
  private static let clockBit: UInt64 = 1 << 10
  private static let markBit: UInt64 = 1 << 11

  @inline(__always)
  func encode(to buffer: Buffer) throws(JobError) {
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
    if logMark != nil { mask |= Self.markBit }
    try buffer.appendVarint(mask)
    try buffer.appendSigned(time)
    if let shift { try buffer.appendSigned(shift) }
    if let advance { try buffer.appendSigned(advance) }
    if let total { try buffer.appendSigned(total) }
    if let currentItem { try buffer.appendCounted(currentItem) }
    if let done { try buffer.appendCounted(done) }
    if let failed { try buffer.appendCounted(failed) }
    if let why { try buffer.appendCounted(why) }
    if let cursor { try buffer.appendCounted(cursor) }
    if let clockOffset { try buffer.appendSigned(clockOffset) }
    if let logMark { try buffer.appendVarint(logMark) }
  }

  /// nil: not a report. What it says borrows from the reader's bytes.
  init?(_ reader: inout Reader) {
    let mask = reader.varint()
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
    if mask & Self.markBit != 0 { logMark = reader.varint() }
    if reader.failed { return nil }
  }
}
