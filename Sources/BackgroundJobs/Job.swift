/// A handle on one job. Any thread may use it.
public final class Job: @unchecked Sendable {
  public let id: String
  let manager: JobManager
  private let reference: JobReference

  init(id: String, manager: JobManager) {
    self.id = id
    self.manager = manager
    reference = JobReference(id)
  }

  // MARK: Reports

  /// Sends one report; `fill` may say several things at once.
  @inline(__always)
  package func send(_ fill: (inout ReportFields) -> Void) throws(JobError) -> Status {
    var fields = ReportFields()
    fill(&fields)
    try fields.check()
    return try manager.with { store throws(JobError) in
      try store.report(reference, &fields.report)
    }
  }

  /// Says in advance what the items are.
  package func plan(packed: Buffer) throws(JobError) -> Status {
    try change(.plan) { job, _ throws(JobError) in
      [.planned(job: job.id, PackedItems(packed))]
    }
  }

  // MARK: Life

  /// Takes the job and runs it. `.paused`: somebody paused it, it was not started.
  @discardableResult
  public func start() throws(JobError) -> Status {
    try manager.with { store throws(JobError) in
      let status = try store.transact { () throws(JobError) -> Status in
        let (job, caller, already) = try admit(.start, store)
        if let already { return already }
        guard caller == .owner else {
          try store.open(job)
          return .ok
        }
        try store.syncLog(of: job)
        try store.append([.resumed(job: job.id)], durable: true)
        if let log = store.ownedLog(of: job) { try? store.acknowledge(job, log) }
        return .ok
      }
      if status == .ok { store.dispensers[id] = nil }
      return status
    }
  }

  /// Runs it without an owner: everyone may report. With a pid, that process' end interrupts it; with a
  /// descriptor of a file, the end of all processes that hold it open (or its close).
  @discardableResult
  public func startDetached(
    watching pid: Int64? = nil, lockedBy descriptor: Int32? = nil
  ) throws(JobError) -> Status {
    guard pid == nil || descriptor == nil else {
      throw JobError(.invalid, "a process or a lock tells of the owner's end, not both")
    }
    var watched: ProcessIdentity?
    if let pid {
      watched = ProcessIdentity.of(pid: pid)
      guard watched != nil else { throw JobError(.invalid, "there is no process \(pid)") }
    }
    return try change(.start) { job, store throws(JobError) in
      var lock: OwnerLock?
      if let descriptor { lock = try store.lock(descriptor, for: job) }
      return [.detached(job: job.id, watched: watched, lock: lock)]
    }
  }

  /// The owner stops working on it. `.resumed`: it was resumed meanwhile, and is still owned.
  public func leave(_ why: String? = nil) throws(JobError) -> Status {
    try manager.with { store throws(JobError) in
      try store.transact { () throws(JobError) -> Status in
        let (job, _, already) = try admit(.leave, store)
        if let already { return already }
        if let log = store.ownedLog(of: job), log.sawPause, job.status == .running {
          try? store.acknowledge(job, log)
          return .resumed
        }
        try store.syncLog(of: job)
        try store.append([.closed(job: job.id, why: why)], durable: true)
        return .ok
      }
    }
  }

  /// `retryAfter`: seconds after which it may be started again.
  @discardableResult
  public func pause(reason: String? = nil, retryAfter: Int64? = nil) throws(JobError) -> Status {
    try change(.pause) { [manager] job, store throws(JobError) in
      _ = manager
      let resumeAt = retryAfter.map { store.clock.realtimeMs.clampedAdding($0.clampedSeconds) }
      return [.paused(job: job.id, reason: reason ?? Reason.asked, error: nil, resumeAt: resumeAt)]
    }
  }

  /// `seconds`: what the provider said; nil: it did not.
  @discardableResult
  public func rateLimited(
    provider: String? = nil, seconds: Int64? = nil
  ) throws(JobError) -> Status {
    let wait = min(max(1, seconds ?? 60), 31 * 86_400)
    let who = provider.map { "\($0): " } ?? ""
    let error = "\(who)Rate limit exceeded (retry after \(wait)s)"
    return try change(.rateLimited) { job, store throws(JobError) in
      let resumeAt = store.clock.realtimeMs.clampedAdding(wait.clampedSeconds)
      return [.paused(job: job.id, reason: Reason.rateLimit, error: error, resumeAt: resumeAt)]
    }
  }

  @discardableResult
  public func resume() throws(JobError) -> Status {
    try change(.resume) { job, _ throws(JobError) in [.resumed(job: job.id)] }
  }

  /// `result`: JSON text.
  @discardableResult
  public func complete(result: String? = nil) throws(JobError) -> Status {
    var compact: String?
    if let result {
      compact = try withBytes(of: result) { bytes throws(JobError) in
        try JobConfig.checkValue(bytes, "result")
      }
    }
    return try change(.complete) { job, store throws(JobError) in
      [.completed(job: job.id, result: compact)]
    }
  }

  @discardableResult
  public func fail(_ why: String? = nil) throws(JobError) -> Status {
    try end(.fail, Reason.error, why)
  }

  @discardableResult
  public func cancel(_ why: String? = nil) throws(JobError) -> Status {
    try end(.cancel, Reason.cancelled, why)
  }

  private func end(_ operation: Operation, _ reason: String, _ why: String?) throws(JobError)
    -> Status
  {
    try change(operation) { job, store throws(JobError) in
      let keepsLog = job.log != nil && store.ownedLog(of: job) == nil
      return [.failed(job: job.id, reason: reason, error: why, keepsLog: keepsLog)]
    }
  }

  @discardableResult
  public func retry() throws(JobError) -> Status {
    try change(.retry) { job, store throws(JobError) in
      [.retried(job: job.id)]
    }
  }

  /// One transition: asks the life cycle, syncs the progress before it, appends.
  private func change(
    _ operation: Operation, _ changes: (JobState, Store) throws(JobError) -> [Change]
  ) throws(JobError) -> Status {
    try manager.with { store throws(JobError) in
      try store.transact { () throws(JobError) -> Status in
        let (job, _, already) = try admit(operation, store)
        if let already { return already }
        try store.syncLog(of: job)
        try store.append(try changes(job, store), durable: true)
        // The change is made: what follows may fail without undoing it.
        if operation == .complete { try? store.removeOldJobs() }
        if let log = store.ownedLog(of: job) { try? store.acknowledge(job, log) }
        return .ok
      }
    }
  }

  /// Who we are to the job, and what the life cycle says.
  private func admit(
    _ operation: Operation, _ store: Store
  ) throws(JobError) -> (JobState, Caller, Status?) {
    var job = try reference.resolve(in: store)
    try store.closeIfOwnerIsDead(job)
    job = try reference.resolve(in: store)
    let caller = try store.caller(of: job, operation)
    switch Lifecycle.verdict(operation, job, caller, now: store.clock.realtimeMs) {
    case .go: return (job, caller, nil)
    case .already(let status): return (job, caller, status)
    case .refuse(let status): throw JobError(status, Lifecycle.explain(operation, job, status))
    }
  }

  /// Waits until the job has one of these statuses. Gives the status it has, whatever the outcome.
  public func wait(
    for statuses: JobStatusSet, timeoutMs: Int64? = nil
  ) throws(JobError) -> (outcome: Status, status: JobStatus) {
    let begin = Clock.machine
    var nap: Int64 = 5
    while true {
      let now = try manager.with { store throws(JobError) in try look(store) }
      guard let (now, isInterrupted) = now else { return (.finished, .other("removed")) }
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

  /// The status now; the owner acknowledges a pause and ends a rate limit that has passed. nil: removed.
  private func look(
    _ store: Store
  ) throws(JobError) -> (status: JobStatus, isInterrupted: Bool)? {
    try store.refresh()
    guard var job = store.state.job(id) else { return nil }
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

  // MARK: Questions

  /// As of this manager's last look.
  package func isDone(_ item: UnsafeRawBufferPointer) -> Bool {
    let answer = try? manager.with { store throws(JobError) -> Bool in
      let job = try reference.resolve(in: store)
      guard let slot = job.items.find(item) else { return false }
      return job.items.mark(of: slot) == .done
    }
    return answer ?? false
  }

  /// The next planned item; nil with `.end`, `.paused`.
  package func next(
    _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    try manager.with { store throws(JobError) in
      let job = try store.lookForNext(reference)
      switch job.status {
      case .completed, .failed:
        throw JobError(.finished, "job \(id) is \(job.status.name): it gives out no items")
      case .paused: return .paused
      default: break
      }
      let dispenser = store.dispensers[id]?.following(job.items) ?? Dispenser(job.items)
      store.dispensers[id] = dispenser
      guard let slot = dispenser.next() else { return .end }
      try take(job.items.bytes(of: slot))
      return .ok
    }
  }

  public func info() throws(JobError) -> JobInfo {
    try manager.with { store throws(JobError) in
      try store.refresh()
      return try store.info(try reference.resolve(in: store))
    }
  }

  /// JSON text of the config; nil: none.
  public func config() throws(JobError) -> String? {
    try manager.with { store throws(JobError) in
      try store.refresh()
      return try reference.resolve(in: store).members["config"]
    }
  }

  /// JSON text of the cursor; nil: none.
  public func cursor() throws(JobError) -> String? {
    try manager.with { store throws(JobError) in
      try store.refresh()
      let cursor = try reference.resolve(in: store).cursor
      return cursor.count == 0 ? nil : String(decoding: cursor.bytes, as: UTF8.self)
    }
  }

  /// The directory for the output of the job's commands, made when it is missing. It goes when the job is
  /// removed.
  package func outputDirectory() throws(JobError) -> String {
    try manager.with { store throws(JobError) in
      try store.refresh()
      return try store.places.makeOutputDirectory(try reference.resolve(in: store).createdSeq)
    }
  }

  /// The job as it would stand in the state file.
  public func json() throws(JobError) -> String {
    try manager.with { store throws(JobError) in
      try store.refresh()
      let buffer = Buffer()
      try StateDocument.encode(
        try reference.resolve(in: store), JSONText(buffer))
      return String(decoding: buffer.bytes, as: UTF8.self)
    }
  }
}

extension Int64 {
  /// Seconds to milliseconds, within what dates can hold.
  var clampedSeconds: Int64 { Swift.min(Swift.max(self, 0), 100 * 366 * 86_400) * 1000 }
}

extension Store {
  /// What completing does besides: only jobs of ours, only completed ones.
  func removeOldJobs() throws(JobError) {
    guard let keep = options.keepFinished else { return }
    try remove(removals(keep: keep) { $0.status == .completed && $0.isOurs })
  }

  /// The job, seen now: the owner looks as often as it does for a report.
  func lookForNext(_ reference: JobReference) throws(JobError) -> JobState {
    let job = try reference.resolve(in: self)
    guard let log = ownedLog(of: job) else {
      try refresh()
      return try reference.resolve(in: self)
    }
    var nothing = Report()
    let now = Clock.machineCoarse
    if now &- log.lastLook >= Self.lookInterval { try look(log, job, now, &nothing) }
    return try reference.resolve(in: self)
  }
}

/// Hands out each open item of a plan once.
final class Dispenser {
  private let items: ItemSet
  private var position = 0
  private var skipped: Set<ItemSet.Slot> = []

  init(_ items: ItemSet) { self.items = items }

  func next() -> ItemSet.Slot? {
    while let slot = items.nextOpen(from: &position) {
      if !skipped.contains(slot) { return slot }
    }
    return nil
  }

  /// The state was made anew: what was handed out and is not reported yet is not handed out again.
  func following(_ now: ItemSet) -> Dispenser {
    if now === items { return self }
    let dispenser = Dispenser(now)
    var place = 0
    while let slot = items.nextOpen(from: &place), place <= position {
      if let same = now.find(items.bytes(of: slot)) { dispenser.skipped.insert(same) }
    }
    for slot in skipped {
      if let same = now.find(items.bytes(of: slot)) { dispenser.skipped.insert(same) }
    }
    return dispenser
  }
}
