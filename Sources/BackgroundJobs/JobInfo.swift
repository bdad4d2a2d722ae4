/// What is known of a job at one moment.
public struct JobInfo: Sendable {
  public var id = ""
  public var type = ""
  public var key: String?
  /// As every reader sees it: a running job with a dead owner is paused.
  public var status = JobStatus.pending
  /// Paused or failed: asked, rate-limit, interrupted, error, cancelled, or a host's own word.
  public var reason: String?
  /// The same in words.
  public var error: String?
  public var current: Int64 = 0
  /// 0: unknown.
  public var total: Int64 = 0
  /// 0 to 100, rounded down.
  public var percentage = 0
  public var currentItem: String?
  public var itemsCompleted = 0
  public var itemsFailed = 0
  /// Planned items that are neither completed nor failed.
  public var itemsPlanned = 0
  /// Items per second of active time; nil: unknown, or not running.
  public var rate: Double?
  /// Seconds of work that remain, and their likely range; nil likewise.
  public var eta: ClosedRange<Double>?
  public var etaSeconds: Double?
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
  // Milliseconds since 1970; nil: not yet, or unknown.
  public var createdMs: Int64?
  public var startedMs: Int64?
  public var updatedMs: Int64?
  public var completedMs: Int64?
  public var resumeAtMs: Int64?
  /// nil: none, or unknown.
  public var ownerPID: Int64?
  public var isOwnedByCaller = false
  public var isPauseAcknowledged = false
  public var attempts: Int64 = 1
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
    info.reason = isInterrupted ? Reason.interrupted : job.reason
    info.error = job.error
    if isInterrupted {
      info.error = "process \(job.owner?.process.pid ?? 0) ended without leaving the job"
    }
    info.current = job.current
    info.total = job.total
    info.percentage = Int(job.percentage)
    if job.currentItem.count > 0 {
      info.currentItem = String(decoding: job.currentItem.bytes, as: UTF8.self)
    }
    info.itemsCompleted = job.items.doneCount
    info.itemsFailed = job.items.failedCount
    info.itemsPlanned = job.items.openCount
    estimate(job, isInterrupted, &info)
    info.activeMs = isInterrupted ? job.clock.total : activeTime(of: job)
    info.createdMs = job.created
    info.startedMs = job.started
    info.updatedMs = job.updated
    info.completedMs = job.completed
    info.resumeAtMs = job.resumeAt
    if isAlive != false, let pid = job.owner?.process.pid, pid != 0 { info.ownerPID = pid }
    info.isOwnedByCaller = ownedLog(of: job) != nil
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
        at: isRunning ? activeTime(of: job) : job.clock.total, prior: prior(for: job))
    else { return }
    if isRunning {
      info.rate = estimate.rate
      info.isStalled = estimate.isStalled
      info.isEstimateFromHistory = estimate.isFromHistory
    }
    guard job.total > 0 else { return }
    if isRunning {
      info.eta = estimate.low...estimate.high
      info.etaSeconds = estimate.eta
    }
    guard let work = Int64(exactly: (min(estimate.eta, 1e12) * 1000).rounded()) else { return }
    info.finishMs = now.clampedAdding(wait).clampedAdding(work)
  }
}
