/// What is known of a job without its items: a copy. A class, for a struct of so many members is moved
/// one by one wherever it goes.
final class JobSummary {
  struct Counts: Equatable {
    var done = 0
    var failed = 0
    var skipped = 0
    /// Planned, and not ended.
    var open = 0
    /// Begun, and not ended.
    var underWay = 0
  }

  let id: String
  let type: String
  let key: String?
  let status: JobStatus
  /// The status as the state file has it: another tool's word, or our own.
  let statusName: String
  let reason: String?
  let error: String?
  let attempts: Int64
  let counts: Counts
  let current: Int64
  let total: Int64
  let currentItem: String?
  // Milliseconds since 1970; nil: not yet, or not known.
  let created: Int64?
  let started: Int64?
  let updated: Int64?
  let completed: Int64?
  let resumeAt: Int64?
  /// 0: nobody knows. nil: it has no owner.
  let ownerPID: Int64?
  let isPauseAcknowledged: Bool
  /// Of a shared job; 0: it is not one.
  let workers: Int
  let claimed: Int
  let refusal: Refusal?
  /// Of milliseconds of work.
  let activeMs: Int64
  let queue: QueueEntry?

  init(_ job: JobState) {
    (id, type, key, status, statusName) = (job.id, job.type, job.key, job.status, job.statusName)
    (reason, error, attempts) = (job.reason, job.error, job.attempts)
    counts = Counts(
      done: job.items.doneCount, failed: job.items.failedCount, skipped: job.items.skippedCount,
      open: job.items.openCount, underWay: job.items.notes.underWayCount)
    (current, total) = (job.current, job.total)
    let shown = job.shownItem
    currentItem = shown.count == 0 ? nil : String(bytes: shown)
    (workers, claimed) = (job.isShared ? job.workerCount : 0, job.claimed.count)
    (created, started, updated) = (job.created, job.started, job.updated)
    (completed, resumeAt) = (job.completed, job.resumeAt)
    ownerPID = job.owner?.process.pid
    isPauseAcknowledged = job.isPauseAcknowledged
    refusal = job.refusal
    activeMs = job.clock.total
    queue = job.queue
  }

  /// Completed, but not all of it went well.
  var hasWarnings: Bool {
    Self.hasWarnings(
      status, failed: counts.failed, isOthersWord: statusName.bytes != status.name.bytes)
  }

  static func hasWarnings(_ status: JobStatus, failed: Int, isOthersWord: Bool) -> Bool {
    status == .completed && (failed > 0 || isOthersWord)
  }

  var percentage: Int64 { Self.percentage(of: total, current: current, open: counts.open) }

  /// Rounded down, 0 to 100; 0 while the total is unknown. Below 100 while planned items are open,
  /// whatever others have been reported.
  static func percentage(of total: Int64, current: Int64, open: Int) -> Int64 {
    guard total > 0, current > 0 else { return 0 }
    let all = Swift.max(total, current.clampedAdding(Int64(open)))
    if current >= all { return 100 }
    return all.dividingFullWidth(current.multipliedFullWidth(by: 100)).quotient
  }

  /// It never ran: what it needs cannot come any more.
  var isFailedByNeed: Bool { status == .failed && reason?.bytes == Reason.dependency.bytes }

  func isRateLimitOver(at now: Int64) -> Bool {
    guard status == .paused, let resumeAt else { return false }
    return resumeAt <= now
  }
}

extension JobState {
  var summary: JobSummary { JobSummary(self) }
}
