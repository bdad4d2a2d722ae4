// What a plan does to a job.
extension JobState {
  func plan(_ packed: PackedItems, beside mark: PlanMark? = nil) throws(JobError) {
    try packed.visit { item throws(JobError) in try items.plan(try items.insert(item)) }
    if let mark, totalSaid > mark.seen { return }
    total = max(total, mark?.items ?? Int64(items.accounted))
  }

  /// Who says again what is planned changes nothing.
  func hasPlanned(_ packed: PackedItems) throws(JobError) -> Bool {
    var isKnown = total >= Int64(items.accounted)
    try packed.visit { item throws(JobError) in
      guard isKnown else { return }
      isKnown = items.find(item).map { items.isPlanned($0) } ?? false
    }
    return isKnown
  }

  func replan(_ packed: PackedItems, _ mark: PlanMark) throws(JobError) {
    try items.replan(packed)
    if log != nil, totalSaid > mark.seen { return }
    total = mark.items
  }

  /// For an event that makes these items the plan now, and how many open ones it withdraws.
  func markOfNewPlan(_ packed: PackedItems) throws(JobError) -> (mark: PlanMark, withdrawn: Int) {
    let named = ItemSet()
    var open = 0
    try packed.visit { item throws(JobError) in
      let before = named.known
      _ = try named.insert(item)
      guard named.known > before else { return }
      if !items.hasEnded(item) { open += 1 }
    }
    var (withdrawn, position) = (0, 0)
    while let slot = items.nextOpen(from: &position) {
      if named.find(items.bytes(of: slot)) == nil { withdrawn += 1 }
    }
    let known = Int64(items.endedCount + open)
    // A total that was said, and is not the number of items, stays.
    let isCount = total <= Int64(items.accounted)
    let mark = PlanMark(seen: log?.index ?? 0, items: isCount ? known : max(total, known))
    return (mark, withdrawn)
  }

  /// For an event that plans these items now.
  func mark(of packed: PackedItems) throws(JobError) -> PlanMark? {
    guard let log else { return nil }
    let new = ItemSet()
    try packed.visit { item throws(JobError) in
      if !items.accounts(for: item) { _ = try new.insert(item) }
    }
    return PlanMark(seen: log.index, items: Int64(items.accounted + new.known))
  }

  func requireFailed(_ packed: PackedItems) throws(JobError) {
    try packed.visit { item throws(JobError) in
      if let slot = items.find(item), items.mark(of: slot) == .failed { return }
      let name = String(bytes: item)
      throw JobError(.invalid, "item \(name) of job \(id) has not failed: cannot retry it")
    }
  }
}
