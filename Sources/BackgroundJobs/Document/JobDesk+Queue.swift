// The queue, in what is the same for each storage.
extension JobDesk {
  func setRate(_ name: String, _ count: Int64, _ periodMs: Int64) throws(JobError) {
    try alone { () throws(JobError) in
      let known = jobs.provider(name)
      if count == known?.count ?? 0, count == 0 || periodMs == known?.periodMs { return }
      guard known?.count ?? 0 > 0 || jobs.rateCount < Provider.most else {
        throw JobError(.invalid, "there are \(Provider.most) rates; no more are possible")
      }
      try settle(.rated(provider: name, count: count, periodMs: periodMs), durable: true)
    }
  }

  /// A power cut may undo it: then some are permitted twice.
  func permit(_ name: String, _ requests: Int64) throws(JobError) -> (status: Status, waitMs: Int64)
  {
    try alone { () throws(JobError) -> (Status, Int64) in
      guard let provider = jobs.provider(name), provider.count > 0 else {
        throw JobError(.notFound, "there is no rate for \(name)")
      }
      guard requests <= provider.count else {
        throw JobError(
          .invalid, "\(requests) requests are more than the \(provider.count) of a period")
      }
      let (used, wait) = provider.permitting(requests, at: clock.realtimeMs)
      guard let used else { return (.waiting, wait) }
      try settle(
        .permitted(provider: name, earned: used.earned, pushed: used.pushed), durable: false)
      return (.ok, wait)
    }
  }

  // MARK: A limit of one is a limit of all

  /// `wait` gives the milliseconds from now, which it gets; 0: it has passed.
  func rateLimited(
    _ reference: JobReference, _ provider: String?, _ wait: (Int64) throws(JobError) -> Int64
  ) throws(JobError) -> Status {
    try alone { () throws(JobError) -> Status in
      let (job, _, already) = try admit(.rateLimited, reference)
      let now = clock.realtimeMs
      let wait = try wait(now)
      if wait == 0 { return already ?? .ok }
      if let provider, job.provider.bytes == (try quoted(provider)).bytes {
        try limit(provider, now: now, wait)
      }
      // Its own pause is for another reason, and stays.
      if let already { return already }
      // Not all jobs that a provider limits say so in their config.
      try pause(job, provider, now: now, until: now.clampedAdding(wait))
      return .ok
    }
  }

  /// Of all its jobs. `wait`: in milliseconds; 0: it is over.
  func rateLimited(_ provider: String, _ wait: Int64) throws(JobError) {
    try alone { () throws(JobError) in
      let now = clock.realtimeMs
      if wait > 0 { return try limit(provider, now: now, wait) }
      // Only pauses that it is the reason of.
      let mark = Message("\(provider): ").text
      for job in try limited(by: provider) where job.status == .paused {
        if let error = job.error, begins(error, with: mark) { try settle(.resumed, job) }
      }
      // At last: who dies before that is followed by somebody who says it again.
      if jobs.provider(provider) != nil {
        try settle(.throttled(provider: provider, until: 0), durable: true)
      }
    }
  }

  /// They go on one after the other, so that they do not run into the next limit together: spread over
  /// a tenth of the wait, and half a minute at most.
  private func limit(_ provider: String, now: Int64, _ wait: Int64) throws(JobError) {
    let known = jobs.provider(provider)?.limit(at: now) ?? 0
    let until = max(known, now.clampedAdding(wait))
    if known < until {
      try settle(.throttled(provider: provider, until: until), durable: true)
    }
    // Also when it is known: who said it may have died before all were paused.
    let all = try limited(by: provider)
    for (place, job) in all.enumerated() {
      try pause(job, provider, now: now, until: until, share: Int64(place), of: Int64(all.count))
    }
  }

  /// Of two limits, the later one counts. `share`: of the time over which those of one are spread.
  private func pause(
    _ job: JobState, _ provider: String?, now: Int64, until: Int64, share: Int64 = 0,
    of all: Int64 = 1
  ) throws(JobError) {
    if job.status == .paused, job.resumeAt ?? 0 >= until { return }
    let wait = until &- now
    let resumeAt = until.clampedAdding(min(wait / 10, 30_000) &* share / all)
    let limit: Message = "Rate limit exceeded (retry after \((wait + 999) / 1000)s)"
    let error = (provider.map { "\($0): \(limit)" } ?? limit).text
    try settle(.paused(reason: Reason.rateLimit, error: error, resumeAt: resumeAt), job)
  }

  /// Jobs of a provider that run, or wait for a limit. What another tool runs is that tool's.
  private func limited(by provider: String) throws(JobError) -> [JobState] {
    let provider = try quoted(provider)
    var limited: [JobState] = []
    for job in try jobs.jobs({ $0.isOne(of: .running) || $0.isOne(of: .paused) })
    where job.isOurs && job.provider.bytes == provider.bytes {
      try closeIfOwnerIsDead(job)
      let isLimited = job.resumeAt != nil && job.reason?.bytes == Reason.rateLimit.bytes
      if job.status == .running || (job.status == .paused && isLimited) { limited.append(job) }
    }
    return limited
  }

  /// Whether a job that is to start has to wait for its provider: it is paused, then.
  func isHeldBack(_ job: JobState) throws(JobError) -> Bool {
    let now = clock.realtimeMs
    for provider in jobs.providers {
      let until = provider.limit(at: now)
      guard until > now, job.provider.bytes == (try quoted(provider.name)).bytes else { continue }
      // By the golden ratio, any number of them are spread evenly.
      let place = Int64(try limited(by: provider.name).count) &* 618 % 1000
      try pause(job, provider.name, now: now, until: until, share: place, of: 1000)
      return true
    }
    return false
  }

  func quoted(_ text: String) throws(JobError) -> String {
    let buffer = Buffer()
    JSONText(buffer).string(text)
    try buffer.requireWhole()
    return String(bytes: buffer.bytes)
  }
}
