/// What is known of a job at one moment.
///
/// What happens to the job later does not change it. Texts come from hosts and other tools; make
/// harmless what you print on a terminal.
public final class JobInfo: @unchecked Sendable {
  private let job: JobSummary
  /// nil: nobody can tell.
  private let isAlive: Bool?
  /// Whether the manager that was asked owns it.
  public let isOwned: Bool

  // Who makes it fills these in, before anybody else has it.

  /// Items per second of active time; nil: unknown, or not running.
  public private(set) var rate: Double?
  /// The likely range of ``eta``, in seconds; nil likewise.
  public private(set) var etaRange: ClosedRange<Double>?
  /// Seconds of work that remain; nil: there is no ground for a number, the total is unknown, or
  /// the job is not running.
  public private(set) var eta: Double?
  /// Running, and nothing has come for far longer than is usual for this job.
  public private(set) var isStalled = false
  /// The numbers rest on finished jobs of the same type, in part at least.
  public private(set) var isEstimateFromHistory = false
  /// Milliseconds until a paused job may go on by itself, 0: it need not wait; nil: nobody knows.
  public private(set) var waitMs: Int64?
  /// When it will likely be done, the known wait included, in milliseconds since 1970; nil: unknown.
  public private(set) var finishMs: Int64?
  /// Milliseconds of work, pauses left out.
  public internal(set) var activeMs: Int64

  /// `isAlive`: whether its owner lives; nil: nobody can tell. `isOwned`: it is the one who asks.
  init(_ job: JobSummary, isAlive: Bool?, isOwned: Bool) {
    (self.job, self.isAlive, self.isOwned) = (job, isAlive, isOwned)
    activeMs = job.activeMs
  }

  private var isInterrupted: Bool { isAlive == false && job.status == .running }
  private var hasOwner: Bool { job.ownerPID != nil && isAlive != false }

  /// 8 hexadecimal digits; other tools use any token.
  public var id: String { job.id }
  /// What kind of work it is: `clone-repos`, say.
  public var type: String { job.type }
  /// What tells the job apart from others of its type; nil: it was created without one.
  public var key: String? { job.key }
  /// As every reader sees it: a running job with a dead owner is paused.
  public var status: JobStatus { isInterrupted ? .paused : job.status }
  /// The status as the state file has it: another tool's word for one that ``status`` stands for,
  /// as `completed_with_warnings`, or for one that we do not know.
  public var statusName: String { isInterrupted ? JobStatus.paused.name : job.statusName }
  /// Completed, but not all of it went well: items have failed, or another tool says so.
  public var hasWarnings: Bool { job.hasWarnings }
  /// Paused or failed: asked, rate-limit, interrupted, error, cancelled, or a host's own word; nil
  /// in all other statuses.
  public var reason: String? { isInterrupted ? Reason.interrupted : job.reason }
  /// The same in words; nil: nobody said any.
  public var error: String? {
    isInterrupted
      ? Message("process \(job.ownerPID ?? 0) ended without leaving the job").text : job.error
  }
  /// How far the job is, in items; 0 or above. It may be beyond the total.
  public var current: Int64 { job.current }
  /// How many items there are. 0: unknown.
  public var total: Int64 { job.total }
  /// `current` of `total`: 0 to 100, rounded down; 0 while the total is unknown.
  public var percentage: Int { Int(job.percentage) }
  /// What is being worked on; nil: nothing, or its owner does not say.
  public var currentItem: String? { job.currentItem }
  /// How many items are done.
  public var itemsCompleted: Int { job.counts.done }
  /// How many items have failed.
  public var itemsFailed: Int { job.counts.failed }
  /// How many items were skipped.
  public var itemsSkipped: Int { job.counts.skipped }
  /// Planned items that have not ended.
  public var itemsOpen: Int { job.counts.open }
  /// Of these, or beside them: items that were begun and have not ended, while somebody works on the
  /// job.
  public var itemsUnderWay: Int { hasOwner ? job.counts.underWay : 0 }
  /// When it was created, in milliseconds since 1970; nil: unknown, another tool made it.
  public var createdMs: Int64? { job.created }
  /// When it was started first, in milliseconds since 1970; nil: not yet.
  public var startedMs: Int64? { job.started }
  /// When something was last reported or changed, in milliseconds since 1970; nil: unknown.
  public var updatedMs: Int64? { job.updated }
  /// When it completed or failed, in milliseconds since 1970; nil: not yet.
  public var completedMs: Int64? { job.completed }
  /// Paused for a time: when it may go on, in milliseconds since 1970; nil: only a resume ends the
  /// pause, or it is not paused.
  public var resumeAtMs: Int64? { job.resumeAt }
  /// The process that owns it; nil: none, or unknown.
  public var ownerPID: Int64? { hasOwner && job.ownerPID != 0 ? job.ownerPID : nil }
  /// Paused: whether its owner has seen that, or there is none. Else false.
  public var isPauseAcknowledged: Bool {
    status == .paused && (isAlive != true || job.isPauseAcknowledged)
  }
  /// 1, and one more with each ``Job/retry()``.
  public var attempts: Int64 { job.attempts }
  /// A status that another tool gave it in vain, as its owner lives: `failed`, say; nil: none since
  /// the last start.
  public var refusedStatus: String? { job.refusal?.status }
  /// When that was, in milliseconds since 1970; nil likewise.
  public var refusedMs: Int64? { job.refusal?.time }
  /// It was put into the queue: see ``Job/enqueue(priority:notBeforeMs:lane:attempts:backoffMs:mostBackoffMs:)``.
  public var isEnqueued: Bool { job.queue != nil }
  /// In the queue, -1000 to 1000, higher first; else 0.
  public var priority: Int64 { job.queue?.priority ?? 0 }
  /// In the queue: not to be started before, in milliseconds since 1970; nil: at any time.
  public var notBeforeMs: Int64? { job.queue.flatMap { $0.notBefore == 0 ? nil : $0.notBefore } }
  /// In the queue: whose limit it shares; nil: it is in no lane.
  public var lane: String? { job.queue?.lane }
  /// In the queue: how often it is tried in all; else 0.
  public var mostAttempts: Int64 { job.queue?.attempts ?? 0 }
  /// In the queue: how many of these attempts have failed.
  public var failures: Int64 { job.queue?.failures ?? 0 }
  /// When it is tried again, in milliseconds since 1970; nil: it does not wait for that.
  public var retryAtMs: Int64? {
    guard reason?.bytes == Reason.retrying.bytes, let time = job.queue?.retryAt else { return nil }
    return time == 0 ? nil : time
  }
  /// Those that work on a shared job; 0: it is not shared, or nobody does.
  public var workers: Int { hasOwner ? job.workers : 0 }
  /// Items that they were given and have not ended.
  public var itemsClaimed: Int { hasOwner ? job.claimed : 0 }
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
  /// A rate limit's wait belongs to the finish time, but it is no work: rate and eta stay apart.
  /// `activeMs` is set; `prior` is asked for when it is of use.
  func estimate(_ job: JobState, at now: Int64, prior: () -> Prior?) {
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
