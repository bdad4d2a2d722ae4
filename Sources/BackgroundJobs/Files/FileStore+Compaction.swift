import CPosix

// PROTOCOL R8, R10: the journal, begun and begun again.
extension FileStore {
  private static let newName = "journal.new"
  /// Below this, rewriting costs more than it saves.
  private static let leastGarbage: Int64 = 16 << 10
  private static let leastInterval: Int64 = 20_000_000_000

  func compactIfNeeded() {
    guard let journal, journal.isLocked else { return }
    var garbage = journal.end - journal.snapshotEnd + logs.closedBytes
    // What a busy owner writes is soon more than that.
    if Clock.machine - lastCompaction > Self.leastInterval { garbage += logs.openBytes }
    let begin = Clock.machine
    let isDue =
      garbage > Self.leastGarbage && compactions.isDue(at: begin) && garbage > compactionSize / 256
    guard isDue || lost.isInSnapshot else { return }
    // Nothing is lost when it fails: the old journal stays.
    try? compact()
    compactions.spend(at: begin, cost: Clock.machine - begin)
  }

  /// About the bytes that a compaction writes.
  var compactionSize: Int64 {
    var size = journal?.snapshotEnd ?? 0
    for case .job(let job) in state.entries where job.entry == nil || job.log != nil {
      size += Int64(job.items.known) * 32
    }
    return size
  }

  /// Writes the state as a new journal and puts it in the old one's place. `own`: a job of which we
  /// know more than its files.
  func compact(keeping own: JobState? = nil) throws(JobError) {
    try followSnapshot()
    if let own { state.replace(by: own) }
    let isDamaged = lost.isInSnapshot
    // The snapshot would say that nothing more was there.
    if !lost.parts.isEmpty { try mendLostRecords(anew: own == nil) }
    if own == nil { try? proveOwn(mends: true) }
    try foldLogs()
    guard let old = journal, let files = places.files else { return }
    var publication = state.publication
    // For those who begin at the snapshot.
    if !state.isUnpublished { publication.paid = state.seq }
    defer { text.release() }
    let snapshot = try makeSnapshot(in: files, anew: isDamaged)
    let next = try writeJournal(
      Self.newName, in: files, epoch: old.epoch, isRebuilt: false, snapshot)
    guard try next.tryLock() else { throw JobError(.busy, "\(next.file.name) is locked") }
    try files.rename(Self.newName, to: Journal.name)
    useCompacted(next, byOther: false)
    lastCompaction = Clock.machine
    snapshot.adopt()
    try makeNamed()
    try append(.store(.published(publication)), durable: false)
    try removeUnused(files, snapshot)
    if hasRemovedJobs { removeOutputOfGoneJobs() }
  }

  /// What completing does besides: only jobs of ours, and only what nobody need look at any more.
  func removeOldJobs() throws(JobError) {
    try remove(try state.oldJobs(options, now: clock.realtimeMs))
  }

  /// Removes jobs, and what they left behind.
  func remove(_ jobs: [JobState]) throws(JobError) {
    guard !jobs.isEmpty else { return }
    try append(jobs.map { .job($0.id, .removed) }, durable: true)
    removeOutputOfGoneJobs()
  }

  func removeOutputOfGoneJobs() {
    hasRemovedJobs = false
    places.removeOutput(
      except: state.entries.indices.compactMap { state.facts(at: $0)?.created })
  }

  /// Closed logs, and what the snapshot does not refer to.
  private func removeUnused(_ files: Directory, _ snapshot: SnapshotWriter) throws(JobError) {
    let used = snapshot.itemFiles
    used.append(snapshot.pack?.number ?? 0, as: UInt64.self)
    for case .job(let job) in state.entries {
      for log in job.logs { used.append(log.number, as: UInt64.self) }
    }
    try used.requireWhole()
    let count = used.count / 8
    let numbers = used.base?.assumingMemoryBound(to: UInt64.self)
    cposix_sort_numbers(numbers, count)
    for name in try files.names() {
      var number: UInt64 = 0
      guard withCString(name, { Int(cposix_file_number($0, &number)) }) != 0,
        cposix_has_number(numbers, count, number) == 0
      else { continue }
      try? files.unlink(name)
    }
  }

  /// And no copy of a damaged one.
  func isLog(_ name: String) -> Bool { begins(name, with: "log-") && !has(name, ".corrupt-") }

  /// The logs of a journal that is missing: no compaction is to delete them.
  private func tellMissing(beside remains: [String], _ files: Directory) throws(JobError) {
    for name in remains { try files.link(name, to: asideName(name)) }
    try state.apply(
      .store(
        .setAside(
          name: LostRecords.name(of: asideName(Journal.name)),
          why: "it was missing; the jobs are from the state file and its logs")),
      at: Moment(seq: state.seq &+ 1, time: clock.realtimeMs))
  }

  /// A synced journal with this snapshot, not yet under its name.
  func writeJournal(
    _ name: String, in files: Directory, epoch: StateDocument.Epoch, isRebuilt: Bool,
    _ snapshot: SnapshotWriter
  ) throws(JobError) -> Journal {
    let (salt, seq) = (randomBits(), state.seq)
    text.clear()
    try StateDocument.encode(state, epoch: epoch, withJobs: false, into: JSONText(text))
    try text.requireWhole()
    let bytes = try Journal.encode(
      epoch: epoch, salt: salt, isRebuilt: isRebuilt, seq: seq,
      snapshot: Snapshot.encode(snapshot.entries, snapshot.pack, head: text))
    let file = try places.create(name, in: files)
    do throws(JobError) {
      try file.write(bytes.bytes, at: 0, limit: cposix_file_size_limit())
      guard try file.status().size == Int64(bytes.count) else {
        throw JobError(.io, "\(file.name) is shorter than what was written", osError: EIO)
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
    if options.isReadOnly || !buildsJournal {
      throw JobError(.unsupported, "this manager is read-only")
    }
    let (_, files) = try places.make()
    guard try files.status(Journal.name) == nil else { return }
    try readStateFile()
    let remains = try files.names().filter(isLog)
    // Before it has its name, there are none.
    guard try files.status(Journal.name) == nil else { return }
    if !remains.isEmpty { try tellMissing(beside: remains, files) }
    let epoch = StateDocument.Epoch(high: randomBits(), low: randomBits())
    let snapshot = try makeSnapshot(in: files, anew: true)
    let name = Message("journal.\(hex(randomBits(), digits: 16))").text
    _ = try writeJournal(name, in: files, epoch: epoch, isRebuilt: false, snapshot)
    do throws(JobError) {
      // A journal that is replaced is known by having no link: not one longer than it must.
      defer { try? files.unlink(name) }
      try files.link(name, to: Journal.name)
    } catch {
      guard error.osError == EEXIST else { throw error }
    }
    try files.sync()
    reset()
  }
}
