import CPosix

// PROTOCOL R11: what to do about damaged files. They are set aside, never overwritten.
extension FileStore {
  /// Begins a new journal from the best that is left: the damaged one's own snapshot or the state
  /// file, and all sound events above it; the logs are folded as ever.
  func salvage(_ damaged: File, _ known: Journal?, _ reason: JobError) throws(JobError) {
    guard let files = places.files else { throw reason }
    var wasLocked = known?.isLocked ?? false
    if !wasLocked {
      guard try waitForLock(damaged) else { throw reason }
      wasLocked = true
    }
    defer { damaged.unlock() }
    known?.leaveLock()
    use(nil)
    // Someone else may have mended it meanwhile.
    guard try files.status(Journal.name)?.inode == damaged.status().inode else { return }
    let bytes = Buffer()
    let size = try damaged.status().size
    if size <= 1 << 32 { try damaged.read(Int(size), at: 0, into: bytes) }
    let found = Remains(bytes.bytes, salt: known?.salt)
    let epoch = known?.epoch ?? StateDocument.Epoch(high: randomBits(), low: randomBits())
    guard try rebuild(from: found, epoch: known?.epoch) else {
      try files.rename(Journal.name, to: asideName(Journal.name))
      reset()
      throw reason
    }
    let aside = asideName(Journal.name)
    let name = Message("background-jobs.d/\(aside)").text
    try state.apply(
      .store(.setAside(name: name, why: reason.message)),
      at: Moment(seq: max(state.seq, found.highestSeq) &+ 1, time: clock.realtimeMs))
    let snapshot = try makeSnapshot(in: files, anew: true)
    let new = "journal.new"
    let next = try writeJournal(new, in: files, epoch: epoch, isRebuilt: true, snapshot)
    // Locked until it has the name.
    defer { withExtendedLifetime(next) {} }
    // No second name: whoever has it open sees by its links that it was replaced.
    try copy(Journal.name, to: aside, in: files)
    try files.rename(new, to: Journal.name)
    try files.sync()
    reset()
  }

  private func waitForLock(_ file: File) throws(JobError) -> Bool {
    let deadline = Clock.machine + options.lockTimeoutMs * 1_000_000
    while try !file.tryLock() {
      if Clock.machine > deadline { return false }
      Clock.sleep(milliseconds: 2)
    }
    return true
  }

  func asideName(_ name: String) -> String {
    Message("\(name).corrupt-\(cposix_realtime() / 1_000_000)").text
  }

  /// Sound records of a damaged journal.
  private struct Remains {
    var snapshot: Record?
    var events: [Record] = []
    var highestSeq: UInt64 = 0

    init(_ bytes: UnsafeRawBufferPointer, salt: UInt64?) {
      guard let salt else { return }
      var offset = Journal.headerSize
      while offset + Record.headerSize <= bytes.count {
        guard let record = Record.parse(bytes, at: offset, salt: salt) else {
          offset += 8
          continue
        }
        if record.isSnapshot {
          snapshot = record
        } else {
          events.append(record)
        }
        highestSeq = max(highestSeq, record.seq, record.synced)
        offset += record.size
      }
    }
  }

  /// false: nothing is left to build on.
  private func rebuild(from found: Remains, epoch: StateDocument.Epoch?) throws(JobError) -> Bool {
    reset()
    var (base, pack): (FileState?, Pack?)
    if let snapshot = found.snapshot {
      do throws(JobError) { (base, pack) = try decode(snapshot: snapshot) } catch {
        if error.status == .noMemory { throw error }
      }
    }
    var bytes: Buffer?
    if let directory = places.state {
      do throws(JobError) {
        bytes = try readWhole(StateDirectory.fileName, in: directory)?.bytes
      } catch {
        if error.status == .noMemory { throw error }
      }
    }
    if let bytes,
      let decoded = try StateDocument.decodeIfSound(bytes.bytes),
      base == nil || (decoded.epoch == epoch && (decoded.seq ?? 0) > (base?.seq ?? 0))
    {
      (base, pack) = (decoded.state, nil)
    }
    guard let base else { return false }
    take(base)
    self.pack = pack
    for record in found.events where record.seq > state.seq { try apply(record) }
    return true
  }
}
