// Every change of status.
extension Job {
  /// Takes the job and runs it: the caller becomes its owner, until it ends the job, leaves it,
  /// closes the manager or dies. Possible for a pending or interrupted job, one whose rate limit
  /// has passed, and one that this manager owns.
  ///
  /// Started `shared`, it may have any number of workers: who starts it so while it runs joins them. It
  /// gives each item to one of them (``next()``), and is interrupted when the last one has gone.
  ///
  /// - Parameters:
  ///   - anyway: Also if a limit is full, or its time in the queue has not come.
  ///   - shared: Beside others, who start it so, too.
  /// - Returns: `.paused` when somebody paused it: it was not started; ``wait(for:timeoutMs:)`` for
  ///   `.pending`, then start again.
  /// - Throws: `.waiting` (it was not started: a limit is full, or its time has not come; the message
  ///   says which), `.busy` (another live process owns it), `.finished`, `.illegalTransition`
  ///   (another tool runs it).
  @discardableResult
  public func start(anyway: Bool = false, shared: Bool = false) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in
      try storage.start(reference, anyway: anyway, isShared: shared)
    }
  }

  /// Runs it without an owner, for launchers and scripts: it goes on when this manager is closed,
  /// and everyone may report.
  ///
  /// - Parameters:
  ///   - pid: The process whose end interrupts the job; nil: nobody judges whether it lives.
  ///   - descriptor: Instead of a pid, an open regular file, which gets a lock: the job is
  ///     interrupted when the last process that has this open file has closed it or ended.
  ///   - anyway: As in ``start(anyway:shared:)``.
  /// - Throws: as ``start(anyway:shared:)``; `.invalid` when there is no such process or file.
  @discardableResult
  public func startDetached(
    watching pid: Int64? = nil, lockedBy descriptor: Int32? = nil, anyway: Bool = false
  ) throws(JobError) -> Status {
    guard pid == nil || descriptor == nil else {
      throw JobError(.invalid, "a process or a lock tells of the owner's end, not both")
    }
    var watched: ProcessIdentity?
    if let pid {
      watched = ProcessIdentity.of(pid: pid)
      guard watched != nil else { throw JobError(.invalid, "there is no process \(pid)") }
    }
    return try manager.with { storage throws(JobError) in
      try storage.startDetached(
        reference, watching: watched, lockedBy: descriptor, anyway: anyway)
    }
  }

  /// The owner stops working on it: the job becomes paused, interrupted (`why`, in words), or stays
  /// paused.
  ///
  /// - Returns: `.resumed` when someone resumed it and the owner had not seen that yet: it still
  ///   owns it.
  /// - Throws: `.illegalTransition` when this manager does not own it, `.finished`.
  public func leave(_ why: String? = nil) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in try storage.leave(reference, why) }
  }

  /// Pauses a pending or running job, or replaces the reason of a paused one. Its owner sees that
  /// in the status of its reports.
  ///
  /// - Parameters:
  ///   - reason: A word for programs; nil: `asked`.
  ///   - retryAfter: Seconds after which it may be started again; nil: only ``resume()`` ends the
  ///     pause.
  /// - Throws: `.finished`.
  @discardableResult
  public func pause(reason: String? = nil, retryAfter: Int64? = nil) throws(JobError) -> Status {
    try change(.pause) { _, now throws(JobError) in
      let resumeAt = retryAfter.map { now.clampedAdding($0.clampedSeconds) }
      return .paused(reason: reason ?? Reason.asked, error: nil, resumeAt: resumeAt)
    }
  }

  /// The worker was told to slow down: pauses the running job until that time has passed, which
  /// ends the pause by itself in ``wait(for:timeoutMs:)``.
  ///
  /// If the member `provider` of the job's config names the provider, then it is a limit of all jobs
  /// with that member. Those that run are paused, too; they go on one after the other. One that is
  /// to start before that is paused in its turn.
  ///
  /// - Parameters:
  ///   - provider: Who said so.
  ///   - seconds: What it said, at most 31 days; nil: nothing, 60 s are taken.
  /// - Returns: `.paused` when it was paused already for another reason: that pause stays.
  /// - Throws: `.finished`, `.illegalTransition` when it is not running.
  @discardableResult
  public func rateLimited(
    provider: String? = nil, seconds: Int64? = nil
  ) throws(JobError) -> Status {
    let wait = min(max(1, seconds ?? 60), 31 * 86_400)
    return try rateLimited(provider) { _ throws(JobError) in wait.clampedSeconds }
  }

  /// The same, with what the provider said: seconds, whole or not; `15m`, `1h30m`; an HTTP date; a
  /// time of RFC 3339; seconds or milliseconds since 1970. What has passed is no limit any more.
  ///
  /// - Throws: as above; `.invalid` when it cannot be read, or is more than 31 days off.
  @discardableResult
  public func rateLimited(provider: String? = nil, until when: String) throws(JobError) -> Status {
    try rateLimited(provider) { now throws(JobError) in
      guard let wait = RetryAfter.wait(when, now: now) else {
        throw JobError(
          .invalid, "'\(when)' is no time to wait, no date, or more than 31 days off")
      }
      return wait
    }
  }

  /// `wait` gives the milliseconds from now, which it gets.
  private func rateLimited(
    _ provider: String?, _ wait: (Int64) throws(JobError) -> Int64
  ) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in
      try storage.rateLimited(reference, provider, wait)
    }
  }

  /// Lifts a pause: the job is running again if it has a live owner, else pending. Nothing happens
  /// if it is pending or running.
  ///
  /// - Throws: `.finished`.
  @discardableResult
  public func resume() throws(JobError) -> Status {
    try change(.resume) { _, _ throws(JobError) in .resumed }
  }

  /// Ends the job well. Completing a completed job changes nothing. A job may complete below its
  /// total.
  ///
  /// - Parameter result: JSON text to be kept with it.
  /// - Throws: `.finished` when it has failed, `.busy` when another live process owns it,
  ///   `.invalid` when `result` is not JSON; and what ended a loop over ``remaining()`` early.
  @discardableResult
  public func complete(result: String? = nil) throws(JobError) -> Status {
    try complete(result: result) { _ throws(JobError) in }
  }

  /// The same, unless `refusal` throws at what the job is when nobody else can change it any more.
  @discardableResult
  package func complete(
    result: String?, refusal: (JobInfo) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    #if !hasFeature(Embedded)
      if let error = takeStop() { throw error }
    #endif
    var compact: String?
    if let result {
      compact = try withBytes(of: result) { bytes throws(JobError) in
        try JobConfig.checkValue(bytes, "result")
      }
    }
    return try change(.complete) { job, _ throws(JobError) in
      try refusal(JobInfo(job, isAlive: nil, isOwned: false))
      return .completed(result: compact)
    }
  }

  /// Ends the job badly; `why`, in words. Anyone may do it: a live owner gets `.finished` from its
  /// reports.
  ///
  /// - Returns: `.retrying`: it has attempts left in the queue, and is pending again. Not if another
  ///   live process owns it, or it was never started.
  /// - Throws: `.finished` when it is completed.
  @discardableResult
  public func fail(_ why: String? = nil) throws(JobError) -> Status {
    try end(.fail, Reason.error, why)
  }

  /// As ``fail(_:)``, with the reason `cancelled`.
  @discardableResult
  public func cancel(_ why: String? = nil) throws(JobError) -> Status {
    try end(.cancel, Reason.cancelled, why)
  }

  private func end(_ operation: Operation, _ reason: String, _ why: String?) throws(JobError)
    -> Status
  {
    try manager.with { storage throws(JobError) in
      try storage.fail(reference, operation, reason, why)
    }
  }

  /// Gives a failed job, or a completed one with failed items, another try: it is pending again,
  /// done items stay done, failed ones are forgotten.
  ///
  /// - Throws: `.illegalTransition` when it is neither, `.busy` when its owner has not let go of it
  ///   yet.
  @discardableResult
  public func retry() throws(JobError) -> Status {
    try change(.retry) { _, _ throws(JobError) in .retried(nil) }
  }

  /// The same for some of the failed items: only these are forgotten, the others stay failed.
  ///
  /// - Throws: as ``retry()``; `.invalid` when one of them has not failed.
  @discardableResult
  public func retry(_ items: [String]) throws(JobError) -> Status {
    let packed = Buffer()
    for item in items { packed.appendCounted(item) }
    try packed.requireWhole()
    return try retry(packed: packed)
  }

  package func retry(packed: Buffer) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in
      try storage.retry(reference, PackedItems(packed))
    }
  }

  /// Replaces the config by this JSON text of an object. What another tool has put into the one before
  /// stays, unless it is named here. Possible until the job ends.
  ///
  /// - Throws: `.finished`; `.invalid` when it is not a JSON object.
  @discardableResult
  public func setConfig(_ config: String) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in try storage.configure(reference, config) }
  }

  /// One transition, as the life cycle allows it; `decide` gives nil when nothing is to change.
  private func change(
    _ operation: Operation, _ decide: (JobSummary, Int64) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in
      try storage.transact(reference, operation, decide)
    }
  }
}
