import CPosix

// What other tools write: into the state file, and late into the one that was displaced (PROTOCOL, P2
// to P4).
extension FileStore {
  private static let outName = StateDirectory.outName
  private static let fileName = StateDirectory.fileName
  /// A file written so recently may be written again without another stamp.
  private static let racy: UInt64 = 20_000_000

  func isRacy(_ stamp: FileStamp) -> Bool {
    (cposix_realtime() &- stamp.modified).magnitude < Self.racy
  }

  /// Under the lock: takes in what other tools have written since the last time. `file`: the state
  /// file's status. `durably`: else the caller sees to it. false: not now, another tool seems to be
  /// writing.
  func takeInForeignEdits(
    _ file: cposix_file_status?, andDisplaced looksAtOut: Bool = true, durably: Bool = true
  ) throws(JobError) -> Bool {
    guard let directory = places.state, let files = places.files else { return true }
    var file = file
    if looksAtOut, let out = try files.status(Self.outName), out.stamp != state.publication.out {
      if let (bytes, stamp) = try readWhole(Self.outName, in: files) {
        if try bringBack(out, bytes, file, files, directory) {
          file = try directory.status(Self.fileName)
        } else if try !takeIn(bytes, stamp, Self.outName, in: files, durably) {
          return false
        }
      }
    }
    guard let file, file.stamp != state.publication.file,
      let (bytes, stamp) = try readWhole(Self.fileName, in: directory)
    else { return true }
    return try takeIn(bytes, stamp, Self.fileName, in: directory, durably)
  }

  /// The same before a transition decides. What cannot be read now is left to the publication: it
  /// neither fails nor delays the transition.
  func takeInForeignEdits() throws(JobError) {
    do throws(JobError) {
      _ = try takeInForeignEdits(try places.state?.status(Self.fileName) ?? nil)
    } catch {
      if journal?.isPoisoned ?? true { throw error }
      try catchUp()
    }
  }

  /// A publisher was killed between displacing an edit and taking it in: back with it, before its
  /// writer reads the file and goes on without it. false: there is nothing to bring back, or
  /// somebody has written into the new file already.
  private func bringBack(
    _ out: cposix_file_status, _ bytes: Buffer, _ file: cposix_file_status?, _ files: Directory,
    _ directory: Directory
  ) throws(JobError) -> Bool {
    guard let file, out.inode != state.publication.out.inode, file.inode != out.inode,
      file.stamp != state.publication.file, isAsPublished(file.stamp),
      !isKnown(CRC32C.of(bytes.bytes), isOut: true),
      let lock = try LockFile.takeSoon(places, pid: process.pid)
    else { return false }
    defer { lock.release() }
    guard try directory.status(Self.fileName)?.stamp == file.stamp else { return false }
    try bringBack(files, directory)
    return try files.status(Self.outName)?.inode != out.inode
  }

  /// By its contents, where its stamp proves nothing.
  private func isKnown(_ checksum: UInt32, isOut: Bool) -> Bool {
    let known = state.publication
    guard known.seq != 0 else { return false }
    // A publisher may have been killed before it noted that what it displaced was taken in.
    return checksum == known.checksum || (isOut && checksum == known.outChecksum)
  }

  /// Merges a file unless its contents are known, and notes its stamp. false: it is half written.
  private func takeIn(
    _ bytes: Buffer, _ stamp: FileStamp, _ name: String, in directory: Directory, _ durably: Bool
  ) throws(JobError) -> Bool {
    guard let journal else { return true }
    let isOut = name.bytes == Self.outName.bytes
    let found = CRC32C.of(bytes.bytes)
    let isKnown = isKnown(found, isOut: isOut)
    // Read once more, what was removed since would come back.
    if isKnown, isRacy(stamp) { return true }
    var publication = state.publication
    publication.seq = max(state.seq, 1)
    if isOut {
      publication.out = isRacy(stamp) ? FileStamp() : stamp
      publication.outChecksum = found
    } else {
      publication.file = isRacy(stamp) ? FileStamp() : stamp
      publication.checksum = found
    }
    var edits: [Change] = []
    if !isKnown {
      try foldLogs()
      guard let (theirs, seq) = try changes(of: bytes, stamp, name, in: directory, journal) else {
        return false
      }
      edits = theirs
      if !isOut { publication.fileSeq = seq }
      // An old copy may say nothing new, and has to go all the same.
      publication.paid = 0
      debt.owe()
    }
    // Ours, of a publisher that was killed before the exchange, says nothing new.
    if !edits.isEmpty, hasCollided || isOut {
      edits.append(.store(.collided(jobs: edits.compactMap(displacedJob))))
      hasCollided = false
    }
    edits.append(.store(.published(publication)))
    try append(edits, durable: durably && !isKnown)
    return true
  }

  /// The job that the writer of a displaced edit meant; a request is made again.
  private func displacedJob(_ change: Change) -> String? {
    switch change {
    case .job(let id, .removed), .store(.adopted(let id, _, _)): id
    case .store(.edited(let job, _, _)), .store(.imported(let job)): job.id
    case .job, .store, .queue: nil
    }
  }

  /// Who asked for it waits to see what comes of it.
  private func isRequest(_ change: Change) -> Bool {
    switch change {
    case .job(_, .paused), .job(_, .resumed), .store(.refused): true
    case .job, .store, .queue: false
    }
  }

  /// What a file says, or that it was set aside, and the number in it; nil: it is half written.
  private func changes(
    of bytes: Buffer, _ stamp: FileStamp, _ name: String, in directory: Directory,
    _ journal: Journal
  ) throws(JobError) -> (changes: [Change], seq: UInt64)? {
    let document: StateDocument.Decoded
    do throws(StateDocument.Fault) { document = try StateDocument.decode(bytes.bytes) } catch {
      let fault = StateDocument.describe(error, directory.path(name))
      if case .other(let error) = error { throw error }
      if isBeingWritten(stamp) { return nil }
      if try LockFile.isHeld(places) { return nil }
      let aside = asideName(name)
      try copy(name, to: aside, in: directory)
      return ([.store(.setAside(name: aside, why: fault.message))], 0)
    }
    try checkFormat(document.state)
    let merge = merge(document, journal, isCurrent: name.bytes == Self.fileName.bytes)
    if merge.provesLoss { throw lost(name) }
    // A power cut may take the event that tells of a publication.
    if document.epoch == journal.epoch, isAsPublished(stamp) { return ([], merge.seen ?? 0) }
    return (try merge.changes(), merge.seen ?? 0)
  }

  /// `isCurrent`: it is the file under its name.
  @inline(never)
  private func merge(
    _ document: StateDocument.Decoded, _ journal: Journal, isCurrent: Bool
  ) -> Merge {
    Merge(state, with: document, epoch: journal.epoch, isCurrent: isCurrent) { job in
      (try? self.isOwnerAlive(job)) ?? nil
    }
  }

  /// Readers see foreign edits before somebody merges them; nothing is written.
  func overlayForeignEdits() throws(JobError) {
    guard let journal, let directory = places.state, !journal.isLocked else { return }
    let published = state.publication
    guard let status = try directory.status(Self.fileName), status.stamp != published.file,
      let (bytes, _) = try readWhole(Self.fileName, in: directory)
    else { return }
    if published.seq != 0, CRC32C.of(bytes.bytes) == published.checksum { return }
    guard let document = try StateDocument.decodeIfSound(bytes.bytes),
      document.state.format <= StateDocument.format
    else { return }
    if provesLoss(document) {
      // Or it was published after our look at the journal.
      try catchUp()
      guard let journal = self.journal, mends, provesLoss(document) else { return }
      try salvage(journal.file, journal, lost(StateDirectory.fileName))
      return try catchUp()
    }
    if document.epoch == journal.epoch, isAsPublished(status.stamp) { return }
    try foldLogs()
    let changes = try merge(document, journal, isCurrent: true).changes()
    guard !changes.isEmpty else { return }
    isOverlaid = true
    if !options.isReadOnly, changes.contains(where: isRequest) { hasSeenRequest = true }
    let seq = state.seq
    for change in changes {
      try state.apply(asForeign(change), at: Moment(seq: seq, time: clock.realtimeMs))
    }
  }

  @inline(never)
  private func provesLoss(_ document: StateDocument.Decoded) -> Bool {
    guard let journal else { return false }
    return merge(document, journal, isCurrent: true).provesLoss
  }

  private func lost(_ name: String) -> JobError {
    JobError(
      .damaged,
      "\(places.statePath)/background-jobs.d/journal: the events behind \(state.seq) are missing,"
        + " \(name) has more")
  }

  /// What a journal would make of it: another tool's job without our member.
  private func asForeign(_ change: Change) throws(JobError) -> Change {
    let buffer = Buffer()
    try change.encode(time: 0, to: buffer)
    try buffer.requireWhole()
    return try Change.decode(change.kind.rawValue, buffer.bytes)?.change ?? change
  }
}
