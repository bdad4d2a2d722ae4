// What makes all of it durable, and the end of a handle.
extension FileStore {
  /// Makes everything reported so far survive a power cut, and publishes.
  func sync() throws(JobError) {
    try checkUsable()
    guard !options.isReadOnly else { throw JobError(.unsupported, "this manager is read-only") }
    try catchUp()
    guard journal != nil else { return }
    try transact { () throws(JobError) in
      for log in logs.owned {
        if let job = state.known(log.job) { try sync(log, job) }
      }
      try journal?.sync(state.seq)
      debt.owe()
    }
    try publishPatiently()
  }

  /// Leaves all jobs of this handle and publishes. It is of no use afterwards, whatever happens.
  func close() throws(JobError) {
    defer { end() }
    let isToMend = !options.isReadOnly && (!lost.parts.isEmpty || partial.damaged != nil)
    guard !lostDescriptors, debt.isOwed || logs.ownsAny || hasSeenRequest || isToMend else {
      return
    }
    try transact { () throws(JobError) in
      var changes: [Change] = []
      for log in logs.owned {
        guard let job = state.known(log.job), ownedLog(of: job) === log else { continue }
        try sync(log, job)
        changes.append(.job(job.id, job.leaving(log.number)))
      }
      try append(changes, durable: true)
    }
    try publishPatiently()
  }

  @inline(never)
  func end() {
    logs = OpenLogs()
    use(nil)
    // Handles of jobs may keep this object: not with descriptors.
    reset()
    places.forget()
  }
}
