#if !hasFeature(Embedded)
  /// An item of a job, and what became of it.
  public struct JobItem: Sendable, Equatable {
    /// Its name, as it was reported or planned.
    public var name: String
    /// What became of it.
    public var state: ItemState
    /// Why it failed or was skipped, in words; nil: nobody said, or it is neither.
    public var why: String?
    /// How often it was begun, as far as that was said: 1 at least once it has ended.
    public var attempts: Int64
  }
#endif

extension Job {
  /// Each item of these states once: those that have ended, by what became of them and in the order
  /// in which they did, then the others in the order of the plan.
  package func forEachItem(
    _ states: ItemStateSet,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    try manager.with { storage throws(JobError) in
      try storage.forEachItem(reference, states, body)
    }
  }

  #if !hasFeature(Embedded)
    /// The items of these states: those that are done, skipped and failed, each in the order in
    /// which they became so, then the others in the order of the plan. Looks at the files again.
    public func items(_ states: ItemStateSet = .all) throws(JobError) -> [JobItem] {
      var items: [JobItem] = []
      try forEachItem(states) { item, state, why, attempts throws(JobError) in
        let name = String(bytes: item)
        items.append(JobItem(name: name, state: state, why: why, attempts: attempts))
      }
      return items
    }
  #endif
}
