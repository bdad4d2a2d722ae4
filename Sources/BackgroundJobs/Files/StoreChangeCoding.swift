/// The store's own events as the payloads of journal records.
extension StoreChange {
  var kind: Record.Kind {
    switch self {
    case .rolled: .opened
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

  func encode(to buffer: Buffer) throws(JobError) {
    switch self {
    case .rolled(let job, let owner, let salt, let worker):
      buffer.appendCounted(job)
      encodeOpening(by: owner, salt, worker == nil ? 1 : 2, to: buffer)
      if let worker { buffer.appendVarint(worker) }
    case .imported(let job): try encode(job, to: buffer)
    case .importedOpaque(let text), .removedOpaque(let text): buffer.appendCounted(text)
    case .edited(let job, let members, let life):
      buffer.append(life.rawValue)
      encode(members, to: buffer)
      try encode(job, to: buffer)
    case .adopted(let job, let done, let failed):
      buffer.appendCounted(job)
      buffer.appendCounted(done.buffer.bytes)
      buffer.appendCounted(failed.buffer.bytes)
    case .refused(let job, let status):
      buffer.appendCounted(job)
      buffer.appendCounted(status)
    case .collided(let jobs): encode(jobs, to: buffer)
    case .topEdited(let name, let text):
      buffer.appendCounted(name)
      buffer.appendOptional(text)
    case .setAside(let name, let why):
      buffer.appendCounted(name)
      buffer.appendOptional(why)
    case .named: break
    case .published(let publication):
      buffer.appendVarint(publication.seq)
      publication.file.encode(to: buffer)
      publication.out.encode(to: buffer)
      buffer.append(publication.checksum, as: UInt32.self)
      buffer.append(publication.outChecksum, as: UInt32.self)
      buffer.appendVarint(publication.fileSeq)
      buffer.appendVarint(publication.paid)
      buffer.appendSigned(publication.pace.time)
      buffer.append(publication.pace.packed, as: UInt64.self)
    }
  }

  private func encode(_ job: JobState, to buffer: Buffer) throws(JobError) {
    let text = Buffer()
    try StateDocument.encodeForeign(job, JSONText(text))
    try text.requireWhole()
    buffer.appendCounted(text.bytes)
  }

  /// A varint of how many, and the texts.
  private func encode(_ texts: [String], to buffer: Buffer) {
    buffer.appendVarint(UInt64(texts.count))
    for text in texts { buffer.appendCounted(text) }
  }

  /// nil: it happens to a job.
  static func decode(
    _ kind: Record.Kind, _ reader: inout Reader
  ) throws(JobError) -> StoreChange? {
    switch kind {
    case .named: return .named
    case .published:
      var publication = Publication()
      publication.seq = reader.varint()
      publication.file = FileStamp(&reader)
      publication.out = FileStamp(&reader)
      publication.checksum = reader.fixed(UInt32.self)
      publication.outChecksum = reader.fixed(UInt32.self)
      // These came later.
      if !reader.isAtEnd { publication.fileSeq = reader.varint() }
      publication.paid = reader.isAtEnd ? publication.fileSeq : reader.varint()
      if !reader.isAtEnd {
        publication.pace = Pace(time: reader.signed(), packed: reader.fixed(UInt64.self))
      }
      return .published(publication)
    case .opened:
      let (job, owner, salt) = (reader.text(), ProcessIdentity(&reader), reader.fixed(UInt64.self))
      let roll = reader.byte()
      let worker = roll == 2 ? reader.varint() : nil
      return roll == 0 ? nil : .rolled(job: job, owner: owner, salt: salt, worker: worker)
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
      let done = try items(&reader)
      return .adopted(job: job, done: done, failed: try items(&reader))
    case .refused:
      let job = reader.text()
      return .refused(job: job, status: reader.text())
    case .collided: return .collided(jobs: texts(&reader))
    case .topEdited: return .topEdited(name: reader.text(), text: reader.optionalText())
    case .setAside: return .setAside(name: reader.text(), why: reader.optionalText() ?? "")
    case .snapshot, .table, .created, .closed, .detached, .paused, .resumed, .completed, .failed,
      .retried, .retriedItems, .removed, .reported, .planned, .plannedBeside, .replanned,
      .configured, .rated, .permitted, .throttled, .queued, .limited, .valued, .needs,
      .reinstated, .attempted, .died, .joined, .parted, .claimed, .returned:
      return nil
    }
  }
}

/// A varint of how many, and the texts.
private func texts(_ reader: inout Reader) -> [String] {
  var texts: [String] = []
  for _ in 0..<min(reader.varint(), 1 << 20) where !reader.failed { texts.append(reader.text()) }
  return texts
}
