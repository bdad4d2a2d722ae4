import CPosix

/// The state of one directory as this handle sees it, and the way of every change into it.
///
/// Journal, logs and state file are folded into `state`; `transact` appends events under the writer
/// lock. Not thread-safe: the manager's mutex guards it.
final class FileStore {
  let places: StateDirectory
  let clock: Clock
  let options: StorageOptions
  let process = ProcessIdentity.current()
  private let forkGeneration: UInt64

  private(set) var state = FileState()
  /// Counts how often `state` was made anew: what handles remember of its parts is then void.
  private(set) var generation = 0
  private(set) var journal: Journal?
  /// Another process has compacted: what our state says of files may be of its past.
  private var hasOthersSnapshot = false
  /// Where the jobs are that are not in memory; nil: all are.
  var pack: Pack?
  var logs = OpenLogs()
  var debt = PublicationDebt()
  var lost = LostRecords()
  /// While the lock is held: what the state file says, once somebody has asked.
  var published: FileState?
  var partial = PartialItems()
  /// A command has its own: what one compacts, the next need not fold.
  var compactions = Throttle(burst: 2, interval: 0)
  /// Machine nanoseconds.
  var lastCompaction = Clock.machine
  var syncThrottle = Throttle(burst: 1, interval: 100_000_000)
  /// What was handed out of plans, by job.
  var dispensers = Dispensers()
  var handouts: [Handout] = []

  /// There is no journal: what the state was read from.
  var readFrom: FileStamp?
  /// Foreign edits were applied for reading only; they are in no event yet.
  var isOverlaid = false
  /// What to do again from the start, because a file went away under a fold.
  var mustRestart = false
  #if hasFeature(Embedded)
    var buildsJournal: Bool { true }
    var costBeside: Int64 { 0 }
  #else
    /// Where there is no journal, a change makes one.
    var buildsJournal = true
    /// Nanoseconds that a publication costs besides, where a process is there for it alone.
    var costBeside: Int64 = 0
  #endif
  /// Jobs went, and may have left output behind.
  var hasRemovedJobs = false
  /// An edit was displaced, and is to be taken in with a word about it.
  var hasCollided = false
  /// A look has met, and told, what another tool wants of a job whose owner lives: it is to be kept.
  /// When that owner is dead, nobody can tell that it lived then.
  var hasSeenRequest = false
  /// Machine nanoseconds of the last sync of any log.
  var lastSync: Int64 = 0
  /// Damaged files are looked at, and not mended.
  var isChecking = false
  /// Nothing works any more: the host closed our descriptors.
  var lostDescriptors = false
  /// The state directory was moved away while we owned jobs in it.
  var isMovedAway = false

  var journalBytes = Buffer()
  let text = Buffer()

  /// `forkGeneration`: taken before the first descriptor was opened.
  private init(_ places: StateDirectory, options: StorageOptions, forkGeneration: UInt64) {
    self.forkGeneration = forkGeneration
    self.places = places
    self.options = options
    clock = options.clock
  }

  /// Opens the state of a project directory; nothing is written.
  static func open(
    project: String, options: StorageOptions
  ) throws(JobError) -> FileStore {
    let forkGeneration = cposix_fork_begin()
    let places = try StateDirectory.open(
      project: project, acceptsAnyFileSystem: options.acceptsAnyFileSystem)
    return FileStore(places, options: options, forkGeneration: forkGeneration)
  }

  /// This is a child of the process that opened it (PROTOCOL R16).
  @inline(__always)
  var isForked: Bool { cposix_fork_generation() != forkGeneration }

  var mends: Bool { !options.isReadOnly && !isChecking }

  func checkUsable() throws(JobError) {
    if isForked {
      throw JobError(.forked, "this manager was opened before fork; open another in the child")
    }
    if isMovedAway {
      throw JobError(
        .io, "\(places.statePath) was moved or replaced while this manager owned jobs in it",
        osError: ESTALE)
    }
    if lostDescriptors {
      throw JobError(
        .io, "the host closed descriptors of this manager; close it and open another",
        osError: EBADF)
    }
  }

  func require(_ id: String) throws(JobError) -> JobState {
    guard let job = try state.job(id) else { throw state.notFound(id) }
    return job
  }

  @inline(never)
  func ownedLog(of job: JobState) -> OwnedLog? {
    if let log = logs.owned(job.log?.number) { return log }
    for worker in job.crew { if let log = logs.owned(worker.log.number) { return log } }
    return nil
  }

  // MARK: Reading

  /// Sees what others have done, without a lock and without writing anything.
  func refresh() throws(JobError) {
    try checkUsable()
    if isOverlaid { reset() }
    try catchUp()
    try overlayForeignEdits()
  }

  /// Begins at the snapshot again.
  func reset() {
    keepOwn()
    partial = PartialItems()
    take(FileState())
    logs.startAnew()
    lost.forgetAll()
    readFrom = nil
    isOverlaid = false
    journal?.rewind()
  }

  /// Another state in the place of the one before.
  func take(_ state: FileState) {
    self.state = state
    pack = nil
    hasOthersSnapshot = false
    generation += 1
    logs.forgetReaders()
  }

  func use(_ journal: Journal?) { self.journal = journal }

  /// A new journal has the old one's place, with a snapshot of what is in the state.
  func useCompacted(_ journal: Journal, byOther: Bool) {
    use(journal)
    hasOthersSnapshot = byOther
    if byOther { compactions.spendAsOthers(at: Clock.machine) }
    state.isNamed = false
    logs.forgetClosed()
  }

  /// Before a compaction: the state is made of the journal that there is. Jobs of before are void.
  func followSnapshot() throws(JobError) {
    guard hasOthersSnapshot else { return }
    reset()
    try catchUp()
  }

  // MARK: Changing

  /// Runs `body` with the writer lock held and everything folded; publishes if that is due.
  func transact<Result>(
    _ urgency: Urgency = .transition, _ body: () throws(JobError) -> Result
  ) throws(JobError) -> Result {
    let before = try begin()
    defer { unlock() }
    do throws(JobError) {
      let result = try body()
      finish(urgency)
      return result
    } catch {
      abandon(before)
      throw error
    }
  }

  /// The lock is held then. Gives the last event before the transaction.
  private func begin() throws(JobError) -> UInt64 {
    try checkUsable()
    if options.isReadOnly { throw JobError(.unsupported, "this manager is read-only") }
    try lock()
    do throws(JobError) {
      try takeInForeignEdits()
      try proveOwn(mends: true)
      try heal()
    } catch {
      unlock()
      throw error
    }
    // It is told when it can be.
    if !lost.parts.isEmpty { try? lost.isInSnapshot ? compact() : mendLostRecords(anew: true) }
    return state.seq
  }

  private func finish(_ urgency: Urgency) {
    // Else whoever comes next does it.
    try? heal()
    dropClosedLogs()
    publish(urgency, Clock.machine)
    compactIfNeeded()
  }

  private func abandon(_ before: UInt64) {
    dropClosedLogs()
    if state.seq != before { debt.owe() }
  }

  /// As `transact`, but gives up at once when somebody else has the lock: nil.
  func transactIfFree(_ body: () throws(JobError) -> Void) throws(JobError) -> Bool {
    guard !options.isReadOnly, try lockIfFree() else { return false }
    defer { unlock() }
    try body()
    return true
  }

  /// PROTOCOL R3: encodes, appends, syncs, then applies. Whatever fails, nothing has happened.
  func append(_ changes: [Change], durable: Bool) throws(JobError) {
    guard !changes.isEmpty else { return }
    var pids: [Int64] = []
    for change in changes { pids.append(ownerPid(of: jobOwned(by: change))) }
    try append(durable: durable) { add throws(JobError) in
      for change in changes { try add(change) }
    }
    for index in changes.indices {
      keepWorkerFile(of: jobOwned(by: changes[index]), was: pids[index])
    }
  }

  /// One change, without an array for it.
  func append(_ change: Change, durable: Bool) throws(JobError) {
    let id = jobOwned(by: change)
    let pid = ownerPid(of: id)
    try append(durable: durable) { add throws(JobError) in try add(change) }
    keepWorkerFile(of: id, was: pid)
  }

  /// The job whose owner a change may change.
  private func jobOwned(by change: Change) -> String? {
    change.mayChangeOwner ? change.jobID : nil
  }

  private func append(
    durable: Bool, _ fill: ((Change) throws(JobError) -> Void) throws(JobError) -> Void
  ) throws(JobError) {
    guard let journal, journal.isLocked else { throw JobError(.io, "the journal is not locked") }
    try partial.requireSound()
    if durable { try makeNamed() }
    let time = clock.realtimeMs
    journalBytes.clear()
    var seq = state.seq
    try fill { change throws(JobError) in
      seq &+= 1
      try Record.append(
        to: journalBytes, kind: change.kind, seq: seq, synced: journal.durableSeq,
        salt: journal.salt
      ) { buffer throws(JobError) in
        try change.encode(time: time, to: buffer)
        if let (job, place) = closingLog(change), let log = job.log(at: place) {
          LogEnd(log).encode(to: buffer)
        }
      }
    }
    let (begin, known) = (journal.end, journal.durableSeq)
    try journal.append(journalBytes.bytes, durable: durable ? seq : nil)
    // From the bytes, like every reader: what is applied is what was written.
    var offset = 0
    do throws(JobError) {
      while let record = Record.parse(journalBytes.bytes, at: offset, salt: journal.salt) {
        try apply(record)
        journal.pass(record, at: journal.end)
        offset += record.size
      }
    } catch {
      journal.durableSeq = known
      try journal.takeBack(to: begin, after: error)
    }
  }

  /// PROTOCOL R3: a new journal's name must be durable before anything in it is acknowledged.
  func makeNamed() throws(JobError) {
    guard !state.isNamed, let files = places.files else { return }
    try files.sync()
    state.isNamed = true
    try append(.store(.named), durable: false)
  }
}
