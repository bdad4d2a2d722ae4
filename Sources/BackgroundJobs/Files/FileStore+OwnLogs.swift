import CPosix

// The logs of this handle: what was acknowledged is in them, or is said once more in a new one.
extension FileStore {
  /// Before the state is made anew: what it says of our jobs.
  func keepOwn() {
    for log in logs.owned where log.kept == nil { log.kept = state.known(log.job) }
  }

  /// When the state is made anew: reads our logs. One that has less than we wrote is told by the next
  /// report, and replaced before the next change. `mends`: under the lock, that is now.
  @inline(never)
  func proveOwn(mends: Bool) throws(JobError) {
    for log in logs.owned where log.kept != nil {
      if let job = state.known(log.job), let place = job.place(of: log.number) {
        if mends { try sync(log, job) } else { try foldLog(job) }
        if job.log(at: place)?.index != log.index || log.failure != nil {
          log.failure = JobError(.damaged, "\(log.file.name) is damaged")
          continue
        }
      }
      log.kept = nil
    }
  }

  /// PROTOCOL R15: a log that cannot be synced, or is damaged, is given up.
  /// `looks`: else it was looked at just now.
  func sync(_ log: OwnedLog, _ job: JobState, looks: Bool = true) throws(JobError) {
    var damage: Message?
    if log.kept != nil, log.failure != nil {
      damage = "it was damaged"
    } else if looks, try isCut(log) {
      damage = "it was cut or deleted"
    } else {
      do throws(JobError) {
        try log.sync()
        setSynced(job, log)
        return
      } catch {}
    }
    let wasLocked = journal?.isLocked ?? false
    if !wasLocked { try lock() }
    defer { if !wasLocked { unlock() } }
    try giveUp(log, damage)
  }

  private func setSynced(_ job: JobState, _ log: OwnedLog) {
    guard let place = job.place(of: log.number), var position = job.log(at: place) else { return }
    position.synced = log.index
    job.setLog(position, at: place)
  }

  /// Whether somebody cut or deleted a log of ours. Throws if all of the store was deleted.
  @inline(never)
  func isCut(_ log: OwnedLog) throws(JobError) -> Bool {
    let status = try status(of: log.file, log.inode)
    guard status.links == 0 else { return status.size < log.end }
    if try places.files?.file.status().links == 0 {
      throw JobError(
        .io, "\(log.file.name) was deleted under its owner", osError: ENOENT)
    }
    return true
  }

  /// Under the lock: a new log takes its place. What the old one has not is in memory. `damage`: to
  /// be told.
  @inline(never)
  private func giveUp(_ log: OwnedLog, _ damage: Message?) throws(JobError) {
    guard let job = state.known(log.job), ownedLog(of: job) === log else { return }
    var told: [Change] = []
    if let damage {
      told = [try setLogAside(log.number, "\(damage) while its owner worked; nothing was lost")]
    }
    if let kept = log.kept {
      try reportLost(in: kept, of: job, beside: job.isShared ? nil : job.log?.index)
    } else {
      try compact(keeping: job)
    }
    try open(job, rolling: log)
    try append(told, durable: true)
  }
}
