/// What can be done with a job.
enum Operation {
  case start, join, report, plan, prepare, pause, rateLimited, resume, leave, complete, fail
  case cancel, retry, remove, enqueue, depend

  /// As in "cannot …".
  var verb: String {
    switch self {
    case .start, .join: "start"
    case .report: "report on"
    case .plan: "plan"
    case .prepare: "set total or cursor of"
    case .pause: "pause"
    case .rateLimited: "rate-limit"
    case .resume: "resume"
    case .leave: "leave"
    case .complete: "complete"
    case .fail: "fail"
    case .cancel: "cancel"
    case .retry: "retry"
    case .remove: "remove"
    case .enqueue: "enqueue"
    case .depend: "change what is needed by"
    }
  }
}

/// How the caller stands to a job's owner. A dead owner is nobody.
enum Caller: Equatable {
  case owner
  case notOwner(ownerIsAlive: Bool)
}

/// What the life cycle says to an operation.
enum Verdict: Equatable {
  case go
  /// Nothing to do: this status, without an event.
  case already(Status)
  /// Nothing may be done.
  case refuse(Status)
}

/// The table of the life cycle (ARCHITECTURE.md has it, too), in one place.
enum Lifecycle {
  static func verdict(
    _ operation: Operation, _ job: JobSummary, _ caller: Caller, now: Int64
  ) -> Verdict {
    let ownerElsewhere = caller == .notOwner(ownerIsAlive: true)
    switch (operation, job.status) {
    case (.start, .pending), (.join, .pending): return .go
    case (.start, .running), (.join, .running):
      if caller == .owner { return .already(.ok) }
      if operation == .join, job.workers > 0 { return .go }
      return .refuse(ownerElsewhere ? .busy : .illegalTransition)
    case (.start, .paused), (.join, .paused):
      if ownerElsewhere, operation == .start || job.workers == 0 { return .refuse(.busy) }
      return job.isRateLimitOver(at: now) || job.reason?.bytes == Reason.interrupted.bytes
        ? .go : .already(.paused)

    case (.report, .running), (.report, .paused): return .go
    case (.prepare, .pending), (.prepare, .running), (.prepare, .paused): return .go
    case (.plan, .pending), (.plan, .running), (.plan, .paused): return .go
    case (.enqueue, .pending), (.enqueue, .running), (.enqueue, .paused): return .go
    case (.enqueue, .failed), (.depend, .failed):
      // It never ran, and is as before when that can come again.
      return job.isFailedByNeed ? .go : .refuse(.finished)
    case (.depend, .pending): return .go
    case (.depend, .paused): return job.started == nil ? .go : .refuse(.illegalTransition)

    case (.pause, .pending), (.pause, .running), (.pause, .paused): return .go
    case (.rateLimited, .running): return .go
    case (.rateLimited, .paused):
      return job.reason?.bytes == Reason.rateLimit.bytes ? .go : .already(.paused)

    case (.resume, .paused): return .go
    case (.resume, .pending), (.resume, .running): return .already(.ok)

    case (.leave, .running), (.leave, .paused):
      return caller == .owner ? .go : .refuse(.illegalTransition)

    case (.complete, .pending), (.complete, .running), (.complete, .paused):
      // What others have may come back.
      if job.workers > 1, job.counts.open > 0 { return .refuse(.busy) }
      return ownerElsewhere ? .refuse(.busy) : .go
    case (.complete, .completed): return .already(.ok)

    case (.fail, .pending), (.fail, .running), (.fail, .paused): return .go
    case (.cancel, .pending), (.cancel, .running), (.cancel, .paused): return .go
    case (.fail, .failed), (.cancel, .failed): return .already(.ok)

    case (.retry, .failed):
      if job.isFailedByNeed { return .refuse(.illegalTransition) }
      return ownerElsewhere ? .refuse(.busy) : .go
    case (.retry, .completed):
      if ownerElsewhere { return .refuse(.busy) }
      return job.hasWarnings || job.counts.open > 0 ? .go : .refuse(.illegalTransition)

    case (.remove, .completed), (.remove, .failed): return ownerElsewhere ? .refuse(.busy) : .go

    case (.retry, _), (.remove, _): return .refuse(.illegalTransition)
    case (_, .completed), (_, .failed): return .refuse(.finished)
    default: return .refuse(.illegalTransition)
    }
  }

  static func explain(_ operation: Operation, _ job: JobSummary, _ status: Status) -> Message {
    let what: Message = "job \(job.id) is \(job.statusName)"
    switch status {
    case .finished: return hasEnded(job, "cannot \(operation.verb) it")
    case .busy:
      let pid = job.ownerPID ?? 0
      if job.workers > 1 {
        return "\(what) with \(job.workers) workers: cannot \(operation.verb) it"
      }
      return "\(what), process \(pid) owns it: cannot \(operation.verb) it"
    case .illegalTransition where operation == .leave && !job.status.isFinished:
      return "\(what), this manager does not own it: cannot leave it"
    case .illegalTransition where job.status == .running && job.ownerPID ?? 0 == 0:
      return "\(what), and nothing is known of its owner: cannot \(operation.verb) it."
        + " If nobody works on it, cancel it and retry it first"
    case .illegalTransition where job.isFailedByNeed:
      return "\(what): \(job.error ?? ""). Retry that one, or take away that it is needed"
    case .illegalTransition where job.status == .completed:
      return "\(what) and has neither failed nor open items: cannot \(operation.verb) it"
    default:
      return "\(what): cannot \(operation.verb) it"
    }
  }

  /// To who wants something of a job that has ended; of a cancelled one, only why.
  static func hasEnded(_ job: JobSummary, _ rest: Message) -> Message {
    guard job.status == .failed, job.reason?.bytes == Reason.cancelled.bytes else {
      return "job \(job.id) is \(job.statusName): \(rest)"
    }
    guard let error = job.error else { return "job \(job.id) was cancelled" }
    return "job \(job.id) was cancelled: \(error)"
  }
}
