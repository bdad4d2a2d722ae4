// Changes of a job: who may make them, and what goes before and after them.
extension FileStore {
  /// One transition: asks the life cycle, then `decide`, with the time; nil: nothing is to change.
  func transact(
    _ reference: JobReference, _ operation: Operation,
    _ decide: (JobSummary, Int64) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    try transact(reference, operation) { job throws(JobError) in
      try decide(job.summary, clock.realtimeMs)
    }
  }

  /// The same where the items decide, or what is in them.
  private func transact(
    _ reference: JobReference, _ operation: Operation,
    _ decide: (JobState) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    try transact { () throws(JobError) -> Status in
      let (job, _, already) = try admit(operation, reference)
      if let already { return already }
      guard let change = try decide(job) else { return .ok }
      try settle(change, job)
      return .ok
    }
  }

  /// PROTOCOL R5: what was reported before a change is durable before it. The change is made once it
  /// is appended: what follows may fail without undoing it.
  func settle(_ change: JobChange, _ job: JobState) throws(JobError) {
    try syncLog(of: job)
    try append(.job(job.id, change), durable: true)
    if case .completed = change { try? removeOldJobs() }
    if let log = ownedLog(of: job) { try? acknowledge(job, log) }
  }

  /// Who we are to the job, and what the life cycle says.
  private func admit(
    _ operation: Operation, _ reference: JobReference
  ) throws(JobError) -> (JobState, Caller, Status?) {
    try closeIfOwnerIsDead(try resolve(reference))
    let job = try resolve(reference)
    let caller = try caller(of: job, operation)
    switch Lifecycle.verdict(operation, job.summary, caller, now: clock.realtimeMs) {
    case .go: return (job, caller, nil)
    case .already(let status): return (job, caller, status)
    case .refuse(let status):
      throw JobError(status, Lifecycle.explain(operation, job.summary, status))
    }
  }

  func resolve(_ reference: JobReference) throws(JobError) -> JobState {
    try reference.resolve(in: state, generation)
  }

  // MARK: A job's owner

  func start(_ reference: JobReference) throws(JobError) -> Status {
    let status = try transact { () throws(JobError) -> Status in
      let (job, caller, already) = try admit(.start, reference)
      if let already { return already }
      if caller == .owner { try settle(.resumed, job) } else { try open(job) }
      return .ok
    }
    if status == .ok { dispensers[TextKey(text: reference.id)] = nil }
    return status
  }

  func startDetached(
    _ reference: JobReference, watching process: ProcessIdentity?, lockedBy descriptor: Int32?
  ) throws(JobError) -> Status {
    try transact(reference, .start) { job throws(JobError) in
      var lock: OwnerLock?
      if let descriptor { lock = try self.lock(descriptor, for: job) }
      return .detached(watched: process, lock: lock)
    }
  }

  func leave(_ reference: JobReference, _ why: String?) throws(JobError) -> Status {
    try transact { () throws(JobError) -> Status in
      let (job, _, already) = try admit(.leave, reference)
      if let already { return already }
      if let log = ownedLog(of: job), log.sawPause, job.status == .running {
        try? acknowledge(job, log)
        return .resumed
      }
      try settle(.left(why: why), job)
      return .ok
    }
  }

  /// Another live owner is to see that the job has failed.
  func fail(
    _ reference: JobReference, _ operation: Operation, _ reason: String, _ why: String?
  ) throws(JobError) -> Status {
    try transact(reference, operation) { job throws(JobError) in
      let ownerIsToSee = job.log != nil && ownedLog(of: job) == nil
      return .failed(reason: reason, error: why, ownerIsToSee: ownerIsToSee)
    }
  }

  // MARK: A job's items and config

  func plan(_ reference: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    try transact(reference, .plan) { job throws(JobError) in
      .planned(items, beside: try job.mark(of: items))
    }
  }

  /// Gives how many open ones were withdrawn.
  func replan(
    _ reference: JobReference, _ items: PackedItems
  ) throws(JobError) -> (status: Status, withdrawn: Int) {
    var withdrawn = 0
    let status = try transact(reference, .plan) { job throws(JobError) in
      let plan = try job.markOfNewPlan(items)
      withdrawn = plan.withdrawn
      return .replanned(items, plan.mark)
    }
    return (status, withdrawn)
  }

  func retry(_ reference: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    try transact(reference, .retry) { job throws(JobError) in
      try job.requireFailed(items)
      return .retried(items)
    }
  }

  /// What another tool has put into the config before stays, unless it is named in the new one.
  func configure(_ reference: JobReference, _ config: String) throws(JobError) -> Status {
    try transact(reference, .plan) { job throws(JobError) in
      let config = try JobConfig.check(config, type: job.type)
      let before = job.members["config"] ?? ""
      let merged = JobConfig.keepingOthers(in: config, before, job.foreignEdits)
      return merged == before ? nil : .configured(merged)
    }
  }
}
