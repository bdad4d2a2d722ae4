/// Events as the payloads of journal records.
extension Change {
  var kind: Record.Kind {
    switch self {
    case .created: .created
    case .opened: .opened
    case .closed: .closed
    case .detached: .detached
    case .paused: .paused
    case .resumed: .resumed
    case .completed: .completed
    case .failed: .failed
    case .retried: .retried
    case .retriedItems: .retriedItems
    case .removed: .removed
    case .reported: .reported
    case .planned(_, _, let mark): mark == nil ? .planned : .plannedBeside
    case .replanned: .replanned
    case .configured: .configured
    case .imported: .imported
    case .importedOpaque: .importedOpaque
    case .removedOpaque: .removedOpaque
    case .edited(_, _, let life): life == .status ? .editedStatus : .edited
    case .adopted: .adopted
    case .refused: .refused
    case .collided: .collided
    case .topEdited: .topEdited
    case .setAside: .setAside
    case .named: .named
    case .published: .published
    }
  }

  func encode(time: Int64, to buffer: Buffer) throws(JobError) {
    try buffer.appendSigned(time)
    switch self {
    case .created(let new):
      try buffer.appendCounted(new.id)
      try buffer.appendCounted(new.type)
      try buffer.appendOptional(new.key)
      try buffer.appendCounted(new.config)
      try buffer.appendSigned(new.total)
    case .opened(let job, let owner, let salt, let isRoll):
      try buffer.appendCounted(job)
      try owner.encode(to: buffer)
      try buffer.append(salt, as: UInt64.self)
      try buffer.append(UInt8(isRoll ? 1 : 0))
    case .closed(let job, let why):
      try buffer.appendCounted(job)
      try buffer.appendOptional(why)
    case .detached(let job, let watched, let lock):
      try buffer.appendCounted(job)
      try (watched ?? ProcessIdentity()).encode(to: buffer)
      try lock.encode(to: buffer)
    case .paused(let job, let reason, let error, let resumeAt):
      try buffer.appendCounted(job)
      try buffer.appendCounted(reason)
      try buffer.appendOptional(error)
      try buffer.appendSigned(resumeAt ?? -1)
    case .resumed(let job), .retried(let job), .removed(let job):
      try buffer.appendCounted(job)
    case .completed(let job, let result):
      try buffer.appendCounted(job)
      try buffer.appendOptional(result)
    case .failed(let job, let reason, let error, let keepsLog):
      try buffer.appendCounted(job)
      try buffer.appendCounted(reason)
      try buffer.appendOptional(error)
      try buffer.append(UInt8(keepsLog ? 1 : 0))
    case .reported(let job, let report):
      try buffer.appendCounted(job)
      try report.encode(to: buffer)
    case .planned(let job, let items, let mark):
      try buffer.appendCounted(job)
      if let mark {
        try buffer.appendVarint(mark.log)
        try buffer.appendSigned(mark.items)
      }
      try buffer.appendCounted(items.buffer.bytes)
    case .replanned(let job, let items, let mark):
      try buffer.appendCounted(job)
      try buffer.appendVarint(mark.log)
      try buffer.appendSigned(mark.items)
      try buffer.appendCounted(items.buffer.bytes)
    case .configured(let job, let config):
      try buffer.appendCounted(job)
      try buffer.appendCounted(config)
    case .imported(let job): try encode(job, to: buffer)
    case .retriedItems(let job, let items):
      try buffer.appendCounted(job)
      try buffer.appendCounted(items.buffer.bytes)
    case .importedOpaque(let text), .removedOpaque(let text): try buffer.appendCounted(text)
    case .edited(let job, let members, let life):
      try buffer.append(life.rawValue)
      try buffer.appendVarint(UInt64(members.count))
      for member in members { try buffer.appendCounted(member) }
      try encode(job, to: buffer)
    case .adopted(let job, let done, let failed):
      try buffer.appendCounted(job)
      try buffer.appendCounted(done.buffer.bytes)
      try buffer.appendCounted(failed.buffer.bytes)
    case .refused(let job, let status):
      try buffer.appendCounted(job)
      try buffer.appendCounted(status)
    case .collided(let jobs):
      try buffer.appendVarint(UInt64(jobs.count))
      for job in jobs { try buffer.appendCounted(job) }
    case .topEdited(let name, let text):
      try buffer.appendCounted(name)
      try buffer.appendOptional(text)
    case .setAside(let name, let why):
      try buffer.appendCounted(name)
      try buffer.appendOptional(why)
    case .named: break
    case .published(let publication):
      try buffer.appendVarint(publication.seq)
      try publication.file.encode(to: buffer)
      try publication.out.encode(to: buffer)
      try buffer.append(publication.checksum, as: UInt32.self)
      try buffer.append(publication.outChecksum, as: UInt32.self)
      try buffer.appendVarint(publication.fileSeq)
    }
  }

  private func encode(_ job: JobState, to buffer: Buffer) throws(JobError) {
    let text = Buffer()
    try StateDocument.encodeForeign(job, JSONText(text))
    try buffer.appendCounted(text.bytes)
  }

  /// nil: not an event that we know.
  static func decode(
    _ kind: UInt16, _ payload: UnsafeRawBufferPointer
  ) throws(JobError) -> (time: Int64, change: Change)? {
    var reader = Reader(payload)
    let time = reader.signed()
    guard let kind = Record.Kind(rawValue: kind),
      let change = try decode(kind, &reader), !reader.failed
    else { return nil }
    return (time, change)
  }

  private static func decode(
    _ kind: Record.Kind, _ reader: inout Reader
  ) throws(JobError) -> Change? {
    switch kind {
    case .snapshot: return nil
    case .named: return .named
    case .published:
      var publication = Publication()
      publication.seq = reader.varint()
      publication.file = FileStamp(&reader)
      publication.out = FileStamp(&reader)
      publication.checksum = reader.fixed(UInt32.self)
      publication.outChecksum = reader.fixed(UInt32.self)
      // It came later.
      if !reader.isAtEnd { publication.fileSeq = reader.varint() }
      return .published(publication)
    case .created:
      let (id, type, key) = (reader.text(), reader.text(), reader.optionalText())
      let (config, total) = (reader.text(), reader.signed())
      return .created(NewJob(id: id, type: type, key: key, config: config, total: total))
    case .opened:
      let (job, owner) = (reader.text(), ProcessIdentity(&reader))
      let (salt, isRoll) = (reader.fixed(UInt64.self), reader.byte() == 1)
      return .opened(job: job, owner: owner, salt: salt, isRoll: isRoll)
    case .closed: return .closed(job: reader.text(), why: reader.optionalText())
    case .detached:
      let (job, watched) = (reader.text(), ProcessIdentity(&reader))
      return .detached(
        job: job, watched: watched.pid == 0 ? nil : watched, lock: OwnerLock?(&reader))
    case .paused:
      let (job, reason, error) = (reader.text(), reader.text(), reader.optionalText())
      let resumeAt = reader.signed()
      return .paused(
        job: job, reason: reason, error: error, resumeAt: resumeAt < 0 ? nil : resumeAt)
    case .resumed: return .resumed(job: reader.text())
    case .retried: return .retried(job: reader.text())
    case .retriedItems:
      let job = reader.text()
      return .retriedItems(job: job, PackedItems(try Buffer(reader.counted())))
    case .removed: return .removed(job: reader.text())
    case .completed: return .completed(job: reader.text(), result: reader.optionalText())
    case .failed:
      let (job, reason, error) = (reader.text(), reader.text(), reader.optionalText())
      return .failed(job: job, reason: reason, error: error, keepsLog: reader.byte() == 1)
    case .reported:
      let job = reader.text()
      return Report(&reader).map { .reported(job: job, $0) }
    case .planned, .plannedBeside:
      let job = reader.text()
      var mark: PlanMark?
      if kind == .plannedBeside { mark = PlanMark(log: reader.varint(), items: reader.signed()) }
      return .planned(job: job, PackedItems(try Buffer(reader.counted())), beside: mark)
    case .replanned:
      let job = reader.text()
      let mark = PlanMark(log: reader.varint(), items: reader.signed())
      return .replanned(job: job, PackedItems(try Buffer(reader.counted())), mark)
    case .configured:
      let job = reader.text()
      return .configured(job: job, config: reader.text())
    case .imported: return try StateDocument.decodeJob(reader.counted()).map { .imported($0) }
    case .importedOpaque: return .importedOpaque(reader.text())
    case .removedOpaque: return .removedOpaque(reader.text())
    case .edited, .editedStatus:
      let isAll = reader.byte() == Life.all.rawValue
      let life: Life = kind == .editedStatus ? .status : isAll ? .all : .nothing
      let members = texts(&reader)
      return try StateDocument.decodeJob(reader.counted()).map {
        .edited($0, members: members, takes: life)
      }
    case .adopted:
      let job = reader.text()
      let done = PackedItems(try Buffer(reader.counted()))
      return .adopted(job: job, done: done, failed: PackedItems(try Buffer(reader.counted())))
    case .refused:
      let job = reader.text()
      return .refused(job: job, status: reader.text())
    case .collided: return .collided(jobs: texts(&reader))
    case .topEdited: return .topEdited(name: reader.text(), text: reader.optionalText())
    case .setAside: return .setAside(name: reader.text(), why: reader.optionalText() ?? "")
    }
  }
}

/// A varint of how many, and the texts.
private func texts(_ reader: inout Reader) -> [String] {
  var texts: [String] = []
  for _ in 0..<min(reader.varint(), 1 << 20) where !reader.failed { texts.append(reader.text()) }
  return texts
}

extension ProcessIdentity {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendSigned(pid)
    try buffer.appendVarint(startTicks)
    try buffer.appendVarint(namespace)
    try buffer.append(boot, as: UInt64.self)
  }

  init(_ reader: inout Reader) {
    pid = reader.signed()
    startTicks = reader.varint()
    namespace = reader.varint()
    boot = reader.fixed(UInt64.self)
  }
}

extension OwnerLock? {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendOptional(self?.path)
    guard let self else { return }
    try buffer.appendVarint(self.device)
    try buffer.appendVarint(self.inode)
    try buffer.append(self.boot, as: UInt64.self)
  }

  init(_ reader: inout Reader) {
    guard let path = reader.optionalText() else {
      self = nil
      return
    }
    self = OwnerLock(
      path: path, device: reader.varint(), inode: reader.varint(), boot: reader.fixed(UInt64.self))
  }
}

extension FileStamp {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendVarint(inode)
    try buffer.appendSigned(size)
    try buffer.appendSigned(modified)
    try buffer.appendSigned(changed)
  }

  init(_ reader: inout Reader) {
    inode = reader.varint()
    size = reader.signed()
    modified = reader.signed()
    changed = reader.signed()
  }
}
