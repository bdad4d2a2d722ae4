// What is noted of items, and how often work on them has begun.
extension ItemSet {
  // Not inlined, here and below: the notes would be copied at each place.
  @inline(never)
  func why(_ slot: Slot) -> String? { notes.why(slot) }

  @inline(never)
  func isUnderWay(_ slot: Slot) -> Bool { notes.isUnderWay(slot) }

  @inline(never)
  private func trial(_ slot: Slot) -> ItemNotes.Trial? { notes.trial(slot) }

  /// Work on it begins, unless it has ended.
  func begin(_ slot: Slot, byOwner: Bool) {
    if mark(of: slot) == .none { notes.begin(slot, byOwner: byOwner) }
  }

  func attempts(of slot: Slot) -> Int64 {
    trial(slot).map { Int64($0.begun) } ?? (mark(of: slot) == .none ? 0 : 1)
  }

  func forEachTrial(
    _ body: (UnsafeRawBufferPointer, ItemNotes.Trial) throws(JobError) -> Void
  ) throws(JobError) {
    try notes.visitTrials { slot, trial throws(JobError) in try body(bytes(of: slot), trial) }
  }

  /// nil: it is not known.
  func attempts(at item: UnsafeRawBufferPointer) -> (all: Int64, unended: Int64)? {
    guard let slot = find(item) else { return nil }
    return (attempts(of: slot), Int64(trial(slot)?.unended ?? 0))
  }
}
