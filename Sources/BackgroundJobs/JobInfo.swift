/// What is known of a job at one moment.
///
/// It is a copy: what happens to the job later does not change it. Texts come from hosts and other
/// tools; make harmless what you print on a terminal.
public struct JobInfo: Sendable {
  /// 8 hexadecimal digits; other tools use any token.
  public var id = ""
  /// What kind of work it is: `clone-repos`, say.
  public var type = ""
  /// What tells the job apart from others of its type; nil: it was created without one.
  public var key: String?
  /// As every reader sees it: a running job with a dead owner is paused.
  public var status = JobStatus.pending
  /// The status as the state file has it: another tool's word for one that ``status`` stands for,
  /// as `completed_with_warnings`, or for one that we do not know.
  public var statusName = ""
  /// Completed, but not all of it went well: items have failed, or another tool says so.
  public var hasWarnings = false
  /// Paused or failed: asked, rate-limit, interrupted, error, cancelled, or a host's own word; nil
  /// in all other statuses.
  public var reason: String?
  /// The same in words; nil: nobody said any.
  public var error: String?
  /// How far the job is, in items; 0 or above. It may be beyond the total.
  public var current: Int64 = 0
  /// How many items there are. 0: unknown.
  public var total: Int64 = 0
  /// `current` of `total`: 0 to 100, rounded down; 0 while the total is unknown.
  public var percentage = 0
  /// What is being worked on; nil: nothing, or its owner does not say.
  public var currentItem: String?
  /// How many items are done.
  public var itemsCompleted = 0
  /// How many items have failed.
  public var itemsFailed = 0
  /// How many items were skipped.
  public var itemsSkipped = 0
  /// Planned items that have not ended.
  public var itemsOpen = 0
  /// Of these, or beside them: items that were begun and have not ended, while somebody works on the
  /// job.
  public var itemsUnderWay = 0
  /// Items per second of active time; nil: unknown, or not running.
  public var rate: Double?
  /// The likely range of ``eta``, in seconds; nil likewise.
  public var etaRange: ClosedRange<Double>?
  /// Seconds of work that remain; nil: there is no ground for a number, the total is unknown, or
  /// the job is not running.
  public var eta: Double?
  /// Running, and nothing has come for far longer than is usual for this job.
  public var isStalled = false
  /// The numbers rest on finished jobs of the same type, in part at least.
  public var isEstimateFromHistory = false
  /// Milliseconds until a paused job may go on by itself, 0: it need not wait; nil: nobody knows.
  public var waitMs: Int64?
  /// When it will likely be done, the known wait included, in milliseconds since 1970; nil: unknown.
  public var finishMs: Int64?
  /// Milliseconds of work, pauses left out.
  public var activeMs: Int64 = 0
  /// When it was created, in milliseconds since 1970; nil: unknown, another tool made it.
  public var createdMs: Int64?
  /// When it was started first, in milliseconds since 1970; nil: not yet.
  public var startedMs: Int64?
  /// When something was last reported or changed, in milliseconds since 1970; nil: unknown.
  public var updatedMs: Int64?
  /// When it completed or failed, in milliseconds since 1970; nil: not yet.
  public var completedMs: Int64?
  /// Paused for a time: when it may go on, in milliseconds since 1970; nil: only a resume ends the
  /// pause, or it is not paused.
  public var resumeAtMs: Int64?
  /// The process that owns it; nil: none, or unknown.
  public var ownerPID: Int64?
  /// Whether the manager that was asked owns it.
  public var isOwned = false
  /// Paused: whether its owner has seen that, or there is none. Else false.
  public var isPauseAcknowledged = false
  /// 1, and one more with each ``Job/retry()``.
  public var attempts: Int64 = 1
  /// A status that another tool gave it in vain, as its owner lives: `failed`, say; nil: none since
  /// the last start.
  public var refusedStatus: String?
  /// When that was, in milliseconds since 1970; nil likewise.
  public var refusedMs: Int64?
}

extension JobInfo {
  /// Seconds of `eta` and `etaRange` as they are shown everywhere: whole ones, and never 0 while
  /// there is something to do. nil: they cannot be told.
  package func wholeSeconds(_ seconds: Double) -> Int64? {
    guard let whole = Int64(exactly: min(seconds, 9e15).rounded()) else { return nil }
    return total > current || itemsOpen > 0 ? max(1, whole) : whole
  }
}

extension Store {
  func info(_ job: JobState) throws(JobError) -> JobInfo {
    var info = JobInfo()
    let isAlive = try isOwnerAlive(job)
    let isInterrupted = isAlive == false && job.status == .running
    info.id = job.id
    info.type = job.type
    info.key = job.key
    info.status = isInterrupted ? .paused : job.status
    info.statusName = isInterrupted ? info.status.name : job.statusName
    info.hasWarnings = job.hasWarnings
    (info.refusedStatus, info.refusedMs) = (job.refusal?.status, job.refusal?.time)
    info.reason = isInterrupted ? Reason.interrupted : job.reason
    info.error = job.error
    if isInterrupted {
      let pid = job.owner?.process.pid ?? 0
      info.error = Message("process \(pid) ended without leaving the job").text
    }
    info.current = job.current
    info.total = job.total
    info.percentage = Int(job.percentage)
    if job.currentItem.count > 0 {
      info.currentItem = String(decoding: job.currentItem.bytes, as: UTF8.self)
    }
    info.itemsCompleted = job.items.doneCount
    info.itemsFailed = job.items.failedCount
    info.itemsSkipped = job.items.skippedCount
    info.itemsOpen = job.items.openCount
    if job.owner != nil, isAlive != false { info.itemsUnderWay = job.items.underWayCount }
    estimate(job, isInterrupted, &info)
    info.activeMs = isInterrupted ? job.clock.total : activeTime(of: job)
    info.createdMs = job.created
    info.startedMs = job.started
    info.updatedMs = job.updated
    info.completedMs = job.completed
    info.resumeAtMs = job.resumeAt
    if isAlive != false, let pid = job.owner?.process.pid, pid != 0 { info.ownerPID = pid }
    info.isOwned = ownedLog(of: job) != nil
    info.isPauseAcknowledged =
      info.status == .paused && (isAlive != true || job.isPauseAcknowledged)
    info.attempts = job.attempts
    return info
  }

  /// A rate limit's wait belongs to the finish time, but it is no work: rate and eta stay apart.
  private func estimate(_ job: JobState, _ isInterrupted: Bool, _ info: inout JobInfo) {
    let isRunning = job.status == .running && !isInterrupted
    let now = clock.realtimeMs
    if isRunning { info.waitMs = 0 }
    if job.status == .paused, let resumeAt = job.resumeAt {
      info.waitMs = max(0, resumeAt.clampedAdding(-now))
    }
    guard let wait = info.waitMs,
      let estimate = job.estimate(
        at: isRunning ? activeTime(of: job) : job.clock.total, prior: state.prior(for: job))
    else { return }
    if isRunning {
      info.rate = estimate.rate
      info.isStalled = estimate.isStalled
      info.isEstimateFromHistory = estimate.isFromHistory
    }
    guard job.total > 0 else { return }
    if isRunning {
      info.etaRange = estimate.low...estimate.high
      info.eta = estimate.eta
    }
    guard let work = Int64(exactly: (min(estimate.eta, 1e12) * 1000).rounded()) else { return }
    info.finishMs = now.clampedAdding(wait).clampedAdding(work)
  }
}
