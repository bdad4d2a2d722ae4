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
  /// It was put into the queue: see ``Job/enqueue(priority:notBeforeMs:lane:attempts:backoffMs:mostBackoffMs:)``.
  public var isEnqueued = false
  /// In the queue, -1000 to 1000, higher first; else 0.
  public var priority: Int64 = 0
  /// In the queue: not to be started before, in milliseconds since 1970; nil: at any time.
  public var notBeforeMs: Int64?
  /// In the queue: whose limit it shares; nil: it is in no lane.
  public var lane: String?
  /// In the queue: how often it is tried in all; else 0.
  public var mostAttempts: Int64 = 0
  /// In the queue: how many of these attempts have failed.
  public var failures: Int64 = 0
  /// Those that work on a shared job; 0: it is not shared, or nobody does.
  public var workers = 0
  /// Items that they were given and have not ended.
  public var itemsClaimed = 0
  /// When it is tried again, in milliseconds since 1970; nil: it does not wait for that.
  public var retryAtMs: Int64?
}

extension JobInfo {
  /// Seconds of `eta` and `etaRange` as they are shown everywhere: whole ones, and never 0 while
  /// there is something to do. nil: they cannot be told.
  package func wholeSeconds(_ seconds: Double) -> Int64? {
    guard let whole = Int64(exactly: min(seconds, 9e15).rounded()) else { return nil }
    return total > current || itemsOpen > 0 ? max(1, whole) : whole
  }
}

extension JobInfo {
  /// `isAlive`: whether its owner lives; nil: nobody can tell. `isOwned`: it is the one who asks.
  init(_ job: JobSummary, isAlive: Bool?, isOwned: Bool) {
    let isInterrupted = isAlive == false && job.status == .running
    (id, type, key) = (job.id, job.type, job.key)
    status = isInterrupted ? .paused : job.status
    statusName = isInterrupted ? JobStatus.paused.name : job.statusName
    hasWarnings = job.hasWarnings
    (refusedStatus, refusedMs) = (job.refusal?.status, job.refusal?.time)
    (reason, error) = (job.reason, job.error)
    if isInterrupted {
      reason = Reason.interrupted
      error = Message("process \(job.ownerPID ?? 0) ended without leaving the job").text
    }
    (current, total, percentage) = (job.current, job.total, Int(job.percentage))
    currentItem = job.currentItem
    itemsCompleted = job.counts.done
    itemsFailed = job.counts.failed
    itemsSkipped = job.counts.skipped
    itemsOpen = job.counts.open
    let hasOwner = job.ownerPID != nil && isAlive != false
    if hasOwner { itemsUnderWay = job.counts.underWay }
    activeMs = job.activeMs
    (createdMs, startedMs, updatedMs) = (job.created, job.started, job.updated)
    (completedMs, resumeAtMs) = (job.completed, job.resumeAt)
    if hasOwner, let pid = job.ownerPID, pid != 0 { ownerPID = pid }
    self.isOwned = isOwned
    isPauseAcknowledged = status == .paused && (isAlive != true || job.isPauseAcknowledged)
    attempts = job.attempts
    if hasOwner { (workers, itemsClaimed) = (job.workers, job.claimed) }
    guard let queue = job.queue else { return }
    (isEnqueued, priority, lane) = (true, queue.priority, queue.lane)
    if queue.notBefore != 0 { notBeforeMs = queue.notBefore }
    (mostAttempts, failures) = (queue.attempts, queue.failures)
    if reason?.bytes == Reason.retrying.bytes, queue.retryAt != 0 { retryAtMs = queue.retryAt }
  }

  /// A rate limit's wait belongs to the finish time, but it is no work: rate and eta stay apart.
  /// `activeMs` is set; `prior` is asked for when it is of use.
  mutating func estimate(_ job: JobState, at now: Int64, prior: () -> Prior?) {
    let isRunning = status == .running
    if isRunning { waitMs = 0 }
    if job.status == .paused, let resumeAt = job.resumeAt {
      waitMs = max(0, resumeAt.clampedAdding(-now))
    }
    guard let wait = waitMs,
      let estimate = job.estimate(
        at: isRunning ? activeMs : job.clock.total, prior: prior())
    else {
      return
    }
    if isRunning {
      rate = estimate.rate
      isStalled = estimate.isStalled
      isEstimateFromHistory = estimate.isFromHistory
    }
    guard job.total > 0 else { return }
    if isRunning {
      etaRange = estimate.low...estimate.high
      eta = estimate.eta
    }
    guard let work = Int64(exactly: (min(estimate.eta, 1e12) * 1000).rounded()) else { return }
    finishMs = now.clampedAdding(wait).clampedAdding(work)
  }
}
