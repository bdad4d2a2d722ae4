import CPosix

/// The file `journal`: header, one snapshot, the events since. Its own lock is the writer lock.
final class Journal {
  static let name = "journal"
  static let headerSize = 128
  private static let magic: StaticString = "bgjobs J"
  private static let version: UInt32 = 2
  private static let byteOrder: UInt32 = 0x0102_0304
  private static let checkedSize = 48
  private static let holderOffset: Int64 = 64

  let file: File
  let inode: UInt64
  let epoch: StateDocument.Epoch
  let salt: UInt64
  /// Of its format.
  let version: UInt32
  /// Written after damage: whoever knew more than it has must fold it anew.
  let isRebuilt: Bool

  var isOld: Bool { version < Self.version }

  /// Behind the last record that is in the state; 0: not even the snapshot is.
  private(set) var end: Int64 = 0
  private(set) var snapshotEnd: Int64 = 0
  /// The last record that is in the state, to see that it is still there.
  private(set) var lastRecord: (offset: Int64, checksum: UInt32)?
  /// The last event that is known to be on disk.
  var durableSeq: UInt64 = 0
  /// A sync failed: nothing more may be synced through this descriptor.
  private(set) var isPoisoned = false
  private(set) var isLocked = false
  /// The last event that tells of progress.
  var lastReportSeq: UInt64 = 0

  private init(
    _ file: File, inode: UInt64, epoch: StateDocument.Epoch, salt: UInt64, version: UInt32,
    isRebuilt: Bool
  ) {
    self.file = file
    self.inode = inode
    self.epoch = epoch
    self.salt = salt
    self.version = version
    self.isRebuilt = isRebuilt
  }

  /// Reads the header.
  static func open(_ file: File) throws(JobError) -> Journal {
    let status = try file.status()
    guard status.is_regular != 0 else {
      throw JobError(.damaged, "\(file.name) is not a regular file")
    }
    let buffer = Buffer()
    try file.read(headerSize, at: 0, into: buffer)
    var reader = Reader(buffer.bytes)
    let magic = reader.take(8)
    let version = reader.fixed(UInt32.self)
    let order = reader.fixed(UInt32.self)
    let epoch = StateDocument.Epoch(high: reader.fixed(UInt64.self), low: reader.fixed(UInt64.self))
    let salt = reader.fixed(UInt64.self)
    let flags = reader.fixed(UInt32.self)
    let checksum = reader.fixed(UInt32.self)
    guard !reader.failed, magic.elementsEqual(magicBytes), order == byteOrder else {
      throw JobError(.damaged, "\(file.name): byte 0: this is no journal")
    }
    let checked = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(checkedSize - 4)])
    guard CRC32C.of(checked) == checksum else {
      throw JobError(.damaged, "\(file.name): byte 0: the header does not match its checksum")
    }
    // Behind the checksum: rot is no newer version.
    guard version <= Journal.version else {
      throw JobError(.unsupported, "\(file.name) has format \(version), we know \(Journal.version)")
    }
    return Journal(
      file, inode: status.inode, epoch: epoch, salt: salt, version: version,
      isRebuilt: flags & 1 != 0)
  }

  private static var magicBytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: magic.utf8Start, count: magic.utf8CodeUnitCount)
  }

  /// Header and snapshot of a new journal.
  static func encode(
    epoch: StateDocument.Epoch, salt: UInt64, isRebuilt: Bool, seq: UInt64, snapshot: Buffer
  ) throws(JobError) -> Buffer {
    let buffer = Buffer()
    buffer.append(magic)
    buffer.append(version, as: UInt32.self)
    buffer.append(byteOrder, as: UInt32.self)
    buffer.append(epoch.high, as: UInt64.self)
    buffer.append(epoch.low, as: UInt64.self)
    buffer.append(salt, as: UInt64.self)
    buffer.append(UInt32(isRebuilt ? 1 : 0), as: UInt32.self)
    buffer.append(CRC32C.of(buffer.bytes), as: UInt32.self)
    buffer.pad(to: headerSize)
    try Record.append(to: buffer, kind: .table, seq: seq, synced: seq, salt: salt) {
      payload throws(JobError) in payload.append(whole: snapshot)
    }
    return buffer
  }

  // MARK: The lock

  func tryLock() throws(JobError) -> Bool {
    isLocked = try file.tryLock()
    return isLocked
  }

  func unlock() {
    guard isLocked else { return }
    isLocked = false
    file.unlock()
  }

  /// Somebody else sees to the lock.
  func leaveLock() { isLocked = false }

  // MARK: What is read and written

  /// A record is in the state.
  func pass(_ record: Record, at offset: Int64) {
    lastRecord = (offset, record.checksum)
    end = offset + Int64(record.size)
    if snapshotEnd == 0 { snapshotEnd = end }
    durableSeq = max(durableSeq, record.synced)
  }

  /// The snapshot, which is this long with all that is before it, is in the state already.
  func skipSnapshot(to end: Int64, _ seq: UInt64) {
    (snapshotEnd, self.end, durableSeq) = (end, end, seq)
  }

  /// PROTOCOL R3: records behind the last one. `durable`: up to which event; nil: not. Whatever
  /// fails, nothing has happened.
  func append(_ records: UnsafeRawBufferPointer, durable: UInt64?) throws(JobError) {
    do throws(JobError) {
      try file.write(records, at: end, limit: cposix_file_size_limit())
      if let durable { try sync(durable) }
    } catch {
      try takeBack(to: end, after: error)
    }
  }

  /// What is whole must not be read by others as having happened. Throws what had failed, and says so
  /// if it could not be undone.
  func takeBack(to place: Int64, after fault: JobError) throws(JobError) {
    do throws(JobError) { try file.truncate(to: place) } catch {
      isPoisoned = true
      do throws(JobError) {
        try file.write(Record.noRecord().bytes, at: place, limit: .max)
      } catch {
        throw JobError(
          fault.status, "\(fault.message); it could not be undone, and may have happened",
          osError: fault.osError)
      }
    }
    throw fault
  }

  /// Everything up to event `seq` is on disk then. A failure poisons the descriptor: the kernel
  /// would say OK the next time, although the data is gone.
  func sync(_ seq: UInt64) throws(JobError) {
    do throws(JobError) { try file.syncData() } catch {
      isPoisoned = true
      throw error
    }
    durableSeq = max(durableSeq, seq)
  }

  /// Forgets what was read; the file stays open, and locked if it was.
  func rewind() {
    end = 0
    snapshotEnd = 0
    lastRecord = nil
  }

  // MARK: Who has the lock

  /// Tells others who holds the lock. Only information.
  func writeHolder(_ text: String) {
    let buffer = Buffer()
    buffer.append(text)
    buffer.shorten(to: 63)
    buffer.append(UInt8(0))
    buffer.pad(to: 64)
    guard !buffer.isCut else { return }
    try? file.write(buffer.bytes, at: Self.holderOffset, limit: cposix_file_size_limit())
  }

  func readHolder() -> String {
    let buffer = Buffer()
    try? file.read(64, at: Self.holderOffset, into: buffer)
    return String(
      bytes: UnsafeRawBufferPointer(rebasing: buffer.bytes.prefix { $0 != 0 }))
  }
}
