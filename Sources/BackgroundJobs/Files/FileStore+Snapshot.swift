import CPosix

// PROTOCOL R8: the snapshot of a journal, and the pack that it refers to.
extension FileStore {
  /// Jobs come into memory when they are asked for; those that have an owner, at once.
  func decode(snapshot record: Record) throws(JobError) -> (FileState, Pack?) {
    var table: Snapshot?
    if record.kind == Record.Kind.table.rawValue { table = Snapshot(record.payload) }
    let document: StateDocument.Decoded
    do throws(StateDocument.Fault) {
      document = try StateDocument.decode(table?.head ?? record.payload)
    } catch {
      throw StateDocument.describe(
        error, Message("\(places.statePath)/background-jobs.d/journal").text)
    }
    let state = document.state
    state.seq = record.seq
    guard let table, table.pack != 0, let files = places.files else {
      for job in state.known where job.createdSeq == 0 { job.createdSeq = record.seq }
      return (state, nil)
    }
    let file = try openForUse(Pack.name(table.pack), in: files)
    if file == nil { try requireNewest() }
    let pack = Pack(self, table.pack, file, end: table.packEnd, seq: record.seq, document.logs)
    try pack.take(table, from: journalBytes)
    var entries: [State.Entry] = []
    entries.reserveCapacity(pack.count)
    for entry in 0..<pack.count {
      entries.append(
        pack[entry].isOpaque ? .opaque(try pack.opaqueText(of: entry)) : .stored(entry))
    }
    state.take(entries, on: pack)
    // From behind: one that is lost moves those behind it.
    var entry = pack.count
    while entry > 0 {
      entry -= 1
      if pack[entry].has(StoredJob.hasOwner) { _ = try state.load(at: entry) }
    }
    return (state, pack)
  }

  /// The items of a job that are stored apart; of a damaged file, what the state file says.
  func openItems(_ stored: StoredJob) throws(JobError) -> ItemSet {
    let name = ItemFile.name(stored.items)
    do throws(JobError) {
      guard !lost.has(name), let file = try places.files?.openIfThere(name, O_RDONLY) else {
        try requireNewest()
        throw JobError(.damaged, "missing")
      }
      let items = try ItemFile.open(file)
      // Our own reports take the straight way.
      if logs.ownsAny, stored.has(StoredJob.hasOwner) { try items.loadAll() }
      partial.add(items, name)
      return items
    } catch {
      guard error.status == .damaged else { throw error }
      lost.note(name, error.message)
      return try published(stored)?.job.items ?? ItemSet()
    }
  }

  /// What a snapshot refers to is not there. Throws if that is because another process has compacted.
  private func requireNewest() throws(JobError) {
    guard try journal?.file.status().links == 0 else { return }
    mustRestart = true
    throw JobError(.busy, "the journal is replaced again and again")
  }

  /// Runs `body` on what there is now; again, if another process compacts meanwhile.
  func reading(_ body: () throws(JobError) -> Void) throws(JobError) {
    var attempts = 0
    while true {
      try refresh()
      mustRestart = false
      do throws(JobError) {
        try body()
        if mustRestart { try requireNewest() }
        if try !leaveDamage() { return }
      } catch {
        attempts += 1
        guard mustRestart, attempts < 64 else { throw error }
        reset()
      }
    }
  }

  /// Items were used of which a page turned out to be damaged. true: all is read again, without that
  /// file.
  func leaveDamage() throws(JobError) -> Bool {
    guard let (name, fault) = partial.damaged else { return false }
    reset()
    guard fault.status == .damaged else { throw fault }
    lost.note(name, fault.message)
    return true
  }

  /// Writes what has changed behind the pack, or all of it into a new one. `anew`: in any case.
  func makeSnapshot(in files: Directory, anew: Bool) throws(JobError) -> SnapshotWriter {
    var kept: Pack?
    if !anew, let pack, let file = pack.file, !file.isForReading,
      !pack.isWasteful(live: state.storedBytes)
    {
      kept = pack
    }
    let writer = SnapshotWriter(self, files, old: pack, kept: kept)
    for entry in state.entries { try writer.add(entry) }
    try writer.finish()
    return writer
  }
}

/// The binary snapshot of a journal: u64 name and u64 end of the pack, u64 number of entries, the
/// entries, and the head: the state file without its jobs.
struct Snapshot {
  private static let entrySize = MemoryLayout<StoredJob>.size
  let pack: UInt64
  let packEnd: Int64
  let count: Int
  let entries: UnsafeRawBufferPointer
  let head: UnsafeRawBufferPointer

  /// nil: it is none.
  init?(_ payload: UnsafeRawBufferPointer) {
    var reader = Reader(payload)
    (pack, packEnd) = (reader.fixed(UInt64.self), reader.fixed(Int64.self))
    count = Int(truncatingIfNeeded: reader.fixed(UInt64.self) & 0xffff_ffff)
    entries = reader.take(count * Self.entrySize)
    head = reader.take(payload.count - reader.offset)
    if reader.failed { return nil }
  }

  static func encode(
    _ entries: Buffer, _ pack: Pack?, head: Buffer
  ) throws(JobError) -> Buffer {
    let buffer = Buffer()
    buffer.append(pack?.number ?? 0, as: UInt64.self)
    buffer.append(pack?.end ?? 0, as: Int64.self)
    buffer.append(UInt64(entries.count / entrySize), as: UInt64.self)
    buffer.append(whole: entries)
    buffer.append(whole: head)
    return buffer
  }
}

extension State {
  /// Bytes of what has not changed since it was stored.
  fileprivate var storedBytes: Int64 {
    var sum: Int64 = 0
    for entry in entries {
      switch entry {
      case .stored(let entry): sum += Int64(shelf?[entry].count ?? 0)
      case .job(let job): sum += Int64(job.entry.flatMap { shelf?[$0].count } ?? 0)
      case .opaque: break
      }
    }
    return sum
  }
}
