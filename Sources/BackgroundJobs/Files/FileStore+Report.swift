import CPosix

// Progress: from its owner one write(2) into the log, from others through the journal.
extension FileStore {
  /// So that a report 30 ms after a pause sees it, on a clock that ticks every 4 ms.
  static let lookInterval: Int64 = 26_000_000
  private static let leastSyncInterval: Int64 = 100_000_000
  private static let mostSyncInterval: Int64 = 1_000_000_000
  /// Above this, and above what a compaction writes, a log is replaced by a new one (PROTOCOL R7).
  private static let rollSize: Int64 = 16 << 20
  private static let clockTolerance: Int64 = 100

  func report(_ id: JobReference, _ report: inout Report) throws(JobError) -> Status {
    if lostDescriptors || isMovedAway { try checkUsable() }
    let job = try resolve(id)
    guard let log = ownedLog(of: job) else { return try reportThroughJournal(id, &report) }
    let now = Clock.machineCoarse
    if now &- log.lastLook >= Self.lookInterval {
      try look(log, job, now, &report)
    } else if log.failure == nil {
      return try record(&report, job, log, now)
    }
    var seen = try resolve(id)
    if let log = ownedLog(of: seen), log.failure != nil {
      try mendFailure(log, seen, now)
      seen = try resolve(id)
    }
    guard let log = ownedLog(of: seen) else { return try reportThroughJournal(id, &report) }
    return try record(&report, seen, log, now)
  }

  @inline(never)
  private func record(
    _ report: inout Report, _ job: JobState, _ log: OwnedLog, _ now: Int64
  ) throws(JobError) -> Status {
    guard job.status == .running || job.status == .paused else { return try end(job, log) }
    if job.isShared { try job.requireShareable(report) }
    if try job.isNews(&report) {
      report.time = awake(now) &- log.base
      // What is written must be applied.
      let room = report.room
      try job.items.reserve(4 + report.newItems, room)
      try job.currentItem.reserve(room)
      if report.cursor != nil { try job.cursor.reserve(room) }
      try log.append(report)
      try job.apply(report, ofLogAt: job.place(of: log.number) ?? 0)
      job.pass(log)
      debt.owe()
    }
    if log.isUnsynced || debt.isOwed { keepUp(log, job, now) }
    return job.status == .paused ? .paused : .ok
  }

  @inline(__always)
  private func awake(_ now: Int64) -> Int64 {
    clock.source == nil ? now / 1_000_000 : clock.awakeMs
  }

  // MARK: What a report does besides, now and then

  /// PROTOCOL R12: what others did to this job, and whether our descriptors are still ours.
  func look(
    _ log: OwnedLog, _ job: JobState, _ now: Int64, _ report: inout Report
  ) throws(JobError) {
    try checkUsable()
    if journal == nil { try catchUp() }
    guard let journal else { return }
    log.lookAtSizeLimit(now)
    let isCut = try isCut(log)
    let theirs = try status(of: journal.file, journal.inode)
    if theirs.size != journal.end || theirs.links == 0 {
      if isOverlaid { reset() }
      try catchUp()
    }
    // A look that failed is not taken for one: the next report looks, and fails, again.
    guard let seen = state.known(log.job), ownedLog(of: seen) === log else { return }
    if isCut { return try transact { () throws(JobError) in try sync(log, seen) } }
    try acknowledge(seen, log)
    log.lastLook = now
    let offset = clock.realtimeMs &- (awake(now) &- log.base)
    let known = seen.log(at: seen.place(of: log.number) ?? 0)?.clockOffset ?? offset
    if abs(offset.clampedAdding(-known)) > Self.clockTolerance { report.clockOffset = offset }
  }

  /// Tells everyone that the owner has seen a pause, or its end.
  func acknowledge(_ job: JobState, _ log: OwnedLog) throws(JobError) {
    guard job.status == .running || job.status == .paused else { return }
    let isPaused = job.status == .paused
    // Of a shared job it is acknowledged once all of them have seen it.
    guard isPaused != log.sawPause || (isPaused && !job.isPauseAcknowledged && !job.isShared)
    else { return }
    var report = Report()
    report.time = clock.awakeMs &- log.base
    report.acknowledgesPause = isPaused
    try log.append(report)
    try job.apply(report, ofLogAt: job.place(of: log.number) ?? 0)
    job.pass(log)
    log.sawPause = isPaused
    debt.owe()
  }

  /// Someone else ended the job: its log is closed. Gives the status that it has; nil: removed.
  func letGo(of job: JobState, _ log: OwnedLog) throws(JobError) -> JobStatus? {
    let id = job.id
    return try transact { () throws(JobError) -> JobStatus? in
      guard let job = try state.job(id), ownedLog(of: job) === log else {
        return try state.job(id)?.status
      }
      guard job.status != .running, job.status != .paused else { return job.status }
      try sync(log, job)
      try append(.job(id, job.leaving(log.number)), durable: true)
      return job.status
    }
  }

  private func end(_ job: JobState, _ log: OwnedLog) throws(JobError) -> Status {
    let id = job.id
    _ = try letGo(of: job, log)
    let rest: Message = "it takes no more reports"
    let ended = try state.job(id).map { Lifecycle.hasEnded($0.summary, rest) }
    throw JobError(.finished, ended ?? Message("\(state.notFound(id).message): \(rest)"))
  }

  /// PROTOCOL R15, R7 and publishing: seldom, and never more than a twentieth of the time. The
  /// report is kept already: what fails here is told by the next one.
  private func keepUp(_ log: OwnedLog, _ job: JobState, _ now: Int64) {
    let since = now &- log.lastSync
    if log.isUnsynced, since >= Self.leastSyncInterval,
      since >= Self.mostSyncInterval || now &- lastSync >= 20 &* log.syncCost
    {
      do throws(JobError) { try sync(log, job, looks: false) } catch {
        log.failure = error
        log.lastFailure = now
      }
      lastSync = now
    }
    log.nextSync = min(
      log.lastSync &+ Self.mostSyncInterval,
      max(log.lastSync &+ Self.leastSyncInterval, lastSync &+ 20 &* log.syncCost))
    publishInPassing(now)
    if log.end > Self.rollSize, now >= log.nextRoll, log.end > compactionSize {
      log.nextRoll = now &+ Self.mostSyncInterval
      let id = job.id
      _ = try? transactIfFree { () throws(JobError) in
        guard let job = state.known(id), ownedLog(of: job) === log else { return }
        try sync(log, job)
        guard ownedLog(of: job) === log else { return }
        try open(job, rolling: log)
        compactIfNeeded()
      }
    }
  }

  private func mendFailure(_ log: OwnedLog, _ job: JobState, _ now: Int64) throws(JobError) {
    guard let failure = log.failure else { return }
    guard now &- log.lastFailure >= Self.leastSyncInterval else { throw failure }
    log.lastFailure = now
    try sync(log, job)
    log.failure = nil
  }

  // MARK: From somebody who is not the owner

  private func reportThroughJournal(
    _ id: JobReference, _ report: inout Report
  ) throws(JobError) -> Status {
    var copy = report
    return try transact(.progress) { () throws(JobError) -> Status in
      let (job, _, already) = try admit(copy.isPreparation ? .prepare : .report, id)
      if let already { return already }
      if job.isShared { try job.requireShareable(copy) }
      if try job.isNews(&copy) {
        copy.time = clock.realtimeMs
        if !job.isShared { copy.seen = job.log?.index }
        let now = Clock.machine
        let isSyncDue = syncThrottle.isDue(at: now)
        try append(.job(job.id, .reported(copy)), durable: isSyncDue)
        if isSyncDue { syncThrottle.spend(at: now, cost: Clock.machine &- now) }
      }
      return job.status == .paused ? .paused : .ok
    }
  }
}
