// What of a job is ours alone, in its member `bgjobs`.
extension StateDocument {
  static func encodeOurs(_ job: JobState, _ out: JSONText) throws(JobError) {
    try out.name("bgjobs")
    try out.beginObject()
    try out.member("created", Int64(clamping: job.createdSeq))
    try out.member("rev", Int64(clamping: job.revision))
    if let key = job.key { try out.member("key", key) }
    if let reason = job.reason { try out.member("reason", reason) }
    if job.attempts != 1 { try out.member("attempts", job.attempts) }
    if let created = job.created { try out.date("createdAt", created) }
    if let started = job.started { try out.date("firstStartedAt", started) }
    if let resumeAt = job.resumeAt { try out.date("resumeAt", resumeAt) }
    if job.isPauseAcknowledged { try out.member("acknowledged", raw: "true") }
    if let owner = job.owner { try encode(owner, out) }
    if let log = job.log { try out.member("clockOffset", log.clockOffset) }
    if job.advances != 0 { try out.member("advances", job.advances) }
    if job.shift != 0 { try out.member("shift", job.shift) }
    if job.cursor.count > 0 {
      try out.name("cursor")
      try out.raw(job.cursor.bytes)
    }
    try encodeClock(job, out)
    if out.hasItems {
      try encodePlan(job, out)
      try encodeFailures(job, out)
      try encodeSkipped(job, out)
      try encodeTrials(job, out)
    }
    try encodeOthers(of: job, out)
    try out.endObject()
  }

  private static func encode(_ owner: Owner, _ out: JSONText) throws(JobError) {
    try out.name("owner")
    try out.beginObject()
    if owner.process.pid != 0 {
      try out.member("pid", owner.process.pid)
      try out.member("startTicks", Int64(clamping: owner.process.startTicks))
      try out.member("namespace", Int64(clamping: owner.process.namespace))
      try out.member("boot", hexadecimal: owner.process.boot)
    }
    if let lock = owner.lock {
      try out.member("lock", lock.path)
      try out.member("device", Int64(clamping: lock.device))
      try out.member("inode", Int64(clamping: lock.inode))
      try out.member("boot", hexadecimal: lock.boot)
    }
    try out.date("since", owner.since)
    if owner.log != 0 {
      try out.member("log", Int64(clamping: owner.log))
      try out.member("salt", hexadecimal: owner.salt)
    }
    try out.endObject()
  }

  private static func encodeClock(_ job: JobState, _ out: JSONText) throws(JobError) {
    if job.clock.total != 0 { try out.member("activeMs", job.clock.total) }
    if let mark = job.clock.mark { try out.member("activeMark", mark) }
    try encode(job.estimator, out)
    guard job.total > 0, let estimate = currentEstimate(job), let eta = whole(estimate.eta),
      let low = whole(estimate.low), let high = whole(estimate.high)
    else { return }
    try out.name("etaRange")
    try out.numbers(low, high)
    if let updated = job.updated {
      try out.date("finishAt", updated.clampedAdding(eta.multipliedClamped(by: 1000)))
    }
  }

  /// Planned items that are not done yet, in order; of the others only that they are done is
  /// needed.
  private static func encodePlan(_ job: JobState, _ out: JSONText) throws(JobError) {
    var hasBegun = false
    try job.items.forEachPlanned { item throws(JobError) in
      if !hasBegun {
        try out.name("plan")
        try out.beginArray()
        hasBegun = true
      }
      try out.element(item)
    }
    if hasBegun { try out.endArray() }
  }

  private static func encodeFailures(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.notes.whyCount > 0 else { return }
    try out.name("failures")
    try out.beginObject()
    try job.items.forEachFailed { slot, item throws(JobError) in
      guard let why = job.items.notes.why(slot), !item.contains(0) else { return }
      try out.next()
      try out.string(item)
      try out.buffer.append(": " as StaticString)
      try out.string(why)
    }
    try out.endObject()
  }

  /// How often items were begun, how often of these without an end, and the place of those that are
  /// under way.
  private static func encodeTrials(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.notes.trialCount > 0 else { return }
    try out.name("begun")
    try out.beginArray()
    try job.items.forEachTrial { item, trial throws(JobError) in
      try out.next()
      try out.buffer.append(UInt8(ascii: "["))
      try out.string(item)
      try out.buffer.append(", " as StaticString)
      try out.integer(Int64(trial.begun))
      try out.buffer.append(", " as StaticString)
      try out.integer(Int64(trial.unended))
      if trial.place > 0 {
        try out.buffer.append(", " as StaticString)
        try out.integer(Int64(trial.place))
      }
      try out.buffer.append(UInt8(ascii: "]"))
    }
    try out.endArray()
  }

  /// Each with why, on a line of its own.
  private static func encodeSkipped(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.skippedCount > 0 else { return }
    try out.name("skipped")
    try out.beginArray()
    try job.items.forEach(.skipped) { slot, item throws(JobError) in
      try out.next()
      try out.buffer.append(UInt8(ascii: "["))
      try out.string(item)
      if let why = job.items.notes.why(slot) {
        try out.buffer.append(", " as StaticString)
        try out.string(why)
      }
      try out.buffer.append(UInt8(ascii: "]"))
    }
    try out.endArray()
  }
}
