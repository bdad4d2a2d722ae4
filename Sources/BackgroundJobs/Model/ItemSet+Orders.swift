// The items of a set, in the orders that it keeps.
extension ItemSet {
  func forEachDone(_ body: (UnsafeRawBufferPointer) throws(JobError) -> Void) throws(JobError) {
    try loadAll()
    for entry in 0..<doneList.count { try body(bytes(of: doneList[entry])) }
  }

  func forEachFailed(
    _ body: (Slot, UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) {
    try? loadAll()
    for entry in 0..<failedList.count {
      let slot = failedList[entry]
      if mark(of: slot) == .failed { try body(slot, bytes(of: slot)) }
    }
  }

  /// Each once, in the order in which they got the mark; where another tool's list has named some
  /// twice, in that in which they became known.
  func forEach(
    _ mark: Mark, _ body: (Slot, UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) {
    // Of the others there are few.
    if mark == .done { try loadAll() }
    let (list, count) =
      switch mark {
      case .done: (doneList, doneCount)
      case .failed: (failedList, failedCount)
      default: (skippedList, skippedCount)
      }
    var found = 0
    for entry in 0..<list.count where self.mark(of: list[entry]) == mark { found += 1 }
    if found == count {
      for entry in 0..<list.count {
        let slot = list[entry]
        if self.mark(of: slot) == mark { try body(slot, bytes(of: slot)) }
      }
      return
    }
    try loadAll()
    var position = 0
    while let slot = table.slot(at: &position) {
      if self.mark(of: slot) == mark { try body(slot, bytes(of: slot)) }
    }
  }

  /// Planned items that are not done, in the order of the plan.
  func forEachPlanned(_ body: (UnsafeRawBufferPointer) throws(JobError) -> Void) throws(JobError) {
    try loadAll()
    for entry in 0..<planList.count {
      let slot = planList[entry]
      if mark(of: slot) != .done { try body(bytes(of: slot)) }
    }
  }

  /// The next planned item from `position` in the plan on that has not ended.
  func nextOpen(from position: inout Int) -> Slot? {
    guard openCount > 0 else { return nil }
    let isFirst = position <= firstOpen
    position = max(position, firstOpen)
    while position < planList.count {
      let slot = planList[position]
      position += 1
      if mark(of: slot) == .none {
        if isFirst { noteFirstOpen(position - 1) }
        return slot
      }
    }
    return nil
  }

  /// Planned items that are under way, in the order of the plan. They are few, and close together.
  func forEachUnderWay(_ body: (Slot) throws(JobError) -> Void) throws(JobError) {
    let slots = notes.underWay()
    var left = slots.count
    for slot in slots where !isPlanned(slot) { left -= 1 }
    var entry = firstOpen
    while left > 0, entry < planList.count {
      let slot = planList[entry]
      entry += 1
      guard slots.contains(slot) else { continue }
      left -= 1
      try body(slot)
    }
  }
}
