import CPosix

// PROTOCOL R11: records that a log had and has no more. The state file may know what they told.
extension FileStore {
  /// Syncs a dead owner's log, unless all of it is known to be on disk. One that is shorter than its
  /// part that was synced, or goes on behind its end, is damaged.
  func syncForGood(_ job: JobState, _ place: Int) throws(JobError) {
    guard let position = job.log(at: place) else { return }
    let published = try publishedJob(job.id)
    var synced: UInt64 = 0
    if let place = published?.place(of: position.number) {
      synced = published?.log(at: place)?.synced ?? 0
    }
    if synced <= position.index, try !isBroken(position) {
      if synced < position.index { try syncLog(of: job, place) }
      return
    }
    let told = try setLogAside(
      position.number, "\(position.index) records are left; the rest is from the state file")
    if let published {
      try reportLost(in: published, of: job, beside: job.isShared ? nil : position.index)
    }
    try append(told, durable: true)
  }

  /// Whether a log is gone, or has records behind what was read of it.
  func isBroken(_ position: LogPosition) throws(JobError) -> Bool {
    guard let reader = try logReader(position) else { return true }
    let end = max(position.offset, reader.header.size)
    let rest = try reader.file.status().size - end
    guard rest > 0, reader.header.owner.boot == process.boot else { return false }
    let bytes = Buffer()
    try reader.file.read(Int(rest), at: end, into: bytes)
    return LogFormat.hasRecord(
      bytes.bytes, behind: 0, salt: position.salt, index: position.index)
  }

  /// Under the lock: tells what damage closed logs have, and takes what was in them from the state
  /// file, as far as it goes. `anew`: we may have read a log before it was damaged, and what is missing
  /// is what others do not find.
  func mendLostRecords(anew: Bool) throws(JobError) {
    if anew {
      let parts = lost.parts
      reset()
      for part in parts { lost.note(part.name, part.why, job: part.job) }
      try catchUp()
    }
    try foldLogs()
    for part in lost.parts {
      let told = try setAside(part.name, "\(part.why); the rest is from the state file")
      if let id = part.job, let job = try state.job(id), let published = try publishedJob(id) {
        try reportLost(in: published, of: job, beside: job.isShared ? nil : job.log?.index)
      }
      try append(told, durable: true)
    }
  }

  /// What the log had, said once more. Its status is another matter: that stands in the journal.
  func reportLost(
    in published: JobState, of job: JobState, beside mark: UInt64?
  ) throws(JobError) {
    let items = try published.itemsEnded(unknownTo: job, alsoFailed: false)
    // The first has the mark: what is left of the log comes before all of it.
    var report = Report()
    (report.time, report.seen) = (clock.realtimeMs, mark)
    // Else it may have a later word in the journal.
    if published.revision == job.revision {
      if published.advances > job.advances {
        report.advance = published.advances.clampedAdding(-job.advances)
      }
      if published.shift != job.shift { report.shift = published.shift }
      if published.total != job.total { report.total = published.total }
      if published.cursor.count > 0 { report.cursor = published.cursor.bytes }
    }
    try append(.job(job.id, .reported(report)), durable: false)
    if let items {
      try append(
        .store(.adopted(job: job.id, done: items.done, failed: items.failed)), durable: false)
    }
    // A retry forgets failures.
    if published.attempts == job.attempts {
      try reportEnded(.failed, in: published, of: job, beside: mark)
    }
    try reportEnded(.skipped, in: published, of: job, beside: mark)
  }

  /// Under the lock: the job as the state file has it; nil: there is none of this store. The file is
  /// read once for all jobs.
  private func publishedJob(_ id: String) throws(JobError) -> JobState? {
    if published == nil { published = try publishedState() }
    return published?.known(id)
  }

  private func publishedState() throws(JobError) -> FileState? {
    guard let directory = places.state, let epoch = journal?.epoch,
      let (bytes, _) = try readWhole(StateDirectory.fileName, in: directory),
      let document = try StateDocument.decodeIfSound(bytes.bytes), document.epoch == epoch
    else { return nil }
    return document.state
  }

  /// What the state file says of a stored job, and the event up to which it does; nil: nothing.
  func published(_ stored: StoredJob) throws(JobError) -> (job: JobState, seq: UInt64)? {
    guard let state = try publishedState() else { return nil }
    let job = state.known.first {
      StoredJob.start(of: $0.id) == (stored.id_start, stored.id_count)
    }
    return job.map { ($0, state.seq) }
  }

  /// A text in the pack is damaged. Gives what the state file says of that job; nil: nothing.
  func replaceLost(_ stored: StoredJob, in pack: Pack) throws(JobError) -> JobState? {
    lost.note(
      Pack.name(pack.number), Message("byte \(stored.offset): the text of a job is damaged").text)
    guard let (job, seq) = try published(stored) else { return nil }
    job.createdSeq = stored.created
    job.knownUpTo = seq
    // Of its status the snapshot knows more, if it is younger.
    if seq < pack.seq, let status = stored.knownStatus { job.status = status }
    return job
  }

  /// Keeps a copy of a damaged log, if there is one; gives the event that tells of it.
  func setLogAside(_ number: UInt64, _ why: Message) throws(JobError) -> Change {
    try setAside(LogFormat.name(number), why)
  }

  private func setAside(_ name: String, _ why: Message) throws(JobError) -> Change {
    guard let files = places.files else { throw JobError(.io, "no journal") }
    // An empty one of what is missing: it is told until somebody deletes it.
    if try files.status(name) != nil {
      try copy(name, to: asideName(name), in: files)
    } else {
      _ = try places.create(asideName(name), in: files)
    }
    return .store(.setAside(name: LostRecords.name(of: name), why: why.text))
  }

  /// Items that failed or were skipped, and why.
  private func reportEnded(
    _ mark: ItemSet.Mark, in published: JobState, of job: JobState, beside seen: UInt64?
  ) throws(JobError) {
    try published.items.forEach(mark) { slot, item throws(JobError) in
      var report = Report()
      report.seen = seen
      if mark == .failed { report.failed = item } else { report.skipped = item }
      try self.report(report, published.items.why(slot), job)
    }
  }

  private func report(_ report: Report, _ why: String?, _ job: JobState) throws(JobError) {
    var copy = report
    copy.time = clock.realtimeMs
    try withBytes(of: why ?? "") { bytes throws(JobError) in
      if why != nil { copy.why = bytes }
      if try job.isNews(&copy) { try append(.job(job.id, .reported(copy)), durable: false) }
    }
  }
}
