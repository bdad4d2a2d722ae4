// The items of a shared job: each for one of its workers.
extension JobDesk {
  /// Gives an item to `take`; nobody else gets it, unless it comes back. `.waiting`: others have what is
  /// left. `.end`: all have ended, or are with us.
  func nextShared(
    _ reference: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    var job = try resolve(reference)
    if job.status == .completed {
      if ownNumber(in: job) != nil {
        try alone { () throws(JobError) in try part(from: try resolve(reference)) }
      }
      return .end
    }
    try requireNotEnded(job)
    guard ownNumber(in: job) != nil else {
      throw JobError(
        .illegalTransition,
        "job \(job.id) is shared, and this manager does not work on it: start it")
    }
    if job.status == .paused { return .paused }
    let handout = handout(of: job)
    var slot = handout.next(of: job, ownNumber(in: job))
    if slot == nil {
      try aloneBriefly { () throws(JobError) in try claimItems(of: reference, handout) }
      // With the turn comes what others have done to it.
      job = try resolve(reference)
      if job.status == .completed { return .end }
      try requireNotEnded(job)
      if job.status == .paused { return .paused }
      slot = handout.next(of: job, ownNumber(in: job))
    }
    guard let number = ownNumber(in: job) else { return .end }
    guard let slot else { return job.claimed(besides: number) > 0 ? .waiting : .end }
    do throws(JobError) { try take(job.items.bytes(of: slot)) } catch {
      let packed = Buffer()
      packed.appendCounted(job.items.bytes(of: slot))
      try? aloneBriefly { () throws(JobError) in
        try note(.returned(PackedItems(packed), by: number), try resolve(reference))
      }
      throw error
    }
    return .ok
  }

  /// Whether its items are given to workers, or were while this was one of them.
  func hasWorkers(_ job: JobState) -> Bool {
    if job.isShared { return true }
    return job.status == .completed && handouts.contains { $0.job.bytes == job.id.bytes }
  }

  /// It has ended: who works on it here does so no more.
  func part(from job: JobState) throws(JobError) {
    guard job.status.isFinished, let number = ownNumber(in: job) else { return }
    try settle(job.leaving(number), job)
  }

  private func requireNotEnded(_ job: JobState) throws(JobError) {
    guard job.status.isFinished else { return }
    throw JobError(.finished, Lifecycle.hasEnded(job.summary, "it gives out no items"))
  }

  private func handout(of job: JobState) -> Handout {
    if let known = handouts.first(where: { $0.job.bytes == job.id.bytes }) { return known }
    let new = Handout(job.id)
    handouts.append(new)
    return new
  }

  /// It is begun anew.
  func dropHandout(of id: String) { handouts = handouts.filter { $0.job.bytes != id.bytes } }

  private func claimItems(of reference: JobReference, _ handout: Handout) throws(JobError) {
    let job = try resolve(reference)
    let now = Clock.machine
    if job.mustSeeClaims() { try closeIfOwnerIsDead(job) }
    var (fresh, back) = job.unclaimed(atMost: handout.size(for: job, at: now))
    if fresh.isEmpty, back.isEmpty, job.items.openCount > 0 {
      // What the dead had is for the others.
      try closeIfOwnerIsDead(job)
      (fresh, back) = job.unclaimed(atMost: 1)
    }
    guard job.status == .running, !fresh.isEmpty || !back.isEmpty,
      let number = ownNumber(in: job), let place = job.place(of: number)
    else { return }
    let (all, new) = (Buffer(), Buffer())
    for slot in job.claimed(at: place) { all.appendCounted(job.items.bytes(of: slot)) }
    for slot in back + fresh { new.appendCounted(job.items.bytes(of: slot)) }
    all.append(new.bytes)
    try new.requireWhole()
    try all.requireWhole()
    let count = Int64(fresh.count)
    try note(.claimed(PackedItems(all), fresh: count, by: number), job)
    handout.take(new, back.count + fresh.count, at: now)
  }

  /// It was begun, and left for a good reason: somebody else may have it.
  func giveBackShared(
    _ reference: JobReference, _ item: UnsafeRawBufferPointer
  ) throws(JobError) -> Status {
    let packed = Buffer()
    packed.appendCounted(item)
    try packed.requireWhole()
    return try aloneBriefly { () throws(JobError) -> Status in
      let (job, _, already) = try admit(.report, reference)
      if let already { return already }
      if let number = ownNumber(in: job) {
        try note(.returned(PackedItems(packed), by: number), job)
      }
      return job.status == .paused ? .paused : .ok
    }
  }
}
