import CPosix

// Who runs a job, and whether that process is alive: never a PID alone, but a lock that it holds
// for life (PROTOCOL R4, R14).
extension FileStore {
  /// Of a shared job: any of its workers. nil: nobody can tell.
  func isOwnerAlive(_ job: JobState) throws(JobError) -> Bool? {
    if ownedLog(of: job) != nil { return true }
    for worker in job.crew where try isLocked(worker.log.number) ?? false { return true }
    guard let owner = job.owner else { return nil }
    if let lock = owner.lock { return isHeld(lock, job) }
    if owner.isDetached { return owner.process.pid == 0 ? nil : owner.process.mayBeAlive }
    guard let position = job.log else { return false }
    return try isLocked(position.number)
  }

  /// Whether the owner of a log that is not ours lives.
  private func isLocked(_ number: UInt64) throws(JobError) -> Bool? {
    // Without its reader, for a damaged header says nothing of its owner's life.
    var file = logs.reader(number)?.file
    if file == nil { file = try places.files?.openIfThere(LogFormat.name(number), O_RDONLY) }
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
    if job.isShared { return try closeDeadWorkers(of: job) }
    let isAlive = try isOwnerAlive(job)
    try foldLog(job)
    if isAlive == false { try close(job, 0) }
  }

  private func closeDeadWorkers(of job: JobState) throws(JobError) {
    // From the last one on: closing one moves those behind it.
    var place = job.workerCount
    while place > 0, !job.isRemoved {
      place -= 1
      guard let number = job.log(at: place)?.number, logs.ownLog(number) == nil else { continue }
      let isAlive = try isLocked(number) ?? true
      try foldLog(job)
      if !isAlive { try close(job, place) }
    }
  }

  /// The end of somebody who has died.
  private func close(_ job: JobState, _ place: Int) throws(JobError) {
    try syncForGood(job, place)
    let owner = job.owner(at: place)
    let why = Message("process \(owner?.process.pid ?? 0) ended without leaving the job").text
    try append(
      .job(job.id, job.leaving(owner?.log ?? 0, why, isDeath: true)), durable: false)
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
  func open(
    _ job: JobState, rolling old: OwnedLog? = nil, isShared: Bool = false
  ) throws(JobError) {
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
      header.size = Int64(bytes.count)
      let log = OwnedLog(file, header, inode: try file.status().inode)
      log.sawPause = old?.sawPause ?? false
      let opened: Change =
        if let old {
          .store(
            .rolled(
              job: job.id, owner: process, salt: header.salt,
              worker: job.isShared ? old.number : nil))
        } else if isShared {
          .job(job.id, .joined(by: process, fence: header.salt))
        } else {
          .job(job.id, .started(by: process, fence: header.salt))
        }
      try append(opened, durable: true)
      logs.own(log, inPlaceOf: old)
      job.pass(log)
    } catch {
      // What could not be undone names it. Otherwise a compaction removes it.
      if !journal.isPoisoned { try? files.unlink(name) }
      throw error
    }
  }

  /// PROTOCOL R5: what was reported before a change of status is durable before it.
  func syncLog(of job: JobState) throws(JobError) {
    for place in 0..<job.workerCount { try syncLog(of: job, place) }
  }

  func syncLog(of job: JobState, _ place: Int) throws(JobError) {
    guard var position = job.log(at: place) else { return }
    if let mine = logs.ownLog(position.number) { return try sync(mine, job) }
    guard let reader = try logReader(position) else { return }
    try reader.file.syncData()
    position.synced = position.index
    job.setLog(position, at: place)
  }

  /// Lets go of the logs of jobs that are no longer ours in the state.
  func dropClosedLogs() {
    // A state that is still to be folded says nothing about them.
    guard let journal, journal.end > 0 else { return }
    logs.dropClosed { state.known($0.job)?.place(of: $0.number) != nil }
  }
}

extension LogPosition {
  @inline(__always)
  fileprivate mutating func pass(_ own: OwnedLog) {
    (index, offset, sum) = (own.index, own.end, own.sum)
  }
}

extension JobState {
  /// All that its owner's log has is in it.
  @inline(__always)
  func pass(_ own: OwnedLog) {
    if isShared, let place = place(of: own.number), place > 0 {
      return crew[place - 1].log.pass(own)
    }
    log?.pass(own)
  }

  /// The byte of a host's file on which a lock stands for this job: one file serves any number of
  /// jobs.
  var lockByte: Int64 { Int64(truncatingIfNeeded: createdSeq & (1 << 62 - 1)) }
}
