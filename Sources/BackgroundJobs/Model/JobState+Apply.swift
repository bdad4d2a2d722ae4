// What each event does to a job. Only `State.apply`, and the fold of an owner's log, call these.
extension JobState {
  /// Every event makes a job ours.
  func touch(_ moment: Moment) {
    if createdSeq == 0 { createdSeq = moment.seq }
    revision = moment.seq
    // Beside an open log the latest counts, whichever is folded last.
    updated = log == nil ? moment.time : max(updated ?? moment.time, moment.time)
  }

  /// But for its creation and its end, which are the state's.
  func apply(_ change: JobChange, at moment: Moment) throws(JobError) {
    switch change {
    case .created, .removed: return
    case .reported(let report):
      forgetDeaths()
      return try apply(report, at: moment.time, fromOwner: owner?.isDetached ?? false)
    case .planned(let items, let mark): return try plan(items, beside: mark)
    case .replanned(let items, let mark): return try replan(items, mark)
    case .configured(let config): return members.set("config", config)
    case .queued(let entry):
      queue = entry
      return
    case .needs(let id, let edge): return setEdge(id, edge)
    case .reinstated:
      status = .pending
      clearReason()
      completed = nil
    case .joined(let process, let fence):
      if status != .running { run(moment) }
      refusal = nil
      clock.start(at: moment.time)
      join(
        Owner(process, log: moment.seq, salt: fence, since: moment.time),
        LogPosition(number: moment.seq, salt: fence, clockOffset: moment.time))
    case .parted(let number, let why, let isDeath):
      let isLast = crew.isEmpty && log?.number == number
      if isLast, status == .running { clock.advance(to: moment.time) }
      part(number)
      if isLast { isDeath ? die(why) : close(why, Reason.interrupted) }
    case .claimed(let items, let fresh, let number):
      return try claim(items, fresh: fresh, for: number)
    case .returned(let items, let number): return try giveBack(items, from: number)
    case .started(let process, let fence):
      refusal = nil
      open(process, fence, moment)
    case .left(let why): close(why, Reason.interrupted)
    case .died(let why): die(why)
    case .detached(let watched, let lock):
      refusal = nil
      detach(watched, lock, moment)
    case .paused(let reason, let error, let resumeAt):
      if status != .paused { unacknowledge() }
      status = .paused
      (self.reason, self.error, self.resumeAt) = (reason, error, resumeAt)
      if owner == nil || countsRealTime { clock.stop(at: moment.time) }
    case .resumed: resume(moment)
    case .completed(let result):
      end(.completed, moment)
      self.result = result ?? self.result
      currentItem.clear()
      // Of a shared one each worker is still to see that.
      if !isShared { dropOwner() }
    case .failed(let reason, let error, let ownerIsToSee):
      end(.failed, moment)
      (self.reason, self.error) = (reason, error)
      if !ownerIsToSee, !isShared { dropOwner() }
    case .attempted(let error, let retryAt):
      end(.failed, moment)
      dropOwner()
      let failures = queue?.failures ?? 0
      retry(nil)
      setTries(failures + 1, retryAt: retryAt)
      (reason, self.error) = (Reason.retrying, error)
    case .retried(let items): retry(items)
    }
    statusWord = nil
  }

  private func open(_ process: ProcessIdentity, _ salt: UInt64, _ moment: Moment) {
    run(moment)
    owner = Owner(process, log: moment.seq, salt: salt, since: moment.time)
    begin(LogPosition(number: moment.seq, salt: salt, clockOffset: moment.time))
    clock.abandon()
    clock.start(at: 0)
  }

  /// `worker`: whose log it replaces, of a shared job.
  func roll(to number: UInt64, _ salt: UInt64, _ worker: UInt64?) {
    if let worker, let place = place(of: worker), place > 0 {
      let worker = crew[place - 1]
      worker.owner = worker.owner.rolled(to: number, salt)
      worker.log = LogPosition(number: number, salt: salt, clockOffset: worker.log.clockOffset)
      return
    }
    owner = owner?.rolled(to: number, salt)
    // The new log goes on with the clock of the old one.
    begin(LogPosition(number: number, salt: salt, clockOffset: log?.clockOffset ?? 0))
  }

  private func begin(_ log: LogPosition?) {
    self.log = log
    (totalSaid, currentItemSaid, shiftSaid, cursorSaid) = (0, 0, 0, 0)
  }

  private func detach(_ watched: ProcessIdentity?, _ lock: OwnerLock?, _ moment: Moment) {
    run(moment)
    owner = Owner(watched ?? ProcessIdentity(), lock: lock, since: moment.time)
    begin(nil)
    clock.abandon()
    clock.start(at: moment.time)
  }

  private func run(_ moment: Moment) {
    status = .running
    clearReason()
    started = started ?? moment.time
    unacknowledge()
    items.notes.nothingIsUnderWay()
    estimator.begin(items: current, active: clock.total)
  }

  /// Who worked on it has ended once more.
  private func die(_ why: String?) {
    guard status == .running, let entry = queue else { return close(why, Reason.interrupted) }
    let begun = owner?.since ?? 0
    // Whoever has reported something is not killed by the job.
    if log?.index ?? 0 > 0 { forgetDeaths() } else { queue = entry.afterDeath(begun: begun) }
    guard let entry = queue, entry.isPoison(begun: begun) else {
      return close(why, Reason.interrupted)
    }
    let text: Message =
      "\(entry.deaths) processes ended while they worked on it, without a report"
    close(text.text, Reason.poison)
  }

  /// What has come of it since it was put into the queue.
  private func setTries(_ failures: Int64, retryAt: Int64) {
    guard let entry = queue?.copy() else { return }
    (entry.failures, entry.retryAt, entry.deaths) = (failures, retryAt, 0)
    queue = entry
  }

  private func forgetDeaths() {
    guard let queue, queue.deaths != 0 else { return }
    setTries(queue.failures, retryAt: queue.retryAt)
  }

  private func close(_ why: String?, _ word: String) {
    if status == .running {
      status = .paused
      reason = word
      error = why
    }
    estimator.feed(items: current, active: clock.total)
    dropOwner()
  }

  private func resume(_ moment: Moment) {
    forgetDeaths()
    clearReason()
    guard let owner else {
      status = .pending
      return
    }
    status = .running
    unacknowledge()
    if owner.isDetached || isShared { clock.start(at: moment.time) }
  }

  private func end(_ end: JobStatus, _ moment: Moment) {
    if countsRealTime { clock.advance(to: moment.time) }
    status = end
    clearReason()
    completed = moment.time
    estimator.feed(items: current, active: clock.total)
  }

  /// nil: all items that failed.
  private func retry(_ chosen: PackedItems?) {
    status = .pending
    clearReason()
    completed = nil
    result = nil
    attempts = attempts.clampedAdding(1)
    forgetClaims()
    setTries(0, retryAt: 0)
    if let chosen {
      try? chosen.visit { item throws(JobError) in items.forgetFailure(of: item) }
      items.dropForgotten()
    } else {
      items.forgetFailures()
    }
    estimator.skip(to: current, active: clock.total)
  }

  func clearReason() {
    reason = nil
    error = nil
    resumeAt = nil
  }

  /// Its clock is that of events, not of its owner.
  private var countsRealTime: Bool { isShared || owner?.isDetached ?? false }

  private func unacknowledge() {
    (isPauseAcknowledged, hasStopped) = (false, false)
    for worker in crew { worker.hasStopped = false }
  }

  func dropOwner() {
    owner = nil
    begin(nil)
    (isShared, claims) = (false, [])
    unacknowledge()
    clock.abandon()
  }
}
