/// What a log had when it was closed. It stands behind the event that closes it, so that a log that
/// was damaged later is told from one that had no more.
struct LogEnd: Equatable {
  var records: UInt64
  /// The sum of their checksums; nil: not known.
  var sum: UInt32?

  init(_ position: LogPosition) { (records, sum) = (position.index, position.sum) }

  /// nil: an older version has written the event, or there was no log.
  init?(_ reader: inout Reader) {
    guard !reader.isAtEnd else { return nil }
    records = reader.varint()
    sum = reader.isAtEnd ? nil : reader.fixed(UInt32.self)
  }

  func encode(to buffer: Buffer) {
    buffer.appendVarint(records)
    if let sum { buffer.append(sum, as: UInt32.self) }
  }

  /// Whether what was read of the log is all that it had. More is no damage.
  func isReached(by position: LogPosition) -> Bool {
    if position.index != records { return position.index > records }
    guard let sum, let read = position.sum else { return true }
    return sum == read
  }
}
