// What of a job is ours alone, in its member `bgjobs`.
extension StateDocument {
  static func encodeOurs(_ job: JobState, _ out: JSONText) throws(JobError) {
    out.name("bgjobs")
    out.beginObject()
    out.member("created", Int64(clamping: job.createdSeq))
    out.member("rev", Int64(clamping: job.revision))
    if let key = job.key { out.member("key", key) }
    if let reason = job.reason { out.member("reason", reason) }
    if job.attempts != 1 { out.member("attempts", job.attempts) }
    if let created = job.created { out.date("createdAt", created) }
    if let started = job.started { out.date("firstStartedAt", started) }
    if let resumeAt = job.resumeAt { out.date("resumeAt", resumeAt) }
    if job.isPauseAcknowledged { out.member("acknowledged", raw: "true") }
    if let owner = job.owner {
      out.name("owner")
      encode(owner, out)
    }
    if let log = job.log { out.member("clockOffset", log.clockOffset) }
    if job.isShared { encodeWorkers(of: job, out) }
    if job.advances != 0 { out.member("advances", job.advances) }
    if job.shift != 0 { out.member("shift", job.shift) }
    if job.cursor.count > 0 {
      out.name("cursor")
      out.raw(job.cursor.bytes)
    }
    encodeClock(job, out)
    if out.hasItems {
      try encodePlan(job, out)
      try encodeFailures(job, out)
      try encodeSkipped(job, out)
      try encodeTrials(job, out)
    }
    if let queue = job.queue {
      out.name("queue")
      out.beginObject()
      out.date("since", queue.since)
      if queue.priority != 0 { out.member("priority", queue.priority) }
      if queue.notBefore != 0 { out.date("notBefore", queue.notBefore) }
      if let lane = queue.lane { out.member("lane", lane) }
      if queue.attempts > 1 { out.member("attempts", queue.attempts) }
      if queue.attempts > 1 || queue.deaths > 0 {
        out.name("tries")
        out.numbers(
          queue.backoff, queue.mostBackoff, queue.failures, queue.retryAt, queue.deaths,
          queue.firstDead)
      }
      out.endObject()
    }
    if !job.after.isEmpty {
      out.name("after")
      out.beginObject()
      for edge in job.after { out.member(edge.needs, Int64(edge.code)) }
      out.endObject()
    }
    encodeOthers(of: job, out)
    out.endObject()
  }

  /// The owner is the first one.
  private static func encodeWorkers(of job: JobState, _ out: JSONText) {
    out.name("workers")
    out.beginArray()
    for place in 0..<job.workerCount {
      out.next()
      out.beginObject()
      if place > 0 {
        let worker = job.crew[place - 1]
        out.name("owner")
        encode(worker.owner, out)
        out.member("clockOffset", worker.log.clockOffset)
      }
      out.name("claims")
      out.beginArray()
      for slot in job.claimed(at: place) { out.element(job.items.bytes(of: slot)) }
      out.endArray()
      out.endObject()
    }
    out.endArray()
    guard !job.returned.isEmpty else { return }
    out.name("returned")
    out.beginArray()
    for slot in job.returned where job.items.mark(of: slot) == .none {
      out.element(job.items.bytes(of: slot))
    }
    out.endArray()
  }

  private static func encode(_ owner: Owner, _ out: JSONText) {
    out.beginObject()
    if owner.process.pid != 0 {
      out.member("pid", owner.process.pid)
      out.member("startTicks", Int64(clamping: owner.process.startTicks))
      out.member("namespace", Int64(clamping: owner.process.namespace))
      out.member("boot", hexadecimal: owner.process.boot)
    }
    if let lock = owner.lock {
      out.member("lock", lock.path)
      out.member("device", Int64(clamping: lock.device))
      out.member("inode", Int64(clamping: lock.inode))
      out.member("boot", hexadecimal: lock.boot)
    }
    out.date("since", owner.since)
    if owner.log != 0 {
      out.member("log", Int64(clamping: owner.log))
      out.member("salt", hexadecimal: owner.salt)
    }
    out.endObject()
  }

  private static func encodeClock(_ job: JobState, _ out: JSONText) {
    if job.clock.total != 0 { out.member("activeMs", job.clock.total) }
    if let mark = job.clock.mark { out.member("activeMark", mark) }
    encode(job.estimator, out)
    guard job.total > 0, let estimate = currentEstimate(job), let eta = whole(estimate.eta),
      let low = whole(estimate.low), let high = whole(estimate.high)
    else { return }
    out.name("etaRange")
    out.numbers(low, high)
    if let updated = job.updated {
      out.date("finishAt", updated.clampedAdding(eta.multipliedClamped(by: 1000)))
    }
  }

  /// Planned items that are not done yet, in order; of the others only that they are done is
  /// needed.
  private static func encodePlan(_ job: JobState, _ out: JSONText) throws(JobError) {
    var hasBegun = false
    try job.items.forEachPlanned { item throws(JobError) in
      if !hasBegun {
        out.name("plan")
        out.beginArray()
        hasBegun = true
      }
      out.element(item)
    }
    if hasBegun { out.endArray() }
  }

  private static func encodeFailures(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.notes.whyCount > 0 else { return }
    out.name("failures")
    out.beginObject()
    try job.items.forEachFailed { slot, item throws(JobError) in
      guard let why = job.items.why(slot), !item.contains(0) else { return }
      out.next()
      out.string(item)
      out.buffer.append(": " as StaticString)
      out.string(why)
    }
    out.endObject()
  }

  /// How often items were begun, how often of these without an end, and the place of those that are
  /// under way.
  private static func encodeTrials(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.notes.trialCount > 0 else { return }
    out.name("begun")
    out.beginArray()
    try job.items.forEachTrial { item, trial throws(JobError) in
      out.next()
      out.buffer.append(UInt8(ascii: "["))
      out.string(item)
      out.buffer.append(", " as StaticString)
      out.integer(Int64(trial.begun))
      out.buffer.append(", " as StaticString)
      out.integer(Int64(trial.unended))
      if trial.place > 0 {
        out.buffer.append(", " as StaticString)
        out.integer(Int64(trial.place))
      }
      out.buffer.append(UInt8(ascii: "]"))
    }
    out.endArray()
  }

  /// Each with why, on a line of its own.
  private static func encodeSkipped(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.skippedCount > 0 else { return }
    out.name("skipped")
    out.beginArray()
    try job.items.forEach(.skipped) { slot, item throws(JobError) in
      out.next()
      out.buffer.append(UInt8(ascii: "["))
      out.string(item)
      if let why = job.items.why(slot) {
        out.buffer.append(", " as StaticString)
        out.string(why)
      }
      out.buffer.append(UInt8(ascii: "]"))
    }
    out.endArray()
  }
}
