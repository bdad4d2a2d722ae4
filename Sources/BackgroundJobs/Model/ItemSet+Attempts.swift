// How often work on items has begun.
extension ItemSet {
  /// Work on it begins, unless it has ended.
  func begin(_ slot: Slot, byOwner: Bool) {
    if mark(of: slot) == .none { notes.begin(slot, byOwner: byOwner) }
  }

  func attempts(of slot: Slot) -> Int64 {
    notes.trial(slot).map { Int64($0.begun) } ?? (mark(of: slot) == .none ? 0 : 1)
  }

  func forEachTrial(
    _ body: (UnsafeRawBufferPointer, ItemNotes.Trial) throws(JobError) -> Void
  ) throws(JobError) {
    try notes.visitTrials { slot, trial throws(JobError) in try body(bytes(of: slot), trial) }
  }

  /// nil: it is not known.
  func attempts(at item: UnsafeRawBufferPointer) -> (all: Int64, unended: Int64)? {
    guard let slot = find(item) else { return nil }
    return (attempts(of: slot), Int64(notes.trial(slot)?.unended ?? 0))
  }
}
