import CPosix

// The state file: published view for everyone, inbox for other tools' edits (PROTOCOL, Publishing).
extension Store {
  private static let outName = StateDirectory.outName
  private static let nextName = "out.new"
  private static let fileName = StateDirectory.fileName
  /// The same for the kernel.
  private static let outPath: StaticString = "out"
  private static let filePath: StaticString = "background-jobs.json"
  /// Our files get a time so far in the past that a later write is sure to change it, whatever the
  /// granularity of the file system's clock.
  private static let quiet: Int64 = 25_000_000

  /// A file written so recently may be written again without another stamp.
  private static let racy: UInt64 = 20_000_000

  /// Under the lock: publishes if it is owed and due. Failing costs nothing but freshness.
  func publishIfDue(_ urgency: Urgency) {
    guard owesPublication else { return }
    let now = Clock.machine
    switch urgency {
    case .transition:
      guard transitionPace.isDue(at: now) else { return }
      _ = try? publish()
      transitionPace.spend(at: now, cost: Clock.machine - now)
    case .progress:
      guard progressPace.isDue(at: now) else { return }
      _ = try? publish()
      progressPace.spend(at: now, cost: Clock.machine - now)
    }
  }

  /// Publishes what is owed; waits, without the lock, for another tool that is writing just now.
  func publishPatiently() throws(JobError) {
    let deadline = Clock.machine + Self.writingTime
    while owesPublication {
      try lock()
      let isDone: Bool
      do {
        defer { unlock() }
        isDone = try publish()
      }
      if isDone || Clock.machine >= deadline { return }
      Clock.sleep(milliseconds: 20)
    }
  }

  /// false: not now, another tool seems to be writing.
  @discardableResult
  func publish() throws(JobError) -> Bool {
    guard let directory = places.state, let files = places.files else { return true }
    try closeDeadOwners()
    // What is published must not be newer than what a power cut leaves of the journal.
    if let journal, journal.lastReportSeq > journal.durableSeq { try journal.sync(state.seq) }
    for _ in 0..<8 {
      let before = try directory.status(Self.fileName)
      guard try takeInForeignEdits(before) else { return false }
      let read = before?.stamp
      let checksum = try writeOut(in: files, like: before)
      try exchange(files, directory, isFirst: read == nil)
      // With `before` written a moment ago, equal stamps do not prove equal contents.
      let out = try files.status(Self.outName)?.stamp ?? FileStamp()
      let isWhatWasRead =
        read.map { $0.inode == out.inode && $0.size == out.size && $0.modified == out.modified }
        ?? true
      let file = try directory.status(Self.fileName)?.stamp ?? FileStamp()
      let publication = Publication(
        seq: state.seq, file: file,
        out: isWhatWasRead && !(read.map(isRacy) ?? false) ? out : FileStamp(),
        checksum: checksum, outChecksum: state.publication.checksum)
      try append(.published(publication), durable: false)
      publishedSeq = state.seq
      if isWhatWasRead {
        owesPublication = false
        return true
      }
    }
    return false
  }

  /// P2 to P4, under the lock: takes in what other tools have written since the last time. `file`:
  /// the state file's status. false: not now, another tool seems to be writing.
  func takeInForeignEdits(_ file: cposix_file_status?) throws(JobError) -> Bool {
    guard let directory = places.state, let files = places.files else { return true }
    if let out = try files.status(Self.outName), out.stamp != state.publication.out,
      try !takeIn(Self.outName, in: files, isOut: true)
    {
      return false
    }
    guard let file, file.stamp != state.publication.file else { return true }
    return try takeIn(Self.fileName, in: directory, isOut: false)
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

  /// Merges a file unless its contents are known, and notes its stamp.
  private func takeIn(
    _ name: String, in directory: Directory, isOut: Bool
  ) throws(JobError) -> Bool {
    guard let journal, let (bytes, stamp) = try readWhole(name, in: directory) else { return true }
    var publication = state.publication
    let found = CRC32C.of(bytes.bytes)
    // Known by its contents where its stamp proves nothing: read once more, what was removed since
    // would come back.
    let isKnown =
      publication.seq != 0
      && found == (isOut ? publication.outChecksum : publication.checksum)
    if isKnown, isRacy(stamp) { return true }
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
      guard let theirs = try changes(of: bytes, stamp, name, in: directory, journal) else {
        return false
      }
      edits = theirs
      owesPublication = true
    }
    edits.append(.published(publication))
    try append(edits, durable: !isKnown)
    return true
  }

  /// What a file says, or that it was set aside; nil: it is half written.
  private func changes(
    of bytes: Buffer, _ stamp: FileStamp, _ name: String, in directory: Directory,
    _ journal: Journal
  ) throws(JobError) -> [Change]? {
    let document: StateDocument.Decoded
    do throws(StateDocument.Fault) { document = try StateDocument.decode(bytes.bytes) } catch {
      let fault = StateDocument.describe(error, directory.name + "/" + name)
      if case .other(let error) = error { throw error }
      if isBeingWritten(stamp) { return nil }
      let aside = try copyAside(name, in: directory)
      return [.setAside(name: aside, why: fault.message)]
    }
    try checkFormat(document.state)
    let merge = Merge(state, with: document, epoch: journal.epoch)
    if merge.provesLoss { throw lost(name) }
    return try merge.changes()
  }

  private func isRacy(_ stamp: FileStamp) -> Bool {
    (cposix_realtime() &- stamp.modified).magnitude < Self.racy
  }

  /// Gives the text's checksum.
  private func writeOut(
    in files: Directory, like old: cposix_file_status?
  ) throws(JobError) -> UInt32 {
    guard let epoch = journal?.epoch else { return 0 }
    let file = try places.create(Self.nextName, in: files, mode: 0o644, isBrief: true)
    let checksum: UInt32
    do throws(JobError) {
      let stream = FileStream(file, text)
      try StateDocument.encode(state, epoch: epoch, into: JSONText(text, stream))
      try stream.flush()
      checksum = stream.checksum
      let status = try file.status()
      guard status.size == stream.size else {
        throw JobError(.io, "\(file.name) is shorter than what was written")
      }
      if let old { try file.keepAccess(of: old) }
      _ = try posix(.change, file.name) {
        Int(cposix_set_modified(file.descriptor, cposix_realtime() - Self.quiet))
      }
      try file.sync()
      // Under the name that is looked at only when it is whole: a half-written one is no foreign
      // edit.
      try files.rename(Self.nextName, to: Self.outName)
    } catch {
      try? files.unlink(Self.nextName)
      throw error
    }
    return checksum
  }

  /// The displaced file stays as `out`: a writer that still has it open is heard the next time.
  private func exchange(
    _ files: Directory, _ directory: Directory, isFirst: Bool
  ) throws(JobError) {
    let (from, to) = (files.file.descriptor, directory.file.descriptor)
    let outPath = UnsafeRawPointer(Self.outPath.utf8Start).assumingMemoryBound(to: CChar.self)
    let filePath = UnsafeRawPointer(Self.filePath.utf8Start).assumingMemoryBound(to: CChar.self)
    do throws(JobError) {
      _ = try posix(.rename, "\(directory.name)/\(Self.fileName)") {
        Int(
          isFirst
            ? cposix_rename_new(from, outPath, to, filePath)
            : cposix_exchange(from, outPath, to, filePath))
      }
    } catch {
      // File systems without RENAME_EXCHANGE: an edit made at this very moment is lost there.
      guard error.osError == EINVAL || error.osError == ENOSYS else { throw error }
      _ = try posix(.rename, "\(directory.name)/\(Self.fileName)") {
        Int(renameat(from, outPath, to, filePath))
      }
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
    guard let document = try? StateDocument.decode(bytes.bytes),
      document.state.format <= StateDocument.format
    else { return }
    if Merge(state, with: document, epoch: journal.epoch).provesLoss {
      // Or it was published after our look at the journal.
      try catchUp()
      guard let journal = self.journal, !options.isReadOnly,
        Merge(state, with: document, epoch: journal.epoch).provesLoss
      else { return }
      try salvage(journal.file, journal, lost(StateDirectory.fileName))
      return try catchUp()
    }
    let changes = try Merge(state, with: document, epoch: journal.epoch).changes()
    guard !changes.isEmpty else { return }
    isOverlaid = true
    let seq = state.seq
    for change in changes {
      try state.apply(Event(seq: seq, time: clock.realtimeMs, change: asForeign(change)))
    }
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
    return try Change.decode(change.kind.rawValue, buffer.bytes)?.change ?? change
  }
}
