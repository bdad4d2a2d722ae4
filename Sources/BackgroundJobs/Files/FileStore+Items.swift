// The items of a job.
extension FileStore {
  func forEachItem(
    _ reference: JobReference, _ states: ItemStateSet,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    // Of the others there are few: they are read as they are needed, and once before, so that damage
    // is met before anything is told.
    var isTrial = states.isSubset(of: [.failed, .underWay])
    var job = try isTrial ? seen(reference) : seenWhole(reference)
    while true {
      let isAlive = try isOwnerAlive(job)
      let hasWorker = job.owner != nil && isAlive != false
      try job.forEachItem(states, hasWorker: hasWorker) {
        item, state, why, attempts throws(JobError) in
        if !isTrial { try body(item, state, why, attempts) }
      }
      guard isTrial else { return }
      isTrial = false
      if job.items.fault != nil { job = try seenWhole(reference) }
    }
  }

  func next(
    _ reference: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    let job = try seenForNext(reference)
    if hasWorkers(job) {
      return try nextShared(reference) { item throws(JobError) in
        try job.items.requireSound()
        try take(item)
      }
    }
    return try Dispenser.next(of: job, in: &dispensers) { item throws(JobError) in
      try job.items.requireSound()
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
