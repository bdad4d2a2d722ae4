// The primitives of `JobDesk`, on files.
extension FileStore: JobDesk {
  func alone<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
    try transact(.transition, body)
  }

  func resolve(_ reference: JobReference) throws(JobError) -> JobState {
    try reference.resolve(in: state, generation)
  }

  func isOwner(of job: JobState) -> Bool { ownedLog(of: job) != nil }

  func takeOwnership(of job: JobState) throws(JobError) { try open(job) }

  func hasSeenPause(of job: JobState) -> Bool { ownedLog(of: job)?.sawPause ?? false }

  func acknowledge(_ job: JobState) throws(JobError) {
    if let log = ownedLog(of: job) { try acknowledge(job, log) }
  }

  /// PROTOCOL R5: what was reported before a change is durable before it. The change is made once it
  /// is appended: what follows may fail without undoing it.
  func settle(_ change: JobChange, _ job: JobState) throws(JobError) {
    try syncLog(of: job)
    try append(.job(job.id, change), durable: true)
    if case .completed = change { try? removeOldJobs() }
    try? acknowledge(job)
  }
}
