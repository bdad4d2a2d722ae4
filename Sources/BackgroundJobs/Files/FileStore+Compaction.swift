import CPosix

// PROTOCOL R8, R10: the journal, begun and begun again.
extension FileStore {
  private static let newName = "journal.new"
  /// Below this, rewriting costs more than it saves.
  private static let leastGarbage: Int64 = 256 << 10

  func compactIfNeeded() {
    guard let journal, journal.isLocked else { return }
    let garbage = journal.end - journal.snapshotEnd + logs.closedBytes
    guard garbage > max(Self.leastGarbage, journal.snapshotEnd) else { return }
    // Nothing is lost when it fails: the old journal stays.
    try? compact()
  }

  /// Writes the state as a new journal and puts it in the old one's place.
  func compact() throws(JobError) {
    guard let old = journal, let files = places.files else { return }
    // The snapshot would say that nothing more was there.
    if !lost.entries.isEmpty { try mendLostRecords() }
    let publication = state.publication
    defer { text.release() }
    try encodeState()
    let next = try writeJournal(
      Self.newName, in: files, epoch: old.epoch, isRebuilt: false, seq: state.seq)
    guard try next.tryLock() else { throw JobError(.busy, "\(next.file.name) is locked") }
    try files.rename(Self.newName, to: Journal.name)
    useCompacted(next)
    try makeNamed()
    try append(.store(.published(publication)), durable: false)
    try removeClosedLogs(files)
    if hasRemovedJobs { removeOutputOfGoneJobs() }
  }

  /// What completing does besides: only jobs of ours, and only what nobody need look at any more.
  func removeOldJobs() throws(JobError) {
    try remove(state.oldJobs(options, now: clock.realtimeMs))
  }

  /// Removes jobs, and what they left behind.
  func remove(_ jobs: [JobState]) throws(JobError) {
    guard !jobs.isEmpty else { return }
    try append(jobs.map { .job($0.id, .removed) }, durable: true)
    removeOutputOfGoneJobs()
  }

  func removeOutputOfGoneJobs() {
    hasRemovedJobs = false
    places.removeOutput(except: state.jobs.map { $0.createdSeq })
  }

  private func removeClosedLogs(_ files: Directory) throws(JobError) {
    var open: [String] = []
    for job in state.jobs { if let log = job.log { open.append(LogFormat.name(log.number)) } }
    for name in try files.names()
    where isLog(name) && !open.has(name) {
      try? files.unlink(name)
    }
  }

  /// And no copy of a damaged one.
  func isLog(_ name: String) -> Bool { begins(name, with: "log-") && !has(name, ".corrupt-") }

  func encodeState() throws(JobError) {
    text.clear()
    guard let epoch = journal?.epoch else { return }
    try StateDocument.encode(state, epoch: epoch, into: JSONText(text))
  }

  /// A synced journal with the text as its snapshot, not yet under its name.
  func writeJournal(
    _ name: String, in files: Directory, epoch: StateDocument.Epoch, isRebuilt: Bool, seq: UInt64
  ) throws(JobError) -> Journal {
    let salt = randomBits()
    let bytes = try Journal.encode(
      epoch: epoch, salt: salt, isRebuilt: isRebuilt, seq: seq, snapshot: text)
    let file = try places.create(name, in: files)
    do throws(JobError) {
      try file.write(bytes.bytes, at: 0, limit: cposix_file_size_limit())
      guard try file.status().size == Int64(bytes.count) else {
        throw JobError(.io, "\(file.name) is shorter than what was written")
      }
      try file.sync()
    } catch {
      try? files.unlink(name)
      throw error
    }
    let journal = try Journal.open(file)
    journal.skipSnapshot(to: Int64(bytes.count), seq)
    return journal
  }

  /// PROTOCOL R10: the first journal, from the state file if there is one. Of two that try, one
  /// wins.
  func buildJournal() throws(JobError) {
    if options.isReadOnly { throw JobError(.unsupported, "this manager is read-only") }
    let (_, files) = try places.make()
    guard try files.status(Journal.name) == nil else { return }
    try readStateFile()
    let epoch = StateDocument.Epoch(high: randomBits(), low: randomBits())
    text.clear()
    try StateDocument.encode(
      state, epoch: epoch, into: JSONText(text))
    let name = Message("journal.\(hex(randomBits(), digits: 16))").text
    _ = try writeJournal(name, in: files, epoch: epoch, isRebuilt: false, seq: state.seq)
    defer { try? files.unlink(name) }
    do throws(JobError) { try files.link(name, to: Journal.name) } catch {
      guard error.osError == EEXIST else { throw error }
    }
    try files.sync()
    reset()
  }
}
