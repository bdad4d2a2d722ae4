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
      let now = try manager.with { storage throws(JobError) in
        try storage.lookForChange(reference)
      }
      guard let (now, isInterrupted) = now else {
        let status = try manager.with { storage throws(JobError) in
          try storage.removedJob(id)?.status
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
    let gone = try? manager.with { storage throws(JobError) -> String? in
      if let found = try? storage.find(id), found.bytes == id.bytes { return nil }
      return try storage.removedJob(id)?.sentence
    }
    return (gone ?? nil).map { Message($0) } ?? "job \(id) is \(status.name)"
  }
}
