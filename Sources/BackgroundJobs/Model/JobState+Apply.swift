// What each event does to a job. Only `State.apply`, and the fold of an owner's log, call these.
extension JobState {
  /// Every event makes a job ours.
  func touch(_ event: Event) {
    if createdSeq == 0 { createdSeq = event.seq }
    revision = event.seq
    // Beside an open log the latest counts, whichever is folded last.
    updated = log == nil ? event.time : max(updated ?? event.time, event.time)
  }

  func transition(_ event: Event) {
    statusWord = nil
    switch event.change {
    case .opened(_, let process, let salt, let isRoll):
      if !isRoll { refusal = nil }
      isRoll ? roll(to: event.seq, salt) : open(process, salt, event)
    case .closed(_, let why): close(why)
    case .detached(_, let watched, let lock):
      refusal = nil
      detach(watched, lock, event)
    case .paused(_, let reason, let error, let resumeAt):
      if status != .paused { isPauseAcknowledged = false }
      status = .paused
      (self.reason, self.error, self.resumeAt) = (reason, error, resumeAt)
      if owner?.isDetached ?? true { clock.stop(at: event.time) }
    case .resumed: resume(event)
    case .completed(_, let result):
      end(.completed, event)
      self.result = result ?? self.result
      currentItem.clear()
      dropOwner()
    case .failed(_, let reason, let error, let keepsLog):
      end(.failed, event)
      (self.reason, self.error) = (reason, error)
      if !keepsLog { dropOwner() }
    case .retried: retry(nil)
    case .retriedItems(_, let chosen): retry(chosen)
    default: break
    }
  }

  private func open(_ process: ProcessIdentity, _ salt: UInt64, _ event: Event) {
    run(event)
    owner = Owner(process: process, log: event.seq, salt: salt, since: event.time)
    begin(LogPosition(number: event.seq, salt: salt, clockOffset: event.time))
    clock.abandon()
    clock.start(at: 0)
  }

  private func roll(to number: UInt64, _ salt: UInt64) {
    owner?.log = number
    owner?.salt = salt
    // The new log goes on with the clock of the old one.
    begin(LogPosition(number: number, salt: salt, clockOffset: log?.clockOffset ?? 0))
  }

  private func begin(_ log: LogPosition?) {
    self.log = log
    (totalSaid, currentItemSaid, shiftSaid, cursorSaid) = (0, 0, 0, 0)
  }

  private func detach(_ watched: ProcessIdentity?, _ lock: OwnerLock?, _ event: Event) {
    run(event)
    owner = Owner(process: watched ?? ProcessIdentity(), lock: lock, since: event.time)
    begin(nil)
    clock.abandon()
    clock.start(at: event.time)
  }

  private func run(_ event: Event) {
    status = .running
    clearReason()
    started = started ?? event.time
    isPauseAcknowledged = false
    items.nothingIsUnderWay()
    estimator.begin(items: current, active: clock.total)
  }

  private func close(_ why: String?) {
    if status == .running {
      status = .paused
      reason = Reason.interrupted
      error = why
    }
    estimator.feed(items: current, active: clock.total)
    dropOwner()
  }

  private func resume(_ event: Event) {
    clearReason()
    guard let owner else {
      status = .pending
      return
    }
    status = .running
    isPauseAcknowledged = false
    if owner.isDetached { clock.start(at: event.time) }
  }

  private func end(_ end: JobStatus, _ event: Event) {
    if owner?.isDetached ?? false { clock.advance(to: event.time) }
    status = end
    clearReason()
    completed = event.time
    estimator.feed(items: current, active: clock.total)
  }

  /// nil: all items that failed.
  private func retry(_ chosen: PackedItems?) {
    status = .pending
    clearReason()
    completed = nil
    result = nil
    attempts = attempts.clampedAdding(1)
    if let chosen {
      try? chosen.visit { item throws(JobError) in items.forgetFailure(of: item) }
      items.dropForgotten()
    } else {
      items.forgetFailures()
    }
    estimator.skip(to: current, active: clock.total)
  }

  private func clearReason() {
    reason = nil
    error = nil
    resumeAt = nil
  }

  private func dropOwner() {
    owner = nil
    begin(nil)
    isPauseAcknowledged = false
    clock.abandon()
  }

  // MARK: Progress

  /// `fromOwner`: its times move the active clock. Reports of others only count, so that they
  /// commute with the owner's (PROTOCOL R6).
  func apply(_ report: Report, at realtime: Int64, fromOwner: Bool) throws(JobError) {
    if fromOwner { clock.advance(to: report.time) }
    // Of two words the later counts: the owner's stand at places of its log, and who wrote into the
    // journal had read it up to its mark.
    let place = fromOwner ? (log?.index ?? 0) &+ 1 : report.logMark ?? 0
    if let item = report.done {
      _ = try items.markDone(try items.insert(item))
      leaveCurrentItem(item, report.logMark)
    }
    if let item = report.failed {
      let why = report.why.map { String(decoding: $0, as: UTF8.self) }
      _ = try items.markFailed(try items.insert(item), why: why)
      leaveCurrentItem(item, report.logMark)
    }
    if let item = report.skipped {
      let why = report.why.map { String(decoding: $0, as: UTF8.self) }
      _ = try items.markSkipped(try items.insert(item), why: why)
      leaveCurrentItem(item, report.logMark)
    }
    if let item = report.begun {
      // Of a job whose owner says it himself, what others begin is not what he works on.
      let byOwner = fromOwner || log == nil
      items.begin(try items.insert(item), byOwner: byOwner)
      // Of several that are under way, the current one is the oldest.
      if byOwner, items.find(currentItem.bytes).map({ items.isUnderWay($0) }) != true {
        currentItem.clear()
        try currentItem.append(item)
        currentItemSaid = place
      }
    }
    if let item = report.givenBack {
      if let slot = items.find(item) { items.giveBack(slot) }
      leaveCurrentItem(item, report.logMark)
    }
    if let count = report.advance { advances = advances.clampedAdding(count) }
    if let shift = report.shift, place >= shiftSaid { (self.shift, shiftSaid) = (shift, place) }
    if let total = report.total, place >= totalSaid {
      (self.total, totalSaid) = (max(0, total), place)
    }
    if let item = report.currentItem, place >= currentItemSaid {
      currentItem.clear()
      try currentItem.append(item)
      currentItemSaid = place
    }
    if let json = report.cursor, place >= cursorSaid {
      cursor.clear()
      try cursor.append(json)
      cursorSaid = place
    }
    if let paused = report.acknowledgesPause {
      if paused { clock.stop(at: report.time) } else { clock.start(at: report.time) }
      isPauseAcknowledged = paused
    }
    if let offset = report.clockOffset { log?.clockOffset = offset }
    updated = max(updated ?? realtime, realtime)
    guard fromOwner else { return }
    if estimator.isDue(active: clock.total) {
      estimator.feed(items: current, active: clock.total)
    } else if estimator.isFresh, current != estimator.items {
      estimator.skip(to: current, active: clock.total)
      estimator.isFresh = false
    }
  }

  /// What is finished is not being worked on, unless the owner said behind `mark` that it is.
  func leaveCurrentItem(_ item: UnsafeRawBufferPointer, _ mark: UInt64? = nil) {
    if let mark, currentItemSaid > mark { return }
    guard currentItem.count == item.count, currentItem.bytes.elementsEqual(item) else { return }
    currentItem.clear()
    guard !items.trials.isEmpty, let next = items.oldestUnderWay else { return }
    // Without memory for it, nothing is shown.
    try? currentItem.append(items.bytes(of: next))
  }

  func plan(_ packed: PackedItems, beside mark: PlanMark? = nil) throws(JobError) {
    try packed.visit { item throws(JobError) in try items.plan(try items.insert(item)) }
    if let mark, totalSaid > mark.log { return }
    total = max(total, mark?.items ?? Int64(items.accounted))
  }

  func replan(_ packed: PackedItems, _ mark: PlanMark) throws(JobError) {
    try items.replan(packed)
    if log != nil, totalSaid > mark.log { return }
    total = mark.items
  }

  /// For an event that makes these items the plan now, and how many open ones it withdraws.
  func markOfNewPlan(_ packed: PackedItems) throws(JobError) -> (mark: PlanMark, withdrawn: Int) {
    let named = ItemSet()
    var open = 0
    try packed.visit { item throws(JobError) in
      let before = named.known
      _ = try named.insert(item)
      guard named.known > before else { return }
      if !items.hasEnded(item) { open += 1 }
    }
    var (withdrawn, position) = (0, 0)
    while let slot = items.nextOpen(from: &position) {
      if named.find(items.bytes(of: slot)) == nil { withdrawn += 1 }
    }
    let known = Int64(items.endedCount + open)
    // A total that was said, and is not the number of items, stays.
    let isCount = total <= Int64(items.accounted)
    let mark = PlanMark(log: log?.index ?? 0, items: isCount ? known : max(total, known))
    return (mark, withdrawn)
  }

  /// For an event that plans these items now.
  func mark(of packed: PackedItems) throws(JobError) -> PlanMark? {
    guard let log else { return nil }
    let new = ItemSet()
    try packed.visit { item throws(JobError) in
      if !items.accounts(for: item) { _ = try new.insert(item) }
    }
    return PlanMark(log: log.index, items: Int64(items.accounted + new.known))
  }

  // MARK: Another tool's word

  /// The set of done items only grows, so these commute with everything.
  func adopt(
    _ done: PackedItems, _ failed: PackedItems, at time: Int64
  ) throws(JobError) {
    try done.visit { item throws(JobError) in _ = try items.markDone(try items.insert(item)) }
    try failed.visit { item throws(JobError) in
      _ = try items.markFailed(try items.insert(item), why: nil)
    }
    updated = max(updated ?? time, time)
  }

  func takeStatus(from theirs: JobState) {
    refusal = nil
    (status, statusWord) = (theirs.status, theirs.statusWord)
    // A detached job has ended then, and nobody is left to say so.
    if log == nil, status != .running, status != .paused { dropOwner() }
    clearReason()
    (error, updated) = (theirs.error, theirs.updated)
    completed = status.isFinished ? theirs.completed : nil
  }

  func takeLife(from theirs: JobState) {
    takeStatus(from: theirs)
    result = theirs.result
    // Of a job that has not started, the file shows when it was created.
    if theirs.started != created { started = theirs.started }
    progressMembers = theirs.progressMembers
    if theirs.saysNoItems, isOurs {
      total = max(total, theirs.total)
    } else {
      let (counted, before) = (theirs.counted, current)
      let (ownAdvances, ownShift) = (advances, shift)
      keepOurs(in: theirs.items)
      items = theirs.items
      foreignFailures = theirs.foreignFailures
      (total, advances, shift) = (theirs.total, theirs.advances, theirs.shift)
      // A current that was said has these in it.
      let said = progressMembers["current"].flatMap(wholeNumber)
      if isOurs, said == before {
        // It was left as it was: further items are added to it.
        (advances, shift) = (ownAdvances, ownShift)
      } else if said != nil {
        shift = shift.clampedAdding(counted.clampedAdding(-theirs.counted))
      }
    }
    currentItem.clear()
    try? currentItem.append(theirs.currentItem.bytes)
  }

  /// What another tool writes has no plan, no skipped items, and no word why items failed.
  private func keepOurs(in theirs: ItemSet) {
    try? items.forEachPlanned { item throws(JobError) in try theirs.plan(try theirs.insert(item)) }
    items.forEachFailed { slot, item throws(Never) in
      if let why = items.failures[slot] { theirs.note(failureOf: item, why) }
    }
    try? items.forEach(.skipped) { slot, item throws(JobError) in
      _ = try theirs.markSkipped(try theirs.insert(item), why: items.failures[slot])
    }
    try? items.forEachTrial { _, item, trial throws(JobError) in
      theirs.note(trial, of: try theirs.insert(item))
    }
  }

  /// What another state of this job knows besides.
  func addItems(of other: JobState) throws(JobError) {
    try other.items.forEachDone { item throws(JobError) in
      _ = try items.markDone(try items.insert(item))
    }
    try other.items.forEachFailed { slot, item throws(JobError) in
      _ = try items.markFailed(try items.insert(item), why: other.items.failures[slot])
    }
    try other.items.forEach(.skipped) { slot, item throws(JobError) in
      _ = try items.markSkipped(try items.insert(item), why: other.items.failures[slot])
    }
    try other.items.forEachTrial { _, item, trial throws(JobError) in
      items.note(trial, of: try items.insert(item))
    }
    advances = max(advances, other.advances)
  }

  func replace(by theirs: JobState) {
    type = theirs.type
    members = theirs.members
    dependsOn = theirs.dependsOn
    takeLife(from: theirs)
  }
}
