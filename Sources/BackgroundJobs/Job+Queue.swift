// How a job stands in the queue.
extension Job {
  /// Puts an unfinished job up for ``JobManager/claim(types:configMember:timeoutMs:untilEmpty:)``, or
  /// changes how it stands there. What is nil stays as it is.
  ///
  /// The first one is the one with the smallest rank: the time since which it might have been started,
  /// less what its priority is worth, ten minutes a level unless it was set otherwise.
  ///
  /// - Parameters:
  ///   - priority: -1000 to 1000, higher first; 0 at first.
  ///   - notBeforeMs: Not to be started before, in milliseconds since 1970; 0: at any time.
  ///   - lane: Jobs that share it share a limit: 1 to 255 bytes; "": none.
  ///   - attempts: How often it is tried in all, 1 to 1000; 1 at first. When it fails and may be tried
  ///     again, ``fail(_:)`` gives `.retrying`.
  ///   - backoffMs: How long to wait after its first failure, 0 to 31 days; a second at first. Twice as
  ///     long after each other one; half of it is random.
  ///   - mostBackoffMs: It never waits longer than that, 0 to 31 days; an hour at first.
  /// - Throws: `.finished` if it has ended.
  @discardableResult
  public func enqueue(
    priority: Int64? = nil, notBeforeMs: Int64? = nil, lane: String? = nil,
    attempts: Int64? = nil, backoffMs: Int64? = nil, mostBackoffMs: Int64? = nil
  ) throws(JobError) -> Status {
    let request = QueueRequest()
    (request.priority, request.notBefore, request.lane) = (priority, notBeforeMs, lane)
    (request.attempts, request.backoff, request.mostBackoff) = (attempts, backoffMs, mostBackoffMs)
    return try enqueue(request)
  }

  package func enqueue(_ request: QueueRequest) throws(JobError) -> Status {
    try request.check()
    return try manager.with { storage throws(JobError) in try storage.enqueue(reference, request) }
  }

  /// How another job is to end, for this one to start.
  public enum After: UInt8, Sendable {
    /// It completed, whatever became of its items.
    case success = 1
    /// It completed, and no item failed.
    case clean = 2
    /// It ended, in whatever way, or is gone.
    case end = 3
    /// It failed, or was cancelled.
    case failure = 4
  }

  /// The job does not start before the other one has ended so. Said again, the later counts.
  ///
  /// When that can no longer come, the job fails, with the reason `dependency`, and is as before when
  /// the other one is retried.
  ///
  /// - Parameters:
  ///   - id: Of the other job, or the beginning of it.
  ///   - after: How it is to end.
  ///   - holds: When that can no longer come, the job waits instead of failing.
  /// - Throws: `.notFound`, `.ambiguous`; `.invalid` if jobs would wait for each other, which the
  ///   message shows, or it has a thousand already; `.illegalTransition` once it was started.
  @discardableResult
  public func depend(
    on id: String, after: After = .success, holds: Bool = false
  ) throws(JobError) -> Status {
    try setEdge(id, after.rawValue | (holds ? Edge.hold : 0))
  }

  /// The job does not need the other one any more.
  ///
  /// - Parameter id: Of the other job, or the beginning of it.
  @discardableResult
  public func dependNoMore(on id: String) throws(JobError) -> Status { try setEdge(id, nil) }

  package func setEdge(_ id: String, _ code: UInt8?) throws(JobError) -> Status {
    guard !id.isEmpty else { throw JobError(.invalid, "the id is empty") }
    return try manager.with { storage throws(JobError) in try storage.setEdge(reference, id, code) }
  }

  /// What the job waits for, as a JSON array, empty when for nothing. Each is an object with `for`
  /// (`dependency`, `time`, `rate-limit`, `limit`, `pause`, `start` or `worker`) and `text`, a sentence for people;
  /// `until`, in milliseconds since 1970, where that is known; `scope` of a full limit; `provider`; `id` of a job that is needed.
  public func waits() throws(JobError) -> String {
    let buffer = try encodedWaits()
    return String(bytes: buffer.bytes)
  }

  package func encodedWaits() throws(JobError) -> Buffer {
    try manager.with { storage throws(JobError) in try storage.waits(reference) }
  }
}
