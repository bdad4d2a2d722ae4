// Another tool's word on a job.
extension JobState {
  /// The set of done items only grows, so these commute with everything.
  func adopt(
    _ done: PackedItems, _ failed: PackedItems, at time: Int64
  ) throws(JobError) {
    try done.visit { item throws(JobError) in _ = try items.markDone(try items.insert(item)) }
    try failed.visit { item throws(JobError) in
      _ = try items.markFailed(try items.insert(item), why: nil)
    }
    updated = max(updated ?? time, time)
  }

  func takeStatus(from theirs: JobState) {
    refusal = nil
    (status, statusWord) = (theirs.status, theirs.statusWord)
    // A detached job has ended then, and nobody is left to say so.
    if log == nil, status != .running, status != .paused { dropOwner() }
    clearReason()
    (error, updated) = (theirs.error, theirs.updated)
    completed = status.isFinished ? theirs.completed : nil
  }

  func takeLife(from theirs: JobState) {
    takeStatus(from: theirs)
    result = theirs.result
    // Of a job that has not started, the file shows when it was created.
    if theirs.started != created { started = theirs.started }
    progressMembers = theirs.progressMembers
    if theirs.saysNoItems, isOurs {
      total = max(total, theirs.total)
    } else {
      let (counted, before) = (theirs.counted, current)
      let (ownAdvances, ownShift) = (advances, shift)
      keepOurs(in: theirs.items)
      items = theirs.items
      forgetClaims()
      foreignFailures = theirs.foreignFailures
      (total, advances, shift) = (theirs.total, theirs.advances, theirs.shift)
      // A current that was said has these in it.
      let said = progressMembers["current"].flatMap(wholeNumber)
      if isOurs, said == before {
        // It was left as it was: further items are added to it.
        (advances, shift) = (ownAdvances, ownShift)
      } else if said != nil {
        shift = shift.clampedAdding(counted.clampedAdding(-theirs.counted))
      }
    }
    currentItem.clear()
    currentItem.append(theirs.currentItem.bytes)
  }

  /// What another tool writes has no plan, no skipped items, and no word why items failed.
  private func keepOurs(in theirs: ItemSet) {
    try? items.forEachPlanned { item throws(JobError) in try theirs.plan(try theirs.insert(item)) }
    try? items.forEachFailed { slot, item throws(JobError) in
      if let why = items.why(slot) { theirs.note(failureOf: item, why) }
    }
    try? items.forEach(.skipped) { slot, item throws(JobError) in
      _ = try theirs.markSkipped(try theirs.insert(item), why: items.why(slot))
    }
    try? items.forEachTrial { item, trial throws(JobError) in
      theirs.notes.note(trial, of: try theirs.insert(item))
    }
  }

  /// What another state of this job knows besides.
  func addItems(of other: JobState) throws(JobError) {
    try other.items.forEachDone { item throws(JobError) in
      _ = try items.markDone(try items.insert(item))
    }
    try other.items.forEachFailed { slot, item throws(JobError) in
      _ = try items.markFailed(try items.insert(item), why: other.items.why(slot))
    }
    try other.items.forEach(.skipped) { slot, item throws(JobError) in
      _ = try items.markSkipped(try items.insert(item), why: other.items.why(slot))
    }
    try other.items.forEachTrial { item, trial throws(JobError) in
      items.notes.note(trial, of: try items.insert(item))
    }
    advances = max(advances, other.advances)
  }

  func replace(by theirs: JobState) {
    type = theirs.type
    members = theirs.members
    dependsOn = theirs.dependsOn
    takeLife(from: theirs)
  }

  /// The items that have ended here and are open for the other; nil: none.
  func itemsEnded(
    unknownTo other: JobState, alsoFailed: Bool
  ) throws(JobError) -> (done: PackedItems, failed: PackedItems)? {
    func mark(_ item: UnsafeRawBufferPointer) -> ItemSet.Mark {
      other.items.find(item).map { other.items.mark(of: $0) } ?? .none
    }
    let (done, failed) = (Buffer(), Buffer())
    try items.forEachDone { item throws(JobError) in
      if mark(item) != .done, Limits.isItem(item) { done.appendCounted(item) }
    }
    if alsoFailed {
      try items.forEachFailed { _, item throws(JobError) in
        if mark(item) == .none, Limits.isItem(item) { failed.appendCounted(item) }
      }
    }
    for packed in [done, failed] { try packed.requireWhole() }
    if done.count == 0, failed.count == 0 { return nil }
    return (PackedItems(done), PackedItems(failed))
  }
}
