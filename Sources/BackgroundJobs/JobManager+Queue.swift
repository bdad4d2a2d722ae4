// The queue: what all jobs and all processes share.
extension JobManager {
  /// At most so many requests to a provider in a period, of all processes together; 0: no limit any
  /// more. It counts what ``permit(_:requests:)`` is asked for.
  ///
  /// In no period are there more than `count` and what may come at once after a silence: a sixtieth of
  /// it, or as many as one call takes, if that is more.
  ///
  /// - Parameters:
  ///   - provider: A name of 1 to 255 bytes, `github` say.
  ///   - count: 0 to 10^9.
  ///   - periodMs: 1 to 2,678,400,000 (31 days).
  public func setRate(
    _ provider: String, count: Int64, perMs periodMs: Int64
  ) throws(JobError) {
    try check(provider)
    guard Provider.isPossible(count, periodMs) else {
      throw JobError(
        .invalid,
        "\(count) requests in \(periodMs) ms are no rate: 0 to 1000000000 in 1 ms to 31 days")
    }
    try with { storage throws(JobError) in try storage.setRate(provider, count, periodMs) }
  }

  /// Takes requests out of a provider's budget, for whoever waits so long before it makes them.
  ///
  /// They are taken also if the caller dies, but a power cut may give them back.
  ///
  /// - Parameters:
  ///   - provider: Whose budget.
  ///   - requests: 1 to the count of the rate.
  /// - Returns: How many milliseconds to wait. With `.waiting` nothing was taken, for there is more
  ///   ahead than a period and a minute: ask again after that time.
  /// - Throws: `.notFound` if there is no rate for the provider.
  public func permit(
    _ provider: String, requests: Int64 = 1
  ) throws(JobError) -> (status: Status, waitMs: Int64) {
    try check(provider)
    guard requests >= 1 else { throw JobError(.invalid, "the number of requests is \(requests)") }
    return try with { storage throws(JobError) in try storage.permit(provider, requests) }
  }

  /// A provider told somebody to slow down: all jobs whose config names it in `provider` pause, as
  /// by ``Job/rateLimited(provider:seconds:)``, and permits wait.
  ///
  /// - Parameters:
  ///   - provider: Who said so.
  ///   - seconds: What it said, at most 31 days; nil: nothing, 60 s are taken.
  public func rateLimited(_ provider: String, seconds: Int64? = nil) throws(JobError) {
    try limit(provider, min(max(1, seconds ?? 60), 31 * 86_400).clampedSeconds)
  }

  /// The limit of a provider is over before its time: its jobs go on.
  public func rateLimitIsOver(_ provider: String) throws(JobError) { try limit(provider, 0) }

  private func limit(_ provider: String, _ wait: Int64) throws(JobError) {
    try check(provider)
    try with { storage throws(JobError) in try storage.rateLimited(provider, wait) }
  }

  /// The queue as JSON: an object with `providers`, each with `provider`; `count`, `periodMs` and
  /// `burst` if it has a rate; `waitMs`, how long one request would have to wait now; `limitedUntil`,
  /// in milliseconds since 1970, if it told us of a limit. `priorityWorthMs`, -1: strict. `limits`, each
  /// with `scope`, `most` and `running`. `jobs`, the first one first, each with `id`, `type`, `status`,
  /// `priority`, `lane`, and `waits` as in ``Job/waits()``.
  public func queue() throws(JobError) -> String {
    let buffer = try encodedQueue()
    return String(bytes: buffer.bytes)
  }

  package func encodedQueue() throws(JobError) -> Buffer {
    try with { storage throws(JobError) in try storage.queue() }
  }

  private func check(_ provider: String) throws(JobError) {
    try withBytes(of: provider) { bytes throws(JobError) in
      try Limits.checkName(bytes, "the provider")
    }
  }
}

extension Job {
  /// One request to a provider, for whoever has only the job.
  package func permit(of provider: String) throws(JobError) -> (status: Status, waitMs: Int64) {
    try manager.permit(provider)
  }
}
