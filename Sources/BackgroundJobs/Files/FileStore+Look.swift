// Looks at what others did: for whoever asks, and for those who wait.
extension FileStore {
  /// The job, seen now.
  @inline(never)
  func seen(_ reference: JobReference) throws(JobError) -> JobState {
    try look(at: reference.id)
    return try resolve(reference)
  }

  @inline(never)
  private func look(at id: String) throws(JobError) {
    try reading { () throws(JobError) in
      if let job = try state.job(id) { try foldLog(job) }
    }
  }

  /// The same, with all of its items in memory. What is damaged of them is left.
  func seenWhole(_ reference: JobReference) throws(JobError) -> JobState {
    let job = try seen(reference)
    do throws(JobError) { try job.items.loadAll() } catch {
      guard try leaveDamage() else { throw error }
      return try seen(reference)
    }
    return job
  }

  /// The status now; the owner acknowledges a pause and ends a rate limit that has passed. nil:
  /// removed.
  func lookForChange(
    _ reference: JobReference
  ) throws(JobError) -> (status: JobStatus, isInterrupted: Bool)? {
    let id = reference.id
    try look(at: id)
    guard var job = state.known(id) else { return nil }
    if isOverlaid, ownedLog(of: job) != nil {
      // What another tool asks of the owner is to be an event before it acts on it.
      try transact { () throws(JobError) in }
      guard let found = try state.job(id) else { return nil }
      job = found
    }
    if let log = ownedLog(of: job) {
      guard job.status == .running || job.status == .paused else {
        return try letGo(of: job, log).map { ($0, false) }
      }
      try acknowledge(job, log)
    }
    if job.summary.isRateLimitOver(at: clock.realtimeMs), !options.isReadOnly {
      try transact { () throws(JobError) in
        if let job = try state.job(id) { try closeIfOwnerIsDead(job) }
        try endRateLimit(of: try require(id))
      }
      guard let found = try state.job(id) else { return nil }
      job = found
    }
    let info = try info(job)
    // Who waits has the time that a transition had not.
    publishInPassing(Clock.machine)
    return (info.status, info.status == .paused && info.reason?.bytes == Reason.interrupted.bytes)
  }
}
