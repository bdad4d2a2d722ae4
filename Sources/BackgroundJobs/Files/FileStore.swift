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

  var state = FileState()
  /// Counts how often `state` was made anew: what handles remember of its parts is then void.
  var generation = 0
  var journal: Journal?
  var readers = [UInt64: LogReader]()
  /// By the number of the log.
  var owned = [UInt64: OwnedLog]() { didSet { lastOwned = nil } }
  /// What was looked up last: a worker's reports are about one job for a long time.
  private var lastOwned: OwnedLog?
  /// A log was closed, or the state made anew, since the last look for owned logs to let go of.
  var mayHaveClosedLogs = false
  /// What was handed out of plans, by job.
  var dispensers = [TextKey: Dispenser]()
  /// There is no journal: what the state was read from.
  var readFrom: FileStamp?
  /// Foreign edits were applied for reading only; they are in no event yet.
  var isOverlaid = false
  /// Bytes of logs that were closed since the snapshot.
  var closedLogBytes: Int64 = 0
  /// Jobs went, and may have left output behind.
  var hasRemovedJobs = false
  /// What to do again from the start, because a file went away under a fold.
  var mustRestart = false
  /// Nothing works any more: the host closed our descriptors.
  var lostDescriptors = false
  /// Machine nanoseconds of the last sync of any log.
  var lastSync: Int64 = 0
  /// The state directory was moved away while we owned jobs in it.
  var isMovedAway = false
  /// A publication is owed: it was not due when something changed.
  var owesPublication = false
  /// An edit was displaced, and is to be taken in with a word about it.
  var hasCollided = false
  /// Another tool waits to see what is owed.
  /// A look has met, and told, what another tool wants of a job whose owner lives: it is to be kept. When
  /// that owner is dead, nobody can tell that it lived then.
  var hasSeenRequest = false
  var isPublicationUrgent = false
  /// The event that says so of the last publication by this handle.
  var publishedSeq: UInt64 = 0

  let journalBytes = Buffer()
  let logBytes = Buffer()
  /// The log that `logBytes` is from, and where in it they begin.
  var bufferedLog: (number: UInt64, offset: Int64)?
  let text = Buffer()

  var transitionThrottle = Throttle(burst: 8, interval: 0)
  var progressThrottle = Throttle(burst: 3, interval: 1_000_000_000, breath: 100_000_000)
  var syncThrottle = Throttle(burst: 1, interval: 100_000_000)

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
    guard let job = state.job(id) else { throw state.notFound(id) }
    return job
  }

  @inline(__always)
  func ownedLog(of job: JobState) -> OwnedLog? {
    guard let number = job.log?.number else { return nil }
    if let lastOwned, lastOwned.number == number { return lastOwned }
    return lookUp(number)
  }

  /// Without a reference of its own, and only the one looked up last.
  @inline(__always)
  func unretainedLog(of job: JobState) -> Unmanaged<OwnedLog>? {
    guard let lastOwned, lastOwned.number == job.log?.number else { return nil }
    return Unmanaged.passUnretained(lastOwned)
  }

  private func lookUp(_ number: UInt64) -> OwnedLog? {
    lastOwned = owned[number]
    return lastOwned
  }

  // MARK: Reading

  /// Sees what others have done, without a lock and without writing anything.
  func refresh() throws(JobError) {
    try checkUsable()
    if isOverlaid { reset() }
    try catchUp()
    try overlayForeignEdits()
  }

  func reset() {
    state = FileState()
    generation += 1
    readers = .init()
    bufferedLog = nil
    readFrom = nil
    isOverlaid = false
    closedLogBytes = 0
    mayHaveClosedLogs = true
    journal?.rewind()
  }

  // MARK: Changing

  /// What a change is, and so how eagerly it is published.
  enum Urgency { case transition, progress }

  /// Runs `body` with the writer lock held and everything folded; publishes if that is due.
  func transact<Result>(
    _ urgency: Urgency = .transition, _ body: () throws(JobError) -> Result
  ) throws(JobError) -> Result {
    try checkUsable()
    if options.isReadOnly { throw JobError(.unsupported, "this manager is read-only") }
    try lock()
    defer { unlock() }
    try takeInForeignEdits()
    let before = state.seq
    let result: Result
    do throws(JobError) { result = try body() } catch {
      dropClosedLogs()
      if state.seq != before { owesPublication = true }
      throw error
    }
    dropClosedLogs()
    if state.seq != before, state.seq != publishedSeq { owesPublication = true }
    publishIfDue(urgency)
    compactIfNeeded()
    return result
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
    if durable { try makeNamed(journal) }
    let time = clock.realtimeMs
    journalBytes.clear()
    var seq = state.seq
    try fill { change throws(JobError) in
      seq &+= 1
      try Record.append(
        to: journalBytes, kind: change.kind, seq: seq, synced: journal.durableSeq,
        salt: journal.salt
      ) { buffer throws(JobError) in try change.encode(time: time, to: buffer) }
    }
    try write(journalBytes, to: journal, durable: durable ? seq : nil)
    // From the bytes, like every reader: what is applied is what was written.
    var offset = 0
    while let record = Record.parse(journalBytes.bytes, at: offset, salt: journal.salt) {
      try apply(record)
      journal.lastRecord = (journal.end, record.checksum)
      journal.end += Int64(record.size)
      offset += record.size
    }
  }

  private func write(_ bytes: Buffer, to journal: Journal, durable: UInt64?) throws(JobError) {
    do throws(JobError) {
      try journal.file.write(bytes.bytes, at: journal.end, limit: cposix_file_size_limit())
      if let durable { try journal.sync(durable) }
    } catch {
      do throws(JobError) { try journal.file.truncate(to: journal.end) } catch {
        journal.isPoisoned = true
        // What is whole must not be read by others as having happened.
        try? journal.file.write(Record.noRecord().bytes, at: journal.end, limit: .max)
      }
      throw error
    }
  }

  /// PROTOCOL R3: a new journal's name must be durable before anything in it is acknowledged.
  private func makeNamed(_ journal: Journal) throws(JobError) {
    guard !state.isNamed, let files = places.files else { return }
    try files.sync()
    state.isNamed = true
    try append(.store(.named), durable: false)
  }
}
