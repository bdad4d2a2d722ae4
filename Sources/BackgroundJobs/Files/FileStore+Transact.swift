// The primitives of `JobDesk`, on files.
extension FileStore: JobDesk {
  func alone<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
    try transact(.transition, body)
  }

  /// A fold that failed may have left nothing of the state. A job that is not in it then has not been
  /// read: nobody may take it for one that is gone.
  @inline(never)
  func resolve(_ reference: JobReference) throws(JobError) -> JobState {
    if reference.unretained(in: generation) == nil, (journal?.end ?? 0) == 0 { try catchUp() }
    return try reference.resolve(in: state, generation)
  }

  var jobs: State { state }

  func isOwner(of job: JobState) -> Bool { ownedLog(of: job) != nil }

  func takeOwnership(of job: JobState, isShared: Bool) throws(JobError) {
    try open(job, isShared: isShared)
  }

  func ownNumber(in job: JobState) -> UInt64? { job.isShared ? ownedLog(of: job)?.number : nil }

  func aloneBriefly<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
    try transact(.progress, body)
  }

  func hasSeenPause(of job: JobState) -> Bool { ownedLog(of: job)?.sawPause ?? false }

  func acknowledge(_ job: JobState) throws(JobError) {
    if let log = ownedLog(of: job) { try acknowledge(job, log) }
  }

  /// PROTOCOL R5: what was reported before a change is durable before it. The change is made once it
  /// is appended: what follows may fail without undoing it.
  func settle(_ change: JobChange, _ job: JobState) throws(JobError) {
    try syncLog(of: job)
    try append(.job(job.id, change), durable: true)
    if job.isShared, job.status.isFinished, let number = ownNumber(in: job) {
      try? append(.job(job.id, job.leaving(number)), durable: true)
    }
    if case .completed = change { try? removeOldJobs() }
    try? acknowledge(job)
  }

  func note(_ change: JobChange, _ job: JobState) throws(JobError) {
    try append(.job(job.id, change), durable: false)
  }

  func queue() throws(JobError) -> Buffer {
    try refresh()
    return try queue(state)
  }

  func waits(_ reference: JobReference) throws(JobError) -> Buffer {
    let job = try seen(reference)
    return try waits(state, job)
  }

  func lookForClaim(_ request: ClaimRequest) throws(JobError) -> ClaimOutcome {
    try refresh()
    let outcome = try claim(request, state, claims: false)
    // Who waits has the time that a transition had not.
    publishInPassing(Clock.machine)
    return outcome
  }

  func settle(_ change: QueueChange, durable: Bool) throws(JobError) {
    try append(.queue(change), durable: durable)
  }
}
