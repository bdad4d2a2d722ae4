// PROTOCOL R11: records that a log had and has no more. The state file may know what they told.
extension FileStore {
  /// A log of a dead owner that is shorter than what was published of it: the state file has more.
  func recoverLostProgress(of job: JobState) throws(JobError) {
    try foldLog(job)
    guard let position = job.log, let published = try publishedJob(job.id),
      let had = published.log, had.number == position.number, had.index > position.index
    else { return }
    // What others have reported since stands in the journal, and is not lost.
    try published.addItems(of: job)
    try reportEnded(in: published, of: job, beside: position.index)
    var changes = [Change.store(.edited(published, members: [], takes: .all))]
    // What was never synced a power cut may take.
    if had.synced > position.index {
      let why: Message =
        "\(position.index) of \(had.index) records are left; the rest is from the state file"
      changes.append(try setLogAside(position.number, why))
    }
    try append(changes, durable: true)
  }

  /// Under the lock: tells what damage closed logs have, and takes what was in them from the state
  /// file, as far as it goes.
  func mendLostRecords() throws(JobError) {
    for entry in lost.entries {
      var changes: [Change] = []
      if let job = state.job(entry.job), let published = try publishedJob(entry.job) {
        // Nothing has happened to it since: its advances and its shift are right, too.
        let isLatest = published.revision == job.revision && job.owner == nil
        try reportEnded(in: published, of: job, beside: 0)
        if isLatest {
          try published.addItems(of: job)
          changes.append(.store(.edited(published, members: [], takes: .all)))
        } else if let items = try published.itemsEnded(unknownTo: job, alsoFailed: false) {
          changes.append(.store(.adopted(job: job.id, done: items.done, failed: items.failed)))
        }
      }
      changes.append(
        try setLogAside(entry.log, "\(entry.finding); the rest is from the state file"))
      try append(changes, durable: true)
    }
  }

  /// Somebody cut the log of a living owner, which has in memory all that was in it.
  func replaceCut(_ log: OwnedLog) throws(JobError) {
    try transact { () throws(JobError) in
      guard let job = state.job(log.job), ownedLog(of: job) === log else { return }
      let told = try setLogAside(
        log.number, "it was cut while its owner worked; nothing was lost")
      try compact()
      try open(job, rolling: log)
      try append(told, durable: true)
    }
  }

  /// The job as the state file has it; nil: there is none of this store.
  private func publishedJob(_ id: String) throws(JobError) -> JobState? {
    guard let directory = places.state, let epoch = journal?.epoch,
      let (bytes, _) = try readWhole(StateDirectory.fileName, in: directory),
      let document = try? StateDocument.decode(bytes.bytes), document.epoch == epoch
    else { return nil }
    return document.state.job(id)
  }

  /// Keeps a copy of a damaged log, if there is one; gives the event that tells of it.
  func setLogAside(_ number: UInt64, _ why: Message) throws(JobError) -> Change {
    let name = LogFormat.name(number)
    if let files = places.files, try files.status(name) != nil {
      _ = try copyAside(name, in: files)
    }
    return .store(.setAside(name: Message("background-jobs.d/\(name)").text, why: why.text))
  }

  /// An edit takes only what other tools know of: neither skipped items nor why any failed.
  private func reportEnded(
    in published: JobState, of job: JobState, beside mark: UInt64
  ) throws(JobError) {
    // A retry forgets failures.
    if published.attempts == job.attempts {
      try published.items.forEach(.failed) { slot, item throws(JobError) in
        var report = Report()
        (report.seen, report.failed) = (mark, item)
        try self.report(report, published.items.notes.why(slot), job)
      }
    }
    try published.items.forEach(.skipped) { slot, item throws(JobError) in
      var report = Report()
      (report.seen, report.skipped) = (mark, item)
      try self.report(report, published.items.notes.why(slot), job)
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
