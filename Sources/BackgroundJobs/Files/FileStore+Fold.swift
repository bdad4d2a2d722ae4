import CPosix

// PROTOCOL R2, R6, R9: from files to state. Without the lock it only reads; with it, it also cuts
// off what a kill left behind.
extension FileStore {
  /// Folds everything that is new in the journal. A log is read when its job is asked for: a store
  /// may have thousands.
  func catchUp() throws(JobError) {
    _ = try leaveDamage()
    for _ in 0..<64 {
      try places.find()
      if journal == nil {
        if try places.files?.file.status().links == 0 { places.forget() }
        try places.find()
        use(try openJournal())
      }
      guard journal != nil else { return try readStateFile() }
      do throws(JobError) {
        if try foldJournal(), try !leaveDamage() { return try proveOwn(mends: false) }
      } catch {
        guard mustRestart else { throw error }
        use(nil)
        reset()
      }
    }
    throw JobError(.busy, "the journal is replaced again and again")
  }

  private func openJournal() throws(JobError) -> Journal? {
    guard let files = places.files else { return nil }
    guard let file = try openForUse(Journal.name, in: files) else { return nil }
    do throws(JobError) {
      let opened = try Journal.open(file)
      if readFrom != nil || generation == 0 { reset() }
      return opened
    } catch {
      guard error.status == .damaged, mends else { throw error }
      try salvage(file, nil, error)
      return nil
    }
  }

  /// Viewers may have no permission to write.
  func openForUse(_ name: String, in files: Directory) throws(JobError) -> File? {
    if options.isReadOnly { return try files.openIfThere(name, O_RDONLY) }
    do throws(JobError) { return try files.openIfThere(name, O_RDWR) } catch {
      guard error.osError == EACCES || error.osError == EROFS else { throw error }
      let file = try files.openIfThere(name, O_RDONLY)
      file?.isForReading = true
      return file
    }
  }

  /// false: the journal was replaced or mended; go on with the new one.
  private func foldJournal() throws(JobError) -> Bool {
    guard let journal else { return false }
    let status = try status(of: journal.file, journal.inode)
    mustRestart = false
    if status.size < journal.end { reset() }
    // Not even the snapshot is in the state: it was cut, and is damaged, whatever its size.
    if status.size > journal.end || journal.isLocked || journal.end == 0 {
      if try !foldEvents(journal, size: status.size) { return false }
    }
    if status.links > 0, !mustRestart { return true }
    try followReplacement(of: journal)
    return false
  }

  /// PROTOCOL R12: a descriptor that is no longer ours is never touched again.
  func status(of file: File, _ inode: UInt64) throws(JobError) -> cposix_file_status {
    let status: cposix_file_status?
    do throws(JobError) { status = try file.status() } catch {
      guard error.osError == EBADF else { throw error }
      status = nil
    }
    guard let status, status.inode == inode else {
      loseDescriptors()
      try checkUsable()
      throw JobError(.io, "lost", osError: EBADF)
    }
    return status
  }

  func loseDescriptors() {
    lostDescriptors = true
    journal?.file.abandon()
    journal?.leaveLock()
    logs.abandon()
    places.abandon()
    use(nil)
  }

  /// Events behind the last known one. false: they could not be read on; start again.
  private func foldEvents(_ journal: Journal, size: Int64) throws(JobError) -> Bool {
    let begin = journal.lastRecord?.offset ?? max(journal.end, Int64(Journal.headerSize))
    guard size - begin <= 1 << 32 else {
      throw JobError(.noMemory, "\(journal.file.name) has \(size) bytes")
    }
    journalBytes.clear()
    try journal.file.read(Int(max(0, size - begin)), at: begin, into: journalBytes)
    let bytes = journalBytes.bytes
    var offset = 0
    if let last = journal.lastRecord {
      guard let record = Record.parse(bytes, at: 0, salt: journal.salt),
        record.checksum == last.checksum
      else {
        // Someone's append was undone after we had read it.
        reset()
        return false
      }
      offset = record.size
    }
    while let record = Record.parse(bytes, at: offset, salt: journal.salt), follows(record, journal)
    {
      try requireMemory()
      try apply(record)
      journal.pass(record, at: begin + Int64(offset))
      offset += record.size
    }
    if offset < bytes.count || isCut(journal) {
      return try handleTail(journal, bytes, offset, at: begin + Int64(offset))
    }
    return true
  }

  private func follows(_ record: Record, _ journal: Journal) -> Bool {
    if journal.end == 0 { return record.isSnapshot }
    return record.seq == state.seq &+ 1
  }

  /// What is known to be on disk is not there.
  private func isCut(_ journal: Journal) -> Bool {
    journal.end == 0 || state.seq < journal.durableSeq
  }

  /// PROTOCOL R2: what a kill or a power cut leaves is cut off; what was durable and is gone is
  /// damage.
  private func handleTail(
    _ journal: Journal, _ bytes: UnsafeRawBufferPointer, _ offset: Int, at place: Int64
  ) throws(JobError) -> Bool {
    if isCut(journal)
      || isDamage(bytes, after: offset, missing: state.seq &+ 1, salt: journal.salt)
    {
      // A reader may be looking at a file that is being replaced.
      if try journal.file.status().links == 0 {
        try followReplacement(of: journal)
        return false
      }
      let error = JobError(.damaged, "\(journal.file.name): byte \(place): a record is damaged")
      guard mends else { throw error }
      try salvage(journal.file, journal, error)
      return false
    }
    if journal.isLocked { try journal.file.truncate(to: journal.end) }
    return true
  }

  /// Whether a sound record behind says that the missing one was on disk.
  func isDamage(
    _ bytes: UnsafeRawBufferPointer, after offset: Int, missing: UInt64, salt: UInt64
  ) -> Bool {
    var place = offset + 8
    while place + Record.headerSize <= bytes.count, place - offset < 1 << 24 {
      if let record = Record.parse(bytes, at: place, salt: salt), record.synced >= missing {
        return true
      }
      place += 8
    }
    return false
  }

  func apply(_ record: Record) throws(JobError) {
    if record.isSnapshot { return try load(record) }
    guard let event = try Change.decode(record.kind, record.payload) else {
      throw JobError(
        .unsupported, "the journal has a record of kind \(record.kind): written by a newer version?"
      )
    }
    // Loaded first: that may be what finds it damaged, and takes it from a newer file.
    if let id = event.change.jobBefore, let job = try state.job(id), record.seq <= job.knownUpTo {
      state.seq = record.seq
      return
    }
    switch event.change {
    case .job(_, .reported), .job(_, .left): journal?.lastReportSeq = record.seq
    case .job(_, .removed): hasRemovedJobs = true
    case .store(.setAside(let name, _)): lost.forget(name)
    case .job, .store, .queue: break
    }
    do throws(JobError) {
      if let (job, place) = closingLog(event.change) { try finishLog(job, place, event.logEnd) }
      try foldLog(before: event.change)
      if let urgency = Record.Kind(rawValue: record.kind)?.urgency {
        state.lastNews = record.seq
        if case .transition = urgency, state.unseenTransition == nil {
          state.unseenTransition = event.time
        }
      }
      try state.apply(event.change, at: Moment(seq: record.seq, time: event.time))
    } catch {
      // Half an event must not stay: the next look begins at the snapshot.
      reset()
      throw error
    }
  }

  private func load(_ record: Record) throws(JobError) {
    let (state, pack) = try decode(snapshot: record)
    // What of it is in the state file, and since when it is owed, only the next event tells.
    (state.lastNews, state.unseenTransition) = (record.seq, 0)
    take(state)
    self.pack = pack
    // Its entries stand there.
    if pack != nil { journalBytes = Buffer() }
  }

  /// Whose log an event closes. Of a shared job, only a worker of its own closes one.
  func closingLog(_ change: Change) -> (job: JobState, place: Int)? {
    guard change.closesLog, let id = change.jobID, let job = state.known(id), job.log != nil else {
      return nil
    }
    if let worker = change.worker { return job.place(of: worker).map { (job, $0) } }
    return job.isShared ? nil : (job, 0)
  }

  /// PROTOCOL R8, seen by others: the old journal has been read to its end, so that the new one's
  /// snapshot says nothing new, unless it was made after damage.
  private func followReplacement(of old: Journal) throws(JobError) {
    if try places.files?.file.status().links == 0 { places.forget() }
    // While the new one cannot be opened, the old one stays: without a name it brings us here again.
    try places.find()
    guard let files = places.files, let file = try openForUse(Journal.name, in: files) else {
      use(nil)
      return reset()
    }
    let next: Journal
    do throws(JobError) { next = try Journal.open(file) } catch {
      use(nil)
      reset()
      return
    }
    let head = Buffer()
    try file.read(Record.headerSize, at: Int64(Journal.headerSize), into: head)
    var reader = Reader(head.bytes)
    let length = Int(reader.fixed(UInt32.self))
    _ = reader.fixed(UInt32.self)
    let seq = reader.fixed(UInt64.self)
    let isSame =
      !mustRestart && !reader.failed && !next.isRebuilt && next.epoch == old.epoch
      && old.end > 0 && seq == state.seq
    if isSame {
      next.skipSnapshot(to: Int64(Journal.headerSize + Record.size(ofPayload: length)), seq)
      useCompacted(next, byOther: true)
    } else {
      reset()
      use(next)
    }
  }
}
