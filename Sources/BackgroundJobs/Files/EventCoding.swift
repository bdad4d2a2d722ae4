/// Events as the payloads of journal records.
extension Change {
  var kind: Record.Kind {
    switch self {
    case .job(_, let change): change.kind
    case .store(let change): change.kind
    case .queue(let change): change.kind
    }
  }

  func encode(time: Int64, to buffer: Buffer) throws(JobError) {
    buffer.appendSigned(time)
    switch self {
    case .job(let id, let change):
      buffer.appendCounted(id)
      try change.encode(to: buffer)
    case .store(let change): try change.encode(to: buffer)
    case .queue(let change): change.encode(to: buffer)
    }
  }

  /// nil: not an event that we know.
  static func decode(
    _ kind: UInt16, _ payload: UnsafeRawBufferPointer
  ) throws(JobError) -> (time: Int64, change: Change, logEnd: LogEnd?)? {
    var reader = Reader(payload)
    let time = reader.signed()
    guard let kind = Record.Kind(rawValue: kind), let change = try decode(kind, &reader) else {
      return nil
    }
    let logEnd = change.closesLog ? LogEnd(&reader) : nil
    return reader.failed ? nil : (time, change, logEnd)
  }

  private static func decode(
    _ kind: Record.Kind, _ reader: inout Reader
  ) throws(JobError) -> Change? {
    var theirs = reader
    if let change = try StoreChange.decode(kind, &theirs) {
      reader = theirs
      return .store(change)
    }
    if let change = QueueChange.decode(kind, &reader) { return .queue(change) }
    let id = reader.text()
    return try JobChange.decode(kind, &reader).map { .job(id, $0) }
  }
}

extension JobChange {
  fileprivate var kind: Record.Kind {
    switch self {
    case .created: .created
    case .started: .opened
    case .left: .closed
    case .died: .died
    case .detached: .detached
    case .paused: .paused
    case .resumed: .resumed
    case .completed: .completed
    case .failed: .failed
    case .attempted: .attempted
    case .retried(let items): items == nil ? .retried : .retriedItems
    case .removed: .removed
    case .reported: .reported
    case .planned(_, let mark): mark == nil ? .planned : .plannedBeside
    case .replanned: .replanned
    case .configured: .configured
    case .queued: .queued
    case .needs: .needs
    case .reinstated: .reinstated
    case .joined: .joined
    case .parted: .parted
    case .claimed: .claimed
    case .returned: .returned
    }
  }

  fileprivate func encode(to buffer: Buffer) throws(JobError) {
    switch self {
    case .created(let new):
      buffer.appendCounted(new.type)
      buffer.appendOptional(new.key)
      buffer.appendCounted(new.config)
      buffer.appendSigned(new.total)
    case .started(let owner, let fence):
      encodeOpening(by: owner, fence, 0, to: buffer)
    case .left(let why), .died(let why): buffer.appendOptional(why)
    case .detached(let watched, let lock):
      (watched ?? ProcessIdentity()).encode(to: buffer)
      lock.encode(to: buffer)
    case .paused(let reason, let error, let resumeAt):
      buffer.appendCounted(reason)
      buffer.appendOptional(error)
      buffer.appendSigned(resumeAt ?? -1)
    case .resumed, .removed, .retried(nil), .reinstated: break
    case .joined(let process, let fence):
      process.encode(to: buffer)
      buffer.append(fence, as: UInt64.self)
    case .parted(let worker, let why, let isDeath):
      buffer.appendVarint(worker)
      buffer.append(UInt8(isDeath ? 1 : 0))
      buffer.appendOptional(why)
    case .claimed(let items, let fresh, let worker):
      buffer.appendVarint(worker)
      buffer.appendSigned(fresh)
      buffer.appendCounted(items.buffer.bytes)
    case .returned(let items, let worker):
      buffer.appendVarint(worker)
      buffer.appendCounted(items.buffer.bytes)
    case .needs(let id, let edge):
      buffer.appendCounted(id)
      buffer.append(edge?.code ?? 0)
    case .completed(let result): buffer.appendOptional(result)
    case .failed(let reason, let error, let ownerIsToSee):
      buffer.appendCounted(reason)
      buffer.appendOptional(error)
      buffer.append(UInt8(ownerIsToSee ? 1 : 0))
    case .attempted(let error, let retryAt):
      buffer.appendOptional(error)
      buffer.appendSigned(retryAt)
    case .retried(let items?): buffer.appendCounted(items.buffer.bytes)
    case .reported(let report): try report.encode(to: buffer)
    case .planned(let items, let mark):
      mark?.encode(to: buffer)
      buffer.appendCounted(items.buffer.bytes)
    case .replanned(let items, let mark):
      mark.encode(to: buffer)
      buffer.appendCounted(items.buffer.bytes)
    case .configured(let config): buffer.appendCounted(config)
    case .queued(let entry): entry.encode(to: buffer)
    }
  }

  /// Behind the job's id.
  fileprivate static func decode(
    _ kind: Record.Kind, _ reader: inout Reader
  ) throws(JobError) -> JobChange? {
    switch kind {
    case .created:
      let (type, key) = (reader.text(), reader.optionalText())
      let (config, total) = (reader.text(), reader.signed())
      return .created(NewJob(type: type, key: key, config: config, total: total))
    case .opened:
      let (owner, fence) = (ProcessIdentity(&reader), reader.fixed(UInt64.self))
      // It is no roll.
      _ = reader.byte()
      return .started(by: owner, fence: fence)
    case .closed: return .left(why: reader.optionalText())
    case .died: return .died(why: reader.optionalText())
    case .detached:
      let watched = ProcessIdentity(&reader)
      return .detached(watched: watched.pid == 0 ? nil : watched, lock: OwnerLock?(&reader))
    case .paused:
      let (reason, error) = (reader.text(), reader.optionalText())
      let resumeAt = reader.signed()
      return .paused(reason: reason, error: error, resumeAt: resumeAt < 0 ? nil : resumeAt)
    case .resumed: return .resumed
    case .completed: return .completed(result: reader.optionalText())
    case .failed:
      let (reason, error) = (reader.text(), reader.optionalText())
      return .failed(reason: reason, error: error, ownerIsToSee: reader.byte() == 1)
    case .attempted:
      let error = reader.optionalText()
      return .attempted(error: error, retryAt: reader.signed())
    case .retried: return .retried(nil)
    case .retriedItems: return .retried(try items(&reader))
    case .removed: return .removed
    case .reported: return Report(&reader).map { .reported($0) }
    case .planned: return .planned(try items(&reader), beside: nil)
    case .plannedBeside:
      let mark = PlanMark(&reader)
      return .planned(try items(&reader), beside: mark)
    case .replanned:
      let mark = PlanMark(&reader)
      return .replanned(try items(&reader), mark)
    case .configured: return .configured(reader.text())
    case .needs:
      let id = reader.text()
      return .needs(id, Edge(needs: id, code: reader.byte()))
    case .reinstated: return .reinstated
    case .joined:
      let process = ProcessIdentity(&reader)
      return .joined(by: process, fence: reader.fixed(UInt64.self))
    case .parted:
      let (worker, isDeath) = (reader.varint(), reader.byte() == 1)
      return .parted(worker, why: reader.optionalText(), isDeath: isDeath)
    case .claimed:
      let (worker, fresh) = (reader.varint(), reader.signed())
      return .claimed(try items(&reader), fresh: fresh, by: worker)
    case .returned:
      let worker = reader.varint()
      return .returned(try items(&reader), by: worker)
    case .queued:
      return .queued(QueueEntry(&reader))
    case .snapshot, .table, .named, .published, .imported, .importedOpaque, .removedOpaque, .edited,
      .editedStatus, .adopted, .refused, .collided, .topEdited, .setAside, .rated, .permitted,
      .throttled, .limited, .valued:
      return nil
    }
  }
}

extension QueueEntry {
  fileprivate func encode(to buffer: Buffer) {
    buffer.appendSigned(priority)
    buffer.appendSigned(notBefore)
    buffer.appendSigned(since)
    buffer.appendOptional(lane)
    for number in [attempts, backoff, mostBackoff, failures, retryAt, deaths, firstDead] {
      buffer.appendSigned(number)
    }
  }

  fileprivate convenience init(_ reader: inout Reader) {
    let (priority, notBefore) = (reader.signed(), reader.signed())
    self.init(since: reader.signed())
    (self.priority, self.notBefore, lane) = (priority, notBefore, reader.optionalText())
    // These came later.
    guard !reader.isAtEnd else { return }
    (attempts, backoff, mostBackoff) = (reader.signed(), reader.signed(), reader.signed())
    (failures, retryAt) = (reader.signed(), reader.signed())
    (deaths, firstDead) = (reader.signed(), reader.signed())
  }
}
