import CPosix

// The usual report, an item that is done and perhaps the next one begun, on a straight way: what
// `report` does with it, when nothing else is to do. A report is mostly one write(2), after which
// the processor has forgotten our code and data: what counts here is how little there is of both,
// and that no reference is counted.
extension FileStore {
  /// nil: something is to be looked at, mended, grown, fed, synced or told. Nothing has happened,
  /// and `report` does it.
  @_optimize(speed)
  func reportQuickly(
    _ reference: JobReference, done: UnsafeRawBufferPointer, currentItem: UnsafeRawBufferPointer?
  ) -> Status? {
    guard !Seam.isWatched, clock.source == nil, let job = reference.unretained(in: generation)
    else {
      return nil
    }
    return job._withUnsafeGuaranteedRef { job -> Status? in
      guard case .running = job.status, !job.isShared, let log = logs.unretained(job.log?.number)
      else {
        return nil
      }
      return log._withUnsafeGuaranteedRef { log -> Status? in
        let now = Clock.machineCoarse
        let time = now / 1_000_000 &- log.base
        guard log.failure == nil, !log.isAstray, now < log.nextSync,
          now &- log.lastLook < Self.lookInterval, !job.estimator.isFresh,
          !job.estimator.isDue(active: job.clock.reading(at: time)),
          let place = Unmanaged.passUnretained(job.items)._withUnsafeGuaranteedRef({
            $0.placeForDone(done)
          }), job.currentItem.capacity >= currentItem?.count ?? 0
        else { return nil }
        if place.isDone, currentItem == nil { return .ok }
        let isWritten = log.appendQuickly(
          time, currentItem: currentItem, done: place.isDone ? nil : done)
        guard isWritten else { return nil }
        job.applyQuickly(log, place, done: done, currentItem: currentItem, at: time)
        debt.owe()
        return .ok
      }
    }
  }
}

extension OwnedLog {
  private static let quickMost = LogFormat.payloadInBuffer + 4 * Pen.number + 4

  /// The record of `Report.encode` with these members. false: it needs more room, in the buffer or
  /// below the size limit, or was not written whole; the next one begins at the same place then.
  @inline(__always)
  fileprivate func appendQuickly(
    _ time: Int64, currentItem: UnsafeRawBufferPointer?, done: UnsafeRawBufferPointer?
  ) -> Bool {
    let most = Self.quickMost + (currentItem?.count ?? 0) + (done?.count ?? 0)
    guard let start = record.base, most <= record.capacity, Int64(most) <= sizeLimit &- end else {
      return false
    }
    var pen = Pen(start + LogFormat.payloadInBuffer)
    var mask: UInt8 = 0
    if currentItem != nil { mask |= UInt8(Report.currentItemBit) }
    if done != nil { mask |= UInt8(Report.doneBit) }
    pen.byte(mask)
    pen.signed(time)
    if let currentItem { pen.counted(currentItem) }
    if let done { pen.counted(done) }
    let bytes = frame(start, payload: pen.written)
    guard write(file.descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
      isAstray = true
      return false
    }
    count(bytes.count)
    return true
  }
}

extension JobState {
  /// What `apply` does with such a report of the owner's.
  @inline(__always)
  fileprivate func applyQuickly(
    _ own: OwnedLog, _ place: ItemSet.DonePlace, done: UnsafeRawBufferPointer,
    currentItem item: UnsafeRawBufferPointer?, at time: Int64
  ) {
    clock.advance(to: time)
    if !place.isDone {
      Unmanaged.passUnretained(items)._withUnsafeGuaranteedRef { $0.enterDone(done, at: place) }
    }
    if let item {
      currentItem.clear()
      currentItem.put(item)
      currentItemSaid = (log?.index ?? 0) &+ 1
    } else if currentItem.count == done.count {
      leaveCurrentItem(done)
    }
    let realtime = (log?.clockOffset ?? 0).clampedAddingQuickly(time)
    updated = max(updated ?? realtime, realtime)
    pass(own)
  }
}
