import CPosix

/// The file `log-<N>`: one owner's progress on one job, and by its lock the owner's liveness.
/// Header, then records: u32 length, u32 CRC-32C over (salt, index, payload), payload, zeros up to
/// a multiple of 4. A length of 0, or the end of the file, is the end.
enum LogFormat {
  static let magic: StaticString = "bgjobs L"
  static let version: UInt32 = 1
  static let recordHeader = 8
  static let largestRecord = 4 << 20
  /// While a record is made, salt and index stand before its payload, as in its checksum; then its
  /// header takes the place of the index.
  static let payloadInBuffer = 16
  /// Read at once: any record is whole in it.
  static let chunk: Int64 = 8 << 20

  static func name(_ number: UInt64) -> String { Message("log-\(number)").text }

  static func recordSize(_ payload: Int) -> Int { (recordHeader + payload + 3) & ~3 }

  final class Header {
    let epoch: StateDocument.Epoch
    let salt: UInt64
    let number: UInt64
    let owner: ProcessIdentity
    /// What the monotonic clock said, in milliseconds, when the log's time was 0.
    let base: Int64
    let job: String
    /// Bytes of the header: where records begin.
    var size: Int64

    init(
      epoch: StateDocument.Epoch, salt: UInt64, number: UInt64, owner: ProcessIdentity,
      base: Int64, job: String, size: Int64 = 0
    ) {
      (self.epoch, self.salt, self.number) = (epoch, salt, number)
      (self.owner, self.base, self.job, self.size) = (owner, base, job, size)
    }
  }

  static func encode(_ header: Header) throws(JobError) -> Buffer {
    let buffer = Buffer()
    buffer.append(magic)
    buffer.append(version, as: UInt32.self)
    buffer.append(UInt32(0), as: UInt32.self)
    buffer.append(header.epoch.high, as: UInt64.self)
    buffer.append(header.epoch.low, as: UInt64.self)
    buffer.append(header.salt, as: UInt64.self)
    buffer.append(header.number, as: UInt64.self)
    buffer.append(header.base, as: Int64.self)
    header.owner.encode(to: buffer)
    buffer.appendCounted(header.job)
    buffer.pad(to: 4)
    buffer.store(UInt32(buffer.count + 4), at: 12, as: UInt32.self)
    buffer.append(CRC32C.of(buffer.bytes), as: UInt32.self)
    return buffer
  }

  /// nil: not whole.
  static func decode(_ file: File) throws(JobError) -> Header? {
    guard try file.status().is_regular != 0 else { return nil }
    let buffer = Buffer()
    try file.read(16, at: 0, into: buffer)
    guard buffer.count == 16 else { return nil }
    let size = Int(
      UInt32(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
    guard size >= 60, size <= 1 << 20 else { return nil }
    try file.read(size - 16, at: 16, into: buffer)
    guard buffer.count == size else { return nil }
    let checked = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(size - 4)])
    let stored = buffer.bytes.loadUnaligned(fromByteOffset: size - 4, as: UInt32.self)
    guard CRC32C.of(checked) == UInt32(littleEndian: stored) else { return nil }
    var reader = Reader(checked, from: 16)
    let epoch = StateDocument.Epoch(high: reader.fixed(UInt64.self), low: reader.fixed(UInt64.self))
    let salt = reader.fixed(UInt64.self)
    let number = reader.fixed(UInt64.self)
    let base = reader.fixed(Int64.self)
    let owner = ProcessIdentity(&reader)
    let job = reader.text()
    guard !reader.failed else { return nil }
    return Header(
      epoch: epoch, salt: salt, number: number, owner: owner, base: base, job: job,
      size: Int64(size))
  }

  /// The payload of the record at `offset`; nil at the end, and where it is not whole and sound.
  @inline(never)
  static func record(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, salt: UInt64, index: UInt64
  ) -> UnsafeRawBufferPointer? {
    guard offset + recordHeader <= bytes.count else { return nil }
    let length = Int(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    guard length > 0, length <= largestRecord, offset + recordSize(length) <= bytes.count else {
      return nil
    }
    let stored = UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
    let payload = UnsafeRawBufferPointer(
      rebasing: bytes[offset + recordHeader..<offset + recordHeader + length])
    return CRC32C.of(salt: salt, index, payload) == stored ? payload : nil
  }

  /// Whether sound records follow one that is not, which should be at `place`. A process writes them
  /// in turn; so it is damaged, unless a power cut has left a hole.
  static func hasRecord(
    _ bytes: UnsafeRawBufferPointer, behind place: Int, salt: UInt64, index: UInt64
  ) -> Bool {
    var (later, left) = (place + 4, 1 << 20)
    while later < bytes.count, left > 0 {
      // So many may have been between, if they were as short as can be.
      var between = UInt64((later - place + 11) / 12)
      while between > 0, left > 0 {
        if record(bytes, at: later, salt: salt, index: index &+ between) != nil { return true }
        (between, left) = (between - 1, left - 1)
      }
      later += 4
    }
    return false
  }

  /// The one that stands before the payload of a record.
  static func checksum(of payload: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = payload.baseAddress else { return 0 }
    return UInt32(littleEndian: (base - 4).loadUnaligned(as: UInt32.self))
  }
}

/// Another owner's log, open for reading.
final class LogReader {
  let file: File
  let header: LogFormat.Header

  init(_ file: File, _ header: LogFormat.Header) {
    self.file = file
    self.header = header
  }
}

/// The log that this manager owns. It is the only writer.
final class OwnedLog {
  let job: String
  let number: UInt64
  let salt: UInt64
  let file: File
  let inode: UInt64
  /// The monotonic clock when the log's time was 0, in milliseconds.
  let base: Int64
  var index: UInt64 = 0
  var end: Int64
  /// The part before is in the snapshot.
  var snapshotEnd: Int64
  /// The sum of the records' checksums, and that of the record being written.
  private(set) var sum: UInt32 = 0
  private var checksum: UInt32 = 0
  let record = Buffer()

  /// Machine nanoseconds of the last look at what others did, and of the last sync.
  var lastLook: Int64 = 0
  var lastSync: Int64 = 0
  var syncCost: Int64 = 0
  var isUnsynced = false
  /// The owner was told that the job is paused.
  var sawPause = false
  /// The file position was left behind by a failed write.
  var isAstray = false
  var sizeLimit = Int64.max
  /// Why what was acknowledged could not be synced, and when that was last tried: no further report
  /// is taken until it can.
  var failure: JobError?
  /// What we knew of the job before the state was made anew, until the log has proved to have it.
  var kept: JobState?
  var lastFailure: Int64 = 0
  /// From when on a report asks whether to sync.
  var nextSync: Int64 = 0
  /// When a new log may be tried again.
  var nextRoll: Int64 = 0

  init(_ file: File, _ header: LogFormat.Header, inode: UInt64) {
    job = header.job
    number = header.number
    salt = header.salt
    base = header.base
    self.file = file
    self.inode = inode
    (end, snapshotEnd) = (header.size, header.size)
    lastSync = Clock.machineCoarse
    sizeLimit = cposix_file_size_limit()
  }

  /// Beyond its limit for files the kernel would end this process by SIGXFSZ. The limit is asked for
  /// after a pause of the reports, and by one look of four while they come one after the other.
  @inline(never)
  func lookAtSizeLimit(_ now: Int64) {
    let look = FileStore.lookInterval
    guard now >= min(lastLook &+ look &+ 8_000_000, lastSync &+ 3 &* look) else { return }
    sizeLimit = cposix_file_size_limit()
  }

  /// One write(2). Whatever fails, nothing of the record counts: the next one is written over it.
  func append(_ report: Report) throws(JobError) {
    record.clear()
    record.append(salt, as: UInt64.self)
    record.append(index, as: UInt64.self)
    try report.encode(to: record)
    let payload = record.count - LogFormat.payloadInBuffer
    guard payload <= LogFormat.largestRecord else {
      throw JobError(.invalid, "the report has \(payload) bytes, more than 4 MiB")
    }
    record.append(UInt32(0), as: UInt32.self)
    try record.requireWhole()
    let size = Int64(LogFormat.recordSize(payload))
    if end > sizeLimit - size {
      sizeLimit = cposix_file_size_limit()
      if end > sizeLimit - size { throw .system(EFBIG, "write", file.name) }
    }
    if isAstray { try file.seek(to: end) }
    guard let start = record.base else { return }
    let bytes = frame(start, payload: payload)
    isAstray = true
    guard try file.writeNext(bytes) == bytes.count else {
      throw .system(ENOSPC, "write", file.name)
    }
    isAstray = false
    count(bytes.count)
  }

  /// The record around a payload. Behind it there is room for four bytes.
  @inline(__always)
  func frame(_ start: UnsafeMutableRawPointer, payload: Int) -> UnsafeRawBufferPointer {
    start.storeBytes(of: salt.littleEndian, as: UInt64.self)
    start.storeBytes(of: index.littleEndian, toByteOffset: 8, as: UInt64.self)
    let end = LogFormat.payloadInBuffer + payload
    checksum = CRC32C.of(UnsafeRawBufferPointer(start: start, count: end))
    start.storeBytes(of: UInt32(payload).littleEndian, toByteOffset: 8, as: UInt32.self)
    start.storeBytes(of: checksum.littleEndian, toByteOffset: 12, as: UInt32.self)
    start.storeBytes(of: 0, toByteOffset: end, as: UInt32.self)
    return UnsafeRawBufferPointer(start: start + 8, count: LogFormat.recordSize(payload))
  }

  /// A record was written.
  @inline(__always)
  func count(_ size: Int) {
    end &+= Int64(size)
    index &+= 1
    sum &+= checksum
    isUnsynced = true
  }

  /// Syncs, and remembers what that costs. A failure is for the caller to mend with a new log.
  func sync() throws(JobError) {
    guard isUnsynced else { return }
    let begin = Clock.machine
    try file.syncData()
    lastSync = Clock.machine
    syncCost = lastSync - begin
    isUnsynced = false
  }
}
