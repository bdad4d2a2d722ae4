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
  /// - Throws: `.finished` if it has ended.
  @discardableResult
  public func enqueue(
    priority: Int64? = nil, notBeforeMs: Int64? = nil, lane: String? = nil
  ) throws(JobError) -> Status {
    if let priority, priority.magnitude > QueueEntry.mostPriority.magnitude {
      throw JobError(.invalid, "priority is \(priority); it must be -1000 to 1000")
    }
    if let notBeforeMs, notBeforeMs < 0 || notBeforeMs > Int64.largestJSON {
      throw JobError(.invalid, "\(notBeforeMs) ms since 1970 is no time to start at")
    }
    if let lane, !lane.isEmpty {
      try withBytes(of: lane) { bytes throws(JobError) in try Limits.checkName(bytes, "the lane") }
    }
    var request = QueueRequest()
    (request.priority, request.notBefore, request.lane) = (priority, notBeforeMs, lane)
    return try manager.with { storage throws(JobError) in try storage.enqueue(reference, request) }
  }

  /// What the job waits for, as a JSON array, empty when for nothing. Each is an object with `for`
  /// (`time`, `rate-limit`, `limit`, `pause`, `start` or `worker`) and `text`, a sentence for people;
  /// `until`, in milliseconds since 1970, where that is known; `scope` of a full limit; `provider`.
  public func waits() throws(JobError) -> String {
    try withWaits { bytes throws(JobError) in String(bytes: bytes) }
  }

  package func withWaits<Result>(
    _ body: (UnsafeRawBufferPointer) throws(JobError) -> Result
  ) throws(JobError) -> Result {
    let buffer = try manager.with { storage throws(JobError) in try storage.waits(reference) }
    return try body(buffer.bytes)
  }
}
