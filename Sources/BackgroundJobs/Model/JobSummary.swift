/// What is known of a job without its items: small, and a copy.
struct JobSummary {
  struct Counts: Equatable {
    var done = 0
    var failed = 0
    var skipped = 0
    /// Planned, and not ended.
    var open = 0
    /// Begun, and not ended.
    var underWay = 0
  }

  var id: String
  var type: String
  var key: String?
  var status: JobStatus
  /// The status as the state file has it: another tool's word, or our own.
  var statusName: String
  var reason: String?
  var error: String?
  var attempts: Int64
  var counts: Counts
  var current: Int64
  var total: Int64
  var currentItem: String?
  // Milliseconds since 1970; nil: not yet, or not known.
  var created: Int64?
  var started: Int64?
  var updated: Int64?
  var completed: Int64?
  var resumeAt: Int64?
  /// 0: nobody knows. nil: it has no owner.
  var ownerPID: Int64?
  var isPauseAcknowledged: Bool
  var refusal: Refusal?
  /// Of milliseconds of work.
  var activeMs: Int64

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

  func isRateLimitOver(at now: Int64) -> Bool {
    guard status == .paused, let resumeAt else { return false }
    return resumeAt <= now
  }
}

extension JobState {
  var summary: JobSummary {
    JobSummary(
      id: id, type: type, key: key, status: status, statusName: statusName, reason: reason,
      error: error, attempts: attempts, counts: counts, current: current, total: total,
      currentItem: currentItem.count == 0
        ? nil : String(bytes: currentItem.bytes),
      created: created, started: started, updated: updated, completed: completed,
      resumeAt: resumeAt, ownerPID: owner?.process.pid, isPauseAcknowledged: isPauseAcknowledged,
      refusal: refusal, activeMs: clock.total)
  }

  private var counts: JobSummary.Counts {
    JobSummary.Counts(
      done: items.doneCount, failed: items.failedCount, skipped: items.skippedCount,
      open: items.openCount, underWay: items.notes.underWayCount)
  }
}
