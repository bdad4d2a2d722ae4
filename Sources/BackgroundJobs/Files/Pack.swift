import CPosix

/// The file `pack-<name>`: the texts of jobs, and of other entries, one behind the other. A snapshot
/// says where each is. What is written once is never overwritten while a snapshot refers to it, so a
/// reader of an older snapshot is not disturbed.
final class Pack: JobShelf {
  private static let magic: StaticString = "bgjobs P"
  /// Below this, a new one costs more than it saves.
  private static let leastGarbage: Int64 = 1 << 20

  /// In hexadecimal, what its name ends with.
  let number: UInt64
  /// nil: it is gone.
  let file: File?
  /// Of the snapshot that was read.
  let seq: UInt64
  /// Behind all that the snapshot refers to.
  var end: Int64
  private let logs: [LogPosition]
  /// It outlives its packs.
  private unowned(unsafe) let store: FileStore
  private let bytes = Buffer()

  init(
    _ store: FileStore, _ number: UInt64, _ file: File?, end: Int64, seq: UInt64 = 0,
    _ logs: [LogPosition] = []
  ) {
    (self.store, self.number, self.file) = (store, number, file)
    (self.end, self.seq, self.logs) = (end, seq, logs)
  }

  static func name(_ number: UInt64) -> String {
    Message("pack-\(hex(number, digits: 16))").text
  }

  /// An empty one.
  static func make(_ store: FileStore, in files: Directory) throws(JobError) -> Pack {
    let number = max(1, randomBits())
    let file = try store.places.create(name(number), in: files)
    let header = try header(number)
    try file.write(header.bytes, at: 0, limit: cposix_file_size_limit())
    return Pack(store, number, file, end: Int64(header.count))
  }

  @inline(never)
  private static func header(_ number: UInt64) throws(JobError) -> Buffer {
    let header = Buffer()
    header.append(magic)
    header.append(number, as: UInt64.self)
    try header.requireWhole()
    return header
  }

  var hasHeader: Bool {
    get throws(JobError) {
      let header = try Self.header(number)
      bytes.clear()
      try file?.read(header.count, at: 0, into: bytes)
      return bytes.bytes.elementsEqual(header.bytes)
    }
  }

  /// Whether to begin a new one, if so many bytes of this one are in use.
  func isWasteful(live: Int64) -> Bool { end - live > max(Self.leastGarbage, live) }

  /// The entries of a snapshot, without a copy where they stand in this buffer.
  func take(_ snapshot: Snapshot, from buffer: Buffer) throws(JobError) {
    guard let first = snapshot.entries.baseAddress else { return }
    if let base = buffer.base, first >= base, first < base + buffer.count {
      take(buffer, at: UnsafeRawPointer(base).distance(to: first), count: snapshot.count)
    } else {
      take(try Buffer(snapshot.entries), at: 0, count: snapshot.count)
    }
  }

  // MARK: Reading

  override func text(of entry: Int) throws(JobError) -> UnsafeRawBufferPointer? {
    let stored = self[entry]
    return stored.items == 0 ? try read(stored) : nil
  }

  /// nil: damaged.
  func read(_ stored: StoredJob) throws(JobError) -> UnsafeRawBufferPointer? {
    bytes.clear()
    guard let file else { return nil }
    try file.read(Int(stored.count), at: stored.offset, into: bytes)
    let isWhole = bytes.count == Int(stored.count) && CRC32C.of(bytes.bytes) == stored.sum
    return isWhole ? bytes.bytes : nil
  }

  /// Of what is no job; null where that is lost.
  func opaqueText(of entry: Int) throws(JobError) -> String {
    if let text = try read(self[entry]) { return String(bytes: text) }
    store.lost.note(
      Self.name(number), Message("byte \(self[entry].offset): an entry is damaged").text)
    return "null"
  }

  override func job(_ entry: Int) throws(JobError) -> JobState? {
    let stored = self[entry]
    let items = stored.items == 0 ? nil : try store.openItems(stored)
    guard let text = try read(stored),
      let job = try StateDocument.decodeJob(text, logs, items: items)
    else { return try store.replaceLost(stored, in: self) }
    job.createdSeq = stored.created
    job.itemsName = stored.items
    // What was taken from elsewhere is to be stored.
    job.entry = items?.isAsStored ?? true ? entry : nil
    return job
  }

  // MARK: Writing

  /// Puts a text behind the others in `room`, which is to be written at `end`.
  func place(_ stored: inout StoredJob, _ text: UnsafeRawBufferPointer, _ room: Buffer)
    throws(JobError)
  {
    stored.offset = end + Int64(room.count)
    stored.count = UInt32(text.count)
    stored.sum = CRC32C.of(text)
    room.append(text)
    try room.requireWhole()
  }

  func write(_ room: Buffer) throws(JobError) {
    guard let file, room.count > 0 else { return }
    try file.write(room.bytes, at: end, limit: cposix_file_size_limit())
    end += Int64(room.count)
    room.clear()
  }
}
