// The items of a job.
extension FileStore {
  func forEachItem(
    _ reference: JobReference, _ states: ItemStateSet,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    let job = try seen(reference)
    let isAlive = try isOwnerAlive(job)
    let hasWorker = job.owner != nil && isAlive != false
    try job.forEachItem(states, hasWorker: hasWorker, body)
  }

  func isDone(_ reference: JobReference, _ item: UnsafeRawBufferPointer) throws(JobError) -> Bool {
    try resolve(reference).items.isDone(item)
  }

  func attempts(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer
  ) throws(JobError) -> (all: Int64, unended: Int64)? {
    try resolve(reference).items.attempts(at: item)
  }

  func next(
    _ reference: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    let job = try seenForNext(reference)
    return try Dispenser.next(of: job, in: &dispensers, take)
  }

  func begin(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
    let status = try self.report(reference, &report)
    let attempts = try attempts(reference, item) ?? (1, 1)
    return (status, attempts.all, attempts.unended)
  }

  func giveBack(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> Status {
    let status = try self.report(reference, &report)
    dispensers[TextKey(text: reference.id)]?.takeBack(item)
    return status
  }

  /// The same; its owner looks as often as it does for a report.
  func seenForNext(_ reference: JobReference) throws(JobError) -> JobState {
    let job = try resolve(reference)
    guard let log = ownedLog(of: job) else { return try seen(reference) }
    var nothing = Report()
    let now = Clock.machineCoarse
    if now &- log.lastLook >= Self.lookInterval { try look(log, job, now, &nothing) }
    return try resolve(reference)
  }
}
