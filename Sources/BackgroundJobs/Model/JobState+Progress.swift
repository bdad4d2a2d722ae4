// What reports do to a job.
extension JobState {
  /// `fromOwner`: its times move the active clock. Reports of others only count, so that they
  /// commute with the owner's (PROTOCOL R6).
  func apply(_ report: Report, at realtime: Int64, fromOwner: Bool) throws(JobError) {
    if fromOwner { clock.advance(to: report.time) }
    // Of two words the later counts: the owner's stand at places of its log, and who wrote into the
    // journal had read it up to its mark.
    let place = fromOwner ? (log?.index ?? 0) &+ 1 : report.seen ?? 0
    if let item = report.done {
      _ = try items.markDone(try items.insert(item))
      leaveCurrentItem(item, report.seen)
    }
    if let packed = report.doneItems {
      var reader = Reader(packed)
      while !reader.isAtEnd {
        let item = reader.counted()
        if reader.failed { break }
        _ = try items.markDone(try items.insert(item))
        leaveCurrentItem(item, report.seen)
      }
    }
    if let item = report.failed {
      let why = report.why.map { String(bytes: $0) }
      _ = try items.markFailed(try items.insert(item), why: why)
      leaveCurrentItem(item, report.seen)
    }
    if let item = report.skipped {
      let why = report.why.map { String(bytes: $0) }
      _ = try items.markSkipped(try items.insert(item), why: why)
      leaveCurrentItem(item, report.seen)
    }
    if let item = report.begun {
      // Of a job whose owner says it himself, what others begin is not what he works on.
      let byOwner = fromOwner || log == nil
      items.begin(try items.insert(item), byOwner: byOwner)
      // Of several that are under way, the current one is the oldest.
      if byOwner, !isShared,
        items.find(currentItem.bytes).map({ items.notes.isUnderWay($0) }) != true
      {
        currentItem.clear()
        currentItem.append(item)
        try currentItem.requireWhole()
        currentItemSaid = place
      }
    }
    if let item = report.givenBack {
      if let slot = items.find(item) { items.notes.giveBack(slot) }
      leaveCurrentItem(item, report.seen)
    }
    if let count = report.advance { advances = advances.clampedAdding(count) }
    if let shift = report.shift, place >= shiftSaid { (self.shift, shiftSaid) = (shift, place) }
    if let total = report.total, isShared || place >= totalSaid {
      // Of a shared job, whatever the order of those who say so.
      (self.total, totalSaid) = (max(isShared ? self.total : 0, total), place)
    }
    if let item = report.currentItem, place >= currentItemSaid {
      currentItem.clear()
      currentItem.append(item)
      try currentItem.requireWhole()
      currentItemSaid = place
    }
    if let json = report.cursor, place >= cursorSaid {
      cursor.clear()
      cursor.append(json)
      try cursor.requireWhole()
      cursorSaid = place
    }
    if let paused = report.acknowledgesPause {
      if paused { clock.stop(at: report.time) } else { clock.start(at: report.time) }
      isPauseAcknowledged = paused
    }
    if let offset = report.clockOffset { log?.clockOffset = offset }
    updated = max(updated ?? realtime, realtime)
    guard fromOwner else { return }
    if estimator.isDue(active: clock.total) {
      estimator.feed(items: current, active: clock.total)
    } else if estimator.isFresh, current != estimator.items {
      estimator.skip(to: current, active: clock.total)
      estimator.isFresh = false
    }
  }

  /// What is finished is not being worked on, unless the owner said behind `mark` that it is.
  func leaveCurrentItem(_ item: UnsafeRawBufferPointer, _ mark: UInt64? = nil) {
    if let mark, currentItemSaid > mark { return }
    guard currentItem.count == item.count, currentItem.bytes.elementsEqual(item) else { return }
    currentItem.clear()
    guard items.notes.trialCount > 0, let next = items.notes.oldestUnderWay() else { return }
    // Without memory for it, nothing is shown.
    currentItem.append(items.bytes(of: next))
  }
}
