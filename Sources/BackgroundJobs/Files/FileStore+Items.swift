// The items of a job.
extension FileStore {
  func forEachItem(
    _ reference: JobReference, _ states: ItemStateSet,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    // Of the others there are few: they are read as they are needed.
    let areFew = states.isSubset(of: [.failed, .underWay])
    let job = try areFew ? seen(reference) : seenWhole(reference)
    let isAlive = try isOwnerAlive(job)
    let hasWorker = job.owner != nil && isAlive != false
    try job.forEachItem(states, hasWorker: hasWorker, body)
    if let fault = job.items.fault { throw fault }
  }

  func next(
    _ reference: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    let job = try seenForNext(reference)
    return try Dispenser.next(of: job, in: &dispensers) { item throws(JobError) in
      if let fault = job.items.fault { throw fault }
      try take(item)
    }
  }

  /// The job, seen now: its owner looks as often as it does for a report.
  func seenForNext(_ reference: JobReference) throws(JobError) -> JobState {
    let job = try resolve(reference)
    guard let log = ownedLog(of: job) else { return try seen(reference) }
    var nothing = Report()
    let now = Clock.machineCoarse
    if now &- log.lastLook >= Self.lookInterval { try look(log, job, now, &nothing) }
    return try resolve(reference)
  }
}
