/// A handle on one job. Any thread may use it; calls on one manager wait for each other.
///
/// Every call throws a ``JobError`` when it changed nothing. These can come from all of them:
/// `.notFound` (the job was removed), `.busy` (another process holds the writer lock too long),
/// `.damaged`, `.io`, `.noSpace`, `.noMemory`, `.unsupported` (the manager is read-only, or the
/// state newer), `.forked` and `.invalid` (the manager is closed, or an argument out of its range).
public final class Job: @unchecked Sendable {
  /// 8 hexadecimal digits; other tools use any token.
  public let id: String
  let manager: JobManager
  let reference: JobReference
  #if !hasFeature(Embedded)
    private var stop: JobError?
  #endif

  init(id: String, manager: JobManager) {
    self.id = id
    self.manager = manager
    reference = JobReference(id)
  }

  // MARK: Reports

  /// Sends one report; `fill` may say several things at once.
  package func send(_ fill: (inout ReportFields) -> Void) throws(JobError) -> Status {
    var fields = ReportFields()
    fill(&fields)
    return try send(&fields)
  }

  @inline(never)
  private func send(_ fields: inout ReportFields) throws(JobError) -> Status {
    try fields.check()
    return try manager.with { storage throws(JobError) in
      try storage.report(reference, &fields.report)
    }
  }

  /// The same for the most usual report.
  func sendDone(_ item: UnsafeRawBufferPointer) throws(JobError) -> Status {
    if let status = sendQuickly(item, currentItem: nil) { return status }
    return try send { $0.done = item }
  }

  /// Marks any number of items done, in one record.
  package func sendDone(packed: Buffer) throws(JobError) -> Status {
    guard packed.count <= Limits.itemsAtOnce else {
      throw JobError(
        .invalid, "the items have \(packed.count) bytes; at most \(Limits.itemsAtOnce) are possible"
      )
    }
    let bytes = packed.bytes
    let status = try send { $0.doneItems = bytes }
    withExtendedLifetime(packed) {}
    return status
  }

  /// nil: it is not to be done quickly, and nothing has happened.
  @inline(__always)
  package func sendQuickly(
    _ item: UnsafeRawBufferPointer, currentItem: UnsafeRawBufferPointer?
  ) -> Status? {
    guard Limits.isItem(item), currentItem.map({ $0.count == 0 || Limits.isItem($0) }) ?? true
    else { return nil }
    return manager.withQuickly { $0.reportQuickly(reference, done: item, currentItem: currentItem) }
  }

  /// Says in advance what the items are.
  package func plan(packed: Buffer) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in
      try storage.plan(reference, PackedItems(packed))
    }
  }

  /// Makes these items the plan; gives how many open ones were withdrawn.
  package func setPlan(packed: Buffer) throws(JobError) -> (status: Status, withdrawn: Int) {
    try manager.with { storage throws(JobError) in
      try storage.replan(reference, PackedItems(packed))
    }
  }

  /// Work on an item begins; gives how often it did so far, and how often of these nobody told an end.
  package func begin(
    _ item: UnsafeRawBufferPointer
  ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
    var fields = ReportFields()
    fields.begun = item
    try fields.check()
    return try manager.with { storage throws(JobError) in
      try storage.begin(reference, item, &fields.report)
    }
  }

  /// It was begun, and left for a good reason.
  package func giveBack(_ item: UnsafeRawBufferPointer) throws(JobError) -> Status {
    var fields = ReportFields()
    fields.givenBack = item
    try fields.check()
    return try manager.with { storage throws(JobError) in
      try storage.giveBack(reference, item, &fields.report)
    }
  }

  #if !hasFeature(Embedded)
    /// Attempts at it of which nobody told an end.
    package func unendedAttempts(at item: String) throws(JobError) -> Int64 {
      try withBytes(of: item) { bytes throws(JobError) in
        try manager.with { storage throws(JobError) in
          try storage.attempts(reference, bytes)?.unended ?? 0
        }
      }
    }

    /// As `giveBack`, and it stays with the caller: `next` gives it out no more.
    package func putOff(_ item: String) throws(JobError) {
      _ = try withBytes(of: item) { bytes throws(JobError) in try send { $0.givenBack = bytes } }
    }

    /// Why a loop over what remains ended early: for the next `complete`.
    func stop(because error: JobError) { try? manager.with { _ throws(JobError) in stop = error } }

    func takeStop() -> JobError? {
      let taken = try? manager.with { _ throws(JobError) -> JobError? in
        defer { stop = nil }
        return stop
      }
      return taken ?? nil
    }
  #endif
}
