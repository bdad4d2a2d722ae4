/// One record of the journal: u32 length of the payload, u32 CRC-32C over (the file's salt, length,
/// all that follows), u64 seq, u64 the last seq that its writer knows to be durable, u16 type,
/// payload, zeros up to a multiple of 8. Little-endian.
struct Record {
  enum Kind: UInt16 {
    case snapshot = 1
    case named, published, created, opened, closed, detached, paused, resumed, completed, failed
    case retried, removed, reported, planned, imported, edited, topEdited, setAside, importedOpaque
    case plannedBeside, adopted, refused, collided, editedStatus
    case replanned, removedOpaque, configured
    case retriedItems = 30
    /// A snapshot that refers to a pack.
    case table
    case rated, permitted, throttled, queued, limited, valued, needs, reinstated
    case attempted, died, joined, parted, claimed, returned

    /// How soon it is to be seen in the state file; nil: it says nothing that stands there.
    var urgency: Urgency? {
      switch self {
      case .snapshot, .table, .named, .published, .permitted, .claimed, .returned: nil
      case .reported, .imported, .importedOpaque, .removedOpaque, .edited, .editedStatus, .adopted,
        .topEdited, .rated, .throttled, .limited, .valued:
        .progress
      // Who asked for it, or has lost sight of it, waits to see what comes of it.
      case .refused, .collided, .setAside: .transition
      case .created, .opened, .closed, .detached, .paused, .resumed, .completed, .failed, .retried,
        .retriedItems, .removed, .planned, .plannedBeside, .replanned, .configured, .queued,
        .needs, .reinstated, .attempted, .died, .joined, .parted:
        .transition
      }
    }
  }

  static let headerSize = 26
  static let largestPayload = 1 << 30

  var kind: UInt16
  var seq: UInt64
  var synced: UInt64
  var payload: UnsafeRawBufferPointer
  var checksum: UInt32
  /// Bytes in the file.
  var size: Int

  /// The first of a journal, and only that.
  var isSnapshot: Bool { kind == Kind.snapshot.rawValue || kind == Kind.table.rawValue }

  /// Enough zeros to make the beginning of a record into none.
  static func noRecord() -> Buffer {
    let zeros = Buffer()
    for _ in 0..<headerSize { zeros.append(UInt8(0)) }
    return zeros
  }

  static func size(ofPayload count: Int) -> Int { (headerSize + count + 7) & ~7 }

  /// The record at `offset`; nil when there is no whole and sound one.
  static func parse(_ bytes: UnsafeRawBufferPointer, at offset: Int, salt: UInt64) -> Record? {
    guard offset >= 0, offset + headerSize <= bytes.count else { return nil }
    let length = Int(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    guard length <= largestPayload, offset + size(ofPayload: length) <= bytes.count else {
      return nil
    }
    let stored = UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
    let checked = UnsafeRawBufferPointer(
      rebasing: bytes[offset + 8..<offset + headerSize + length])
    guard CRC32C.of(salt: salt, UInt64(length), checked) == stored else { return nil }
    var reader = Reader(checked)
    let seq = reader.fixed(UInt64.self)
    let synced = reader.fixed(UInt64.self)
    let kind = reader.fixed(UInt16.self)
    return Record(
      kind: kind, seq: seq, synced: synced, payload: reader.take(length), checksum: stored,
      size: size(ofPayload: length))
  }

  /// Appends a record; `fill` writes the payload.
  static func append(
    to buffer: Buffer, kind: Kind, seq: UInt64, synced: UInt64, salt: UInt64,
    _ fill: (Buffer) throws(JobError) -> Void
  ) throws(JobError) {
    let start = buffer.count
    buffer.append(UInt64(0), as: UInt64.self)
    buffer.append(seq, as: UInt64.self)
    buffer.append(synced, as: UInt64.self)
    buffer.append(kind.rawValue, as: UInt16.self)
    try fill(buffer)
    try buffer.requireWhole()
    let length = buffer.count - start - headerSize
    guard length <= largestPayload else {
      throw JobError(.invalid, "\(length) bytes are too much for one change")
    }
    let checked = UnsafeRawBufferPointer(rebasing: buffer.bytes[(start + 8)...])
    let checksum = CRC32C.of(salt: salt, UInt64(length), checked)
    buffer.store(UInt32(length), at: start, as: UInt32.self)
    buffer.store(checksum, at: start + 4, as: UInt32.self)
    buffer.pad(to: 8, from: start)
  }
}
