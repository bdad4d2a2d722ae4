/// Changes of jobs as each storage makes them, on a few primitives of its own: so that a rule of the
/// life cycle stands in one place, however jobs are kept.
protocol JobDesk: AnyObject {
  var clock: Clock { get }
  /// What was handed out of plans, by job.
  var dispensers: Dispensers { get set }
  /// What we were given of shared jobs.
  var handouts: [Handout] { get set }
  /// As it is while alone.
  var jobs: State { get }

  /// Runs `body` with everything seen and nobody else changing anything.
  func alone<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result
  func resolve(_ job: JobReference) throws(JobError) -> JobState
  func report(_ job: JobReference, _ report: inout Report) throws(JobError) -> Status
  /// As `alone`, for what no reader of the state file waits for.
  func aloneBriefly<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result

  // All of these: while alone.

  func isOwner(of job: JobState) -> Bool
  /// Of a shared job: which worker is ours; nil: none.
  func ownNumber(in job: JobState) -> UInt64?
  /// nil: nobody can tell.
  func isOwnerAlive(_ job: JobState) throws(JobError) -> Bool?
  /// Before anything else happens to a job, the end of its dead owner does.
  func closeIfOwnerIsDead(_ job: JobState) throws(JobError)
  /// `isShared`: besides others, who may do the same.
  func takeOwnership(of job: JobState, isShared: Bool) throws(JobError)
  /// The owner was told of a pause.
  func hasSeenPause(of job: JobState) -> Bool
  /// Tells everyone that the owner has seen a pause, or its end.
  func acknowledge(_ job: JobState) throws(JobError)
  /// Takes a lock on a file that the host holds open, for as long as it does.
  func lock(_ descriptor: Int32, for job: JobState) throws(JobError) -> OwnerLock
  /// Makes a change, in order with what was reported before it, for good.
  func settle(_ change: JobChange, _ job: JobState) throws(JobError)
  /// The same, but a power cut may undo it: what it follows from is known.
  func note(_ change: JobChange, _ job: JobState) throws(JobError)
  /// Makes a change of the queue. `durable`: else a power cut may undo it.
  func settle(_ change: QueueChange, durable: Bool) throws(JobError)
}

extension JobDesk {
  /// What follows from ends, of this transaction or of one that was killed, and has no event yet.
  func heal() throws(JobError) {
    var turns = 0
    while jobs.mayOwe {
      var isDone = true
      let dependents = try jobs.dependents
      // Who is needed is mostly older, or mostly younger: two turns do it all, and the next nothing.
      for place in dependents.indices {
        let job = dependents[turns % 2 == 0 ? place : dependents.count - 1 - place]
        guard let change = try jobs.consequence(for: job) else { continue }
        try note(change, job)
        isDone = false
      }
      if isDone { jobs.mayOwe = false }
      turns += 1
    }
  }

  func transact(
    _ reference: JobReference, _ operation: Operation,
    _ decide: (JobSummary, Int64) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    try admit(operation, reference) { job throws(JobError) in
      try decide(job.summary, clock.realtimeMs)
    }
  }

  /// Asks the life cycle, then `decide`; nil: nothing is to change.
  func admit(
    _ operation: Operation, _ reference: JobReference,
    _ decide: (JobState) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    try alone { () throws(JobError) -> Status in
      let (job, _, already) = try admit(operation, reference)
      if let already { return already }
      #if MEMORY_STORAGE
        // A storage may have to decide again: it must do no harm.
        _ = try decide(job)
      #endif
      if let change = try decide(job) { try settle(change, job) }
      return .ok
    }
  }

  /// Who we are to the job, and what the life cycle says.
  func admit(
    _ operation: Operation, _ reference: JobReference
  ) throws(JobError) -> (JobState, Caller, Status?) {
    try closeIfOwnerIsDead(try resolve(reference))
    try part(from: try resolve(reference))
    let job = try resolve(reference)
    let caller = try caller(of: job, operation)
    switch Lifecycle.verdict(operation, job.summary, caller, now: clock.realtimeMs) {
    case .go: return (job, caller, nil)
    case .already(let status): return (job, caller, status)
    case .refuse(let status):
      throw JobError(status, Lifecycle.explain(operation, job.summary, status))
    }
  }

  func caller(of job: JobState, _ operation: Operation) throws(JobError) -> Caller {
    if isOwner(of: job) { return .owner }
    guard let owner = job.owner, owner.stands(against: operation) else {
      return .notOwner(ownerIsAlive: false)
    }
    return .notOwner(ownerIsAlive: try isOwnerAlive(job) ?? false)
  }

  // MARK: A job's owner

  /// `anyway`: also where it would have to wait for its place.
  func start(
    _ reference: JobReference, anyway: Bool, isShared: Bool
  ) throws(JobError) -> Status {
    let status = try alone { () throws(JobError) -> Status in
      let (job, caller, already) = try admit(isShared ? .join : .start, reference)
      if let already { return already }
      let isJoined = job.isShared && job.status == .running
      if !isJoined, try isHeldBack(job) { return .paused }
      if caller == .owner {
        try settle(.resumed, job)
      } else {
        if !anyway, !isJoined { try requirePlace(for: job) }
        dropHandout(of: job.id)
        try takeOwnership(of: job, isShared: isShared)
      }
      return .ok
    }
    if status == .ok { dispensers[TextBytes(reference.id)] = nil }
    return status
  }

  func startDetached(
    _ reference: JobReference, watching process: ProcessIdentity?, lockedBy descriptor: Int32?,
    anyway: Bool
  ) throws(JobError) -> Status {
    try alone { () throws(JobError) -> Status in
      let (job, _, already) = try admit(.start, reference)
      if let already { return already }
      if try isHeldBack(job) { return .paused }
      if !anyway { try requirePlace(for: job) }
      var lock: OwnerLock?
      if let descriptor { lock = try self.lock(descriptor, for: job) }
      try settle(.detached(watched: process, lock: lock), job)
      return .ok
    }
  }

  func leave(_ reference: JobReference, _ why: String?) throws(JobError) -> Status {
    try alone { () throws(JobError) -> Status in
      let (job, _, already) = try admit(.leave, reference)
      if let already { return already }
      if job.status == .running, hasSeenPause(of: job) {
        try? acknowledge(job)
        return .resumed
      }
      try settle(leaving(job, why), job)
      return .ok
    }
  }

  /// As whoever works on it here.
  func leaving(_ job: JobState, _ why: String?) -> JobChange {
    guard let number = ownNumber(in: job) else { return .left(why: why) }
    return job.leaving(number, why)
  }

  /// Another live owner is to see that the job has failed.
  func fail(
    _ reference: JobReference, _ operation: Operation, _ reason: String, _ why: String?
  ) throws(JobError) -> Status {
    try alone { () throws(JobError) -> Status in
      var (job, _, already) = try admit(operation, reference)
      if let already { return already }
      let ownerIsToSee = job.log != nil && (!isOwner(of: job) || !job.crew.isEmpty)
      guard operation == .fail, !ownerIsToSee, let entry = job.queue else {
        try settle(.failed(reason: reason, error: why, ownerIsToSee: ownerIsToSee), job)
        return .ok
      }
      // Said again of an attempt that is over.
      if job.status == .pending, job.reason?.bytes == Reason.retrying.bytes { return .retrying }
      guard !job.isBeforeItsStart,
        let retryAt = entry.retry(at: clock.realtimeMs, random: randomBits())
      else {
        try settle(.failed(reason: reason, error: why, ownerIsToSee: false), job)
        return .ok
      }
      if let number = ownNumber(in: job) {
        // Its log ends as that of a worker does.
        try settle(job.leaving(number), job)
        job = try resolve(reference)
      }
      try settle(.attempted(error: why, retryAt: retryAt), job)
      return .retrying
    }
  }

  /// Whoever waits when the time has come lifts the pause, unless a live owner is there to do it.
  func endRateLimit(of job: JobState) throws(JobError) {
    guard job.summary.isRateLimitOver(at: clock.realtimeMs),
      try caller(of: job, .resume) != .notOwner(ownerIsAlive: true)
    else { return }
    try settle(.resumed, job)
  }

  // MARK: A job's items and config

  func plan(_ reference: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    try admit(.plan, reference) { job throws(JobError) in
      try job.hasPlanned(items) ? nil : .planned(items, beside: try job.mark(of: items))
    }
  }

  /// Gives how many open ones were withdrawn.
  func replan(
    _ reference: JobReference, _ items: PackedItems
  ) throws(JobError) -> (status: Status, withdrawn: Int) {
    var withdrawn = 0
    let status = try admit(.plan, reference) { job throws(JobError) in
      let plan = try job.markOfNewPlan(items)
      withdrawn = plan.withdrawn
      return .replanned(items, plan.mark)
    }
    return (status, withdrawn)
  }

  func retry(_ reference: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    try admit(.retry, reference) { job throws(JobError) in
      try job.requireFailed(items)
      return .retried(items)
    }
  }

  /// What another tool has put into the config before stays, unless it is named in the new one.
  func configure(_ reference: JobReference, _ config: String) throws(JobError) -> Status {
    try admit(.plan, reference) { job throws(JobError) in
      let config = try JobConfig.check(config, type: job.type)
      let before = job.members["config"] ?? ""
      let merged = JobConfig.keepingOthers(in: config, before, job.foreignEdits)
      return merged.bytes == before.bytes ? nil : .configured(merged)
    }
  }

  // MARK: Attempts

  func attempts(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer
  ) throws(JobError) -> (all: Int64, unended: Int64)? {
    let items = try resolve(reference).items
    let attempts = items.attempts(at: item)
    try items.requireSound()
    return attempts
  }

  func isDone(_ reference: JobReference, _ item: UnsafeRawBufferPointer) throws(JobError) -> Bool {
    let items = try resolve(reference).items
    let isDone = items.isDone(item)
    try items.requireSound()
    return isDone
  }

  func begin(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
    let status = try self.report(reference, &report)
    let attempts = try attempts(reference, item) ?? (1, 1)
    return (status, attempts.all, attempts.unended)
  }

  func giveBack(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> Status {
    if try resolve(reference).isShared { return try giveBackShared(reference, item) }
    let status = try self.report(reference, &report)
    dispensers[TextBytes(reference.id)]?.takeBack(item)
    return status
  }
}
