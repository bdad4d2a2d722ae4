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

  /// What the other tools' files say.
  private enum Inbox {
    case unchanged, taken, notReadableYet
  }

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
      let published = state.publication
      let left = try files.status(Self.outName)
      // Known by its contents where its stamp proves nothing: read once more, what was removed
      // since would come back.
      var displaced = published.outChecksum
      let leftover = try takeIn(
        left, Self.outName, in: files, published.out, checksum: &displaced)
      if leftover == .notReadableYet { return false }
      let before = try directory.status(Self.fileName)
      var merged = published.checksum
      let inbox = try takeIn(
        before, Self.fileName, in: directory, published.file, checksum: &merged)
      if inbox == .notReadableYet { return false }
      let read = before?.stamp
      let checksum = try writeOut(in: files, like: before)
      try exchange(files, directory, isFirst: read == nil)
      // With `before` written a moment ago, equal stamps do not prove equal contents.
      let out = try files.status(Self.outName)?.stamp ?? FileStamp()
      let isWhatWasRead =
        read.map { $0.inode == out.inode && $0.size == out.size && $0.modified == out.modified }
        ?? true
      let isRacy = read.map { cposix_realtime() &- $0.modified < 20_000_000 } ?? false
      let file = try directory.status(Self.fileName)?.stamp ?? FileStamp()
      let publication = Publication(
        seq: state.seq, file: file, out: isWhatWasRead && !isRacy ? out : FileStamp(),
        checksum: checksum, outChecksum: merged)
      try append(.published(publication), durable: false)
      publishedSeq = state.seq
      if isWhatWasRead {
        owesPublication = false
        return true
      }
    }
    return false
  }

  /// Merges a file unless it is one that we know. `checksum`: of the contents that we know, then of
  /// those that were merged.
  private func takeIn(
    _ status: cposix_file_status?, _ name: String, in directory: Directory, _ known: FileStamp,
    checksum: inout UInt32
  ) throws(JobError) -> Inbox {
    guard let status, status.stamp != known else { return .unchanged }
    guard let (bytes, stamp) = try readWhole(name, in: directory) else { return .unchanged }
    let found = CRC32C.of(bytes.bytes)
    guard state.publication.file.size < 0 || found != checksum else { return .unchanged }
    checksum = found
    guard let journal else { return .unchanged }
    do throws(StateDocument.Fault) {
      let document = try StateDocument.decode(bytes.bytes)
      do throws(JobError) {
        try checkFormat(document.state)
        let merge = Merge(state, with: document, epoch: journal.epoch)
        if merge.provesLoss { throw lost(name) }
        try append(try merge.changes(), durable: true)
      } catch {
        throw .other(error)
      }
      return .taken
    } catch {
      let fault = StateDocument.describe(error, directory.name + "/" + name)
      if case .other(let error) = error { throw error }
      if isBeingWritten(stamp) { return .notReadableYet }
      let aside = try copyAside(name, bytes, in: directory)
      try append([.setAside(name: aside, why: fault.message)], durable: true)
      return .taken
    }
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
      if let old { try keepPermissions(of: old, on: file, status) }
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

  private func keepPermissions(
    of old: cposix_file_status, on file: File, _ now: cposix_file_status
  ) throws(JobError) {
    if old.owner != now.owner || old.group != now.group {
      // Only root may give files away; a colleague's file becomes ours.
      _ = fchown(file.descriptor, old.owner, old.group)
    }
    // A symbolic link permits everything to everybody, whatever its target does.
    let mode = old.is_regular != 0 ? mode_t(old.mode) : 0o600
    guard mode != now.mode else { return }
    _ = try posix(.change, file.name) { Int(fchmod(file.descriptor, mode)) }
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
    if published.file.size >= 0, CRC32C.of(bytes.bytes) == published.checksum { return }
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
