// Waiting for what others do.
extension Job {
  /// Waits until the job has one of these statuses, ends, or the time has passed. The owner's wait
  /// acknowledges a pause; a pause with a time ends when that has come. `.pending` also stands for
  /// interrupted, as such a job may be started.
  ///
  /// A job that ends otherwise, and a time that passes, are no errors here: they are **returned**, as
  /// `.finished` and `.timeout`. Only this call returns these two; look at the outcome. A job that
  /// was removed has the status that it had ended with, as long as that is remembered.
  ///
  /// - Parameters:
  ///   - statuses: What to wait for.
  ///   - timeoutMs: Milliseconds; 0: only look; nil: no limit.
  /// - Returns: `.ok` (it has one of these), `.finished` (the job ended in another status, or was
  ///   removed) or `.timeout`; and the status that it has.
  /// - Throws: as every call; never `.finished` or `.timeout`.
  public func wait(
    for statuses: JobStatusSet, timeoutMs: Int64? = nil
  ) throws(JobError) -> (outcome: Status, status: JobStatus) {
    let begin = Clock.machine
    var nap: Int64 = 5
    while true {
      let now = try manager.with { store throws(JobError) in try look(store) }
      guard let (now, isInterrupted) = now else {
        let status = try manager.with { store throws(JobError) in
          store.state.removedJob(id)?.status
        }
        guard let status, status.isFinished else { return (.finished, .other("removed")) }
        return (statuses.contains(status) ? .ok : .finished, status)
      }
      if statuses.contains(now) { return (.ok, now) }
      // Whoever waits to start a job may start an interrupted one.
      if isInterrupted, statuses.contains(JobStatus.pending) { return (.ok, now) }
      if now.isFinished { return (.finished, now) }
      let waited = (Clock.machine - begin) / 1_000_000
      if let timeoutMs, waited >= timeoutMs { return (.timeout, now) }
      let left = timeoutMs.map { max(1, $0 - waited) } ?? nap
      Clock.sleep(milliseconds: min(nap, left))
      nap = min(nap + nap / 2, 50)
    }
  }

  /// To who waited for something else.
  package func hasEnded(as status: JobStatus) -> Message {
    let gone = try? manager.with { store throws(JobError) -> String? in
      store.state.job(id) == nil ? store.state.removedJob(id)?.sentence : nil
    }
    return (gone ?? nil).map { Message($0) } ?? "job \(id) is \(status.name)"
  }

  /// The status now; the owner acknowledges a pause and ends a rate limit that has passed. nil:
  /// removed.
  private func look(
    _ store: Store
  ) throws(JobError) -> (status: JobStatus, isInterrupted: Bool)? {
    try store.refresh()
    guard var job = store.state.job(id) else { return nil }
    if store.isOverlaid, store.ownedLog(of: job) != nil {
      // What another tool asks of the owner is to be an event before it acts on it.
      try store.transact { () throws(JobError) in }
      guard let found = store.state.job(id) else { return nil }
      job = found
    }
    if let log = store.ownedLog(of: job) {
      guard job.status == .running || job.status == .paused else {
        return try store.letGo(of: job, log).map { ($0, false) }
      }
      try store.acknowledge(job, log)
    }
    if job.isRateLimitOver(at: store.clock.realtimeMs), !store.options.isReadOnly {
      try endRateLimit(store)
      guard let found = store.state.job(id) else { return nil }
      job = found
    }
    let info = try store.info(job)
    return (info.status, info.status == .paused && info.reason == Reason.interrupted)
  }

  /// Whoever waits when the time has come lifts the pause, unless a live owner is there to do it.
  private func endRateLimit(_ store: Store) throws(JobError) {
    try store.transact { () throws(JobError) in
      guard var job = store.state.job(id) else { return }
      try store.closeIfOwnerIsDead(job)
      job = try store.require(id)
      guard job.isRateLimitOver(at: store.clock.realtimeMs),
        try store.caller(of: job, .resume) != .notOwner(ownerIsAlive: true)
      else { return }
      try store.syncLog(of: job)
      try store.append([.resumed(job: id)], durable: true)
      if let log = store.ownedLog(of: job) { try? store.acknowledge(job, log) }
    }
  }
}
