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
      if let job = state.known(log.job), job.log?.number == log.number {
        if mends { try sync(log, job) } else { try foldLog(job) }
        if job.log?.index != log.index || log.failure != nil {
          log.failure = JobError(.damaged, "\(log.file.name) is damaged")
          continue
        }
      }
      log.kept = nil
    }
  }

  /// PROTOCOL R15: a log that cannot be synced, or is damaged, is given up.
  func sync(_ log: OwnedLog, _ job: JobState) throws(JobError) {
    do throws(JobError) {
      if log.kept != nil, let failure = log.failure { throw failure }
      try log.sync()
      job.log?.synced = log.index
    } catch {
      let wasLocked = journal?.isLocked ?? false
      if !wasLocked { try lock() }
      defer { if !wasLocked { unlock() } }
      try giveUp(log, log.kept != nil ? "it was damaged" : nil)
    }
  }

  /// Somebody cut or deleted a log of ours.
  func replaceCut(_ log: OwnedLog) throws(JobError) {
    try transact { () throws(JobError) in try giveUp(log, "it was cut or deleted") }
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
      try reportLost(in: kept, of: job, beside: job.log?.index)
    } else {
      try compact(keeping: job)
    }
    try open(job, rolling: log)
    try append(told, durable: true)
  }
}
