import CPosix

// Who runs a job, and whether that process is alive: never a PID alone, but a lock that it holds
// for life (PROTOCOL R4, R14).
extension FileStore {
  /// nil: nobody can tell.
  func isOwnerAlive(_ job: JobState) throws(JobError) -> Bool? {
    guard let owner = job.owner else { return nil }
    if let lock = owner.lock { return isHeld(lock, job) }
    if owner.isDetached { return owner.process.pid == 0 ? nil : owner.process.mayBeAlive }
    if ownedLog(of: job) != nil { return true }
    guard let position = job.log else { return false }
    // Without its reader, for a damaged header says nothing of its owner's life.
    var file = logs.reader(position.number)?.file
    if file == nil {
      file = try places.files?.openIfThere(LogFormat.name(position.number), O_RDONLY)
    }
    return try file?.isLockedByAnother() ?? false
  }

  /// nil: the file is not there any more, or not to be opened, and so nobody can tell.
  private func isHeld(_ lock: OwnerLock, _ job: JobState) -> Bool? {
    guard lock.boot == process.boot else { return false }
    guard let file = try? File.open(path: lock.path), let status = try? file.status(),
      status.device == lock.device, status.inode == lock.inode
    else { return nil }
    return try? file.isLockedByAnother(at: job.lockByte)
  }

  /// Puts a lock for a job on a file that the host holds open, for as long as it does.
  func lock(
    _ descriptor: Int32, for job: JobState
  ) throws(JobError) -> OwnerLock {
    let (path, status) = try File.identify(descriptor)
    guard try File.tryLock(descriptor, at: job.lockByte) else {
      throw JobError(.busy, "job \(job.id): another process holds the lock on \(path)")
    }
    return OwnerLock(path: path, device: status.device, inode: status.inode, boot: process.boot)
  }

  /// Under the lock: what the owner has reported is read, and a dead one's log is closed, before
  /// anything else happens to its job.
  func closeIfOwnerIsDead(_ job: JobState) throws(JobError) {
    guard job.owner != nil else { return }
    let isAlive = try isOwnerAlive(job)
    try foldLog(job)
    guard isAlive == false else { return }
    try syncForGood(job)
    let pid = job.owner?.process.pid ?? 0
    let why = Message("process \(pid) ended without leaving the job").text
    let change: JobChange = job.queue == nil ? .left(why: why) : .died(why: why)
    try append(.job(job.id, change), durable: false)
  }

  func closeDeadOwners() throws(JobError) {
    // By position: closing may replace the entries.
    for position in state.entries.indices {
      guard position < state.entries.count, case .job(let job) = state.entries[position] else {
        continue
      }
      if job.owner != nil { try closeIfOwnerIsDead(job) }
    }
  }

  /// PROTOCOL R4: creates and locks the log, then says so in the journal.
  func open(_ job: JobState, rolling old: OwnedLog? = nil) throws(JobError) {
    guard let journal, let files = places.files else { throw JobError(.io, "no journal") }
    try job.items.loadAll()
    // `opened` carries the log's number as its own, so nothing may come in between.
    try makeNamed()
    let number = state.seq &+ 1
    let name = LogFormat.name(number)
    let file = try places.create(name, in: files)
    do throws(JobError) {
      guard try file.tryLock() else { throw JobError(.busy, "\(file.name) is locked") }
      if old == nil { try file.requireOthers(beside: logs.owned.count) }
      let header = LogFormat.Header(
        epoch: journal.epoch, salt: randomBits(), number: number, owner: process,
        base: old?.base ?? clock.awakeMs, job: job.id)
      let bytes = try LogFormat.encode(header)
      try file.write(bytes.bytes, at: 0, limit: cposix_file_size_limit())
      try file.seek(to: Int64(bytes.count))
      // So that every later fdatasync of it counts (PROTOCOL R5).
      try file.sync()
      try files.sync()
      var whole = header
      whole.size = Int64(bytes.count)
      let log = OwnedLog(file, whole, inode: try file.status().inode)
      log.sawPause = old?.sawPause ?? false
      let opened: Change =
        old == nil
        ? .job(job.id, .started(by: process, fence: header.salt))
        : .store(.rolled(job: job.id, owner: process, salt: header.salt))
      try append(opened, durable: true)
      logs.own(log, inPlaceOf: old)
      job.log?.offset = whole.size
    } catch {
      // What could not be undone names it. Otherwise a compaction removes it.
      if !journal.isPoisoned { try? files.unlink(name) }
      throw error
    }
  }

  /// PROTOCOL R5: what was reported before a change of status is durable before it.
  func syncLog(of job: JobState) throws(JobError) {
    if let mine = ownedLog(of: job) { return try sync(mine, job) }
    guard let position = job.log, let reader = try logReader(position) else { return }
    try reader.file.syncData()
    job.log?.synced = position.index
  }

  /// Lets go of the logs of jobs that are no longer ours in the state.
  func dropClosedLogs() {
    // A state that is still to be folded says nothing about them.
    guard let journal, journal.end > 0 else { return }
    logs.dropClosed { state.known($0.job)?.log?.number == $0.number }
  }
}

extension JobState {
  /// All that its owner's log has is in it.
  @inline(__always)
  func pass(_ own: OwnedLog) {
    log?.index = own.index
    log?.offset = own.end
    log?.sum = own.sum
  }

  /// The byte of a host's file on which a lock stands for this job: one file serves any number of
  /// jobs.
  var lockByte: Int64 { Int64(truncatingIfNeeded: createdSeq & (1 << 62 - 1)) }
}
