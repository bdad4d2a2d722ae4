import CPosix

// The state file: published view for everyone, inbox for other tools' edits (PROTOCOL, Publishing).
extension FileStore {
  private static let outName = StateDirectory.outName
  private static let nextName = "out.new"
  private static let fileName = StateDirectory.fileName
  /// The same for the kernel.
  private static let outPath: StaticString = "out"
  private static let filePath: StaticString = "background-jobs.json"
  /// Our files get a time so far in the past that a later write is sure to change it, whatever the
  /// granularity of the file system's clock.
  private static let quiet: Int64 = 25_000_000
  /// And nanoseconds within the millisecond that a write, which takes the present time, does not give.
  private static let signature: Int64 = 424_242
  /// What is larger takes 10 ms and more to write, on any disk. A small one takes what its sync does,
  /// and so does the transition itself.
  private static let large: Int64 = 4 << 20
  /// When to try again what another tool hinders.
  private static let soon: Int64 = 50_000_000

  /// What came of a publication.
  enum Publishing {
    case done
    /// Not now: another tool seems to be writing the file.
    case unreadable
    /// Not now: another tool holds the lock file.
    case locked
  }

  /// Milliseconds until a call of this kind is to publish what is owed; 0 or less: now. By the
  /// machine's time, never a test's: it is that of all processes.
  func publicationWait(_ urgency: Urgency) -> Int64 {
    state.publication.pace.wait(
      urgency, since: state.unseenTransition,
      isLarge: state.publication.file.size > Self.large, at: cposix_realtime() / 1_000_000)
  }

  /// Under the lock, when all is folded: whether anything is owed.
  @inline(never)
  private func settleDebt() -> Bool {
    debt.settle(isUnpublished: state.isUnpublished)
    return debt.isOwed
  }

  @inline(never)
  private func isPublicationDue(_ urgency: Urgency, at now: Int64) -> Bool {
    debt.isOwed && !debt.isHindered(urgency, at: now) && publicationWait(urgency) <= 0
  }

  /// Under the lock: publishes if it is owed and due. Failing costs nothing but freshness.
  func publish(_ urgency: Urgency, _ now: Int64) {
    guard settleDebt(), isPublicationDue(urgency, at: now) else { return }
    let outcome = try? publish(state.unseenTransition == nil ? urgency : .transition)
    let end = Clock.machine
    switch outcome {
    case .unreadable, .locked: debt.postpone(urgency, to: end &+ Self.soon)
    case .done: break
    case nil: debt.postpone(urgency, to: end &+ 20 &* (end &- now))
    }
  }

  /// Without the lock: the same, unless somebody else has the lock.
  func publishInPassing(_ now: Int64) {
    guard isPublicationDue(.progress, at: now) else { return }
    let happened = try? transactIfFree { () throws(JobError) in
      publish(.progress, now)
      compactIfNeeded()
    }
    dropClosedLogs()
    if happened == nil { debt.postpone(.progress, to: now &+ 2 &* Self.soon) }
  }

  /// Publishes what is owed; waits, without the lock, for another tool that is writing just now.
  func publishPatiently() throws(JobError) {
    let begin = Clock.machine
    while debt.isOwed {
      try lock()
      let outcome: Publishing
      do throws(JobError) {
        defer { unlock() }
        // Or somebody else has done it.
        guard settleDebt() else { return }
        outcome = try publish()
      } catch {
        guard try leaveDamage() else { throw error }
        continue
      }
      let patience = outcome == .locked ? Self.soon * 5 : Self.writingTime
      if outcome == .done || Clock.machine - begin >= patience { return }
      Clock.sleep(milliseconds: 20)
    }
  }

  @discardableResult
  func publish(_ urgency: Urgency = .transition) throws(JobError) -> Publishing {
    let started = Clock.machine
    guard let directory = places.state, let files = places.files else { return .done }
    try closeDeadOwners()
    // What is published must not be newer than what a power cut leaves of the journal.
    if let journal, journal.lastReportSeq > journal.durableSeq { try journal.sync(state.seq) }
    try syncSomeLogs()
    // Known by its stamp, the displaced file is looked at when it is to be deleted.
    var looksAtOut = state.publication.out == FileStamp()
    var cost: Int64 = 0
    for attempt in 0..<8 {
      var lock: LockFile?
      defer { lock?.release() }
      // Others write as often as we sync: once they have to wait for that.
      let isCrowded = attempt > 1 && state.hasNeighbours
      if isCrowded {
        lock = try LockFile.takeSoon(places, pid: process.pid, holding: cost * 8)
        if lock == nil { return .locked }
      }
      let before = try directory.status(Self.fileName)
      let mayChangeUnseen = before.map { isRacy($0.stamp) } ?? false
      guard
        try takeInForeignEdits(before, andDisplaced: looksAtOut, durably: !isCrowded)
      else { return .unreadable }
      looksAtOut = true
      let seq = state.seq
      let begin = Clock.machine
      let written = try writeNext(in: files, like: before)
      cost = max(cost, Clock.machine - begin)
      if state.hasNeighbours, lock == nil {
        lock = try LockFile.takeSoon(places, pid: process.pid)
        guard lock != nil else {
          try? files.unlink(Self.nextName)
          return .locked
        }
      }
      guard
        try isStill(before, directory, known: mayChangeUnseen ? state.publication.checksum : nil),
        try isDisplacedKnown(files)
      else { continue }
      // Not by its own name: half a file under a name that is looked at would be a foreign edit.
      try files.rename(Self.nextName, to: Self.outName)
      let exchanged = try exchange(files, directory, isFirst: before == nil)
      if exchanged == .missed { continue }
      let out = try files.status(Self.outName)?.stamp ?? FileStamp()
      guard exchanged == .replaced || before.map({ $0.stamp.hasContents(of: out) }) ?? true else {
        // Somebody wrote who takes no lock.
        try bringBack(files, directory)
        continue
      }
      let file = try directory.status(Self.fileName)?.stamp ?? FileStamp()
      lock?.release()
      lock = nil
      let publication = Publication(
        seq: state.seq, file: file.hasContents(of: written.stamp) ? file : FileStamp(),
        out: mayChangeUnseen ? FileStamp() : out,
        checksum: written.checksum, outChecksum: state.publication.checksum, fileSeq: seq,
        paid: seq,
        pace: state.publication.pace.spent(
          on: urgency, at: cposix_realtime() / 1_000_000,
          cost: Clock.machine &- started &+ costBeside))
      try append(.store(.published(publication)), durable: isCrowded)
      debt.pay()
      // By another tool: their output may hold what nobody else is to read.
      if hasRemovedJobs { removeOutputOfGoneJobs() }
      return .done
    }
    try? files.unlink(Self.nextName)
    return .unreadable
  }

  /// The same of the logs, but for the rest where there are many: their marks in the file say how far
  /// they are synced.
  private func syncSomeLogs() throws(JobError) {
    var left = 16
    for job in state.known {
      for place in 0..<job.workerCount {
        guard let log = job.log(at: place), log.synced < log.index, left > 0 else { continue }
        try syncLog(of: job, place)
        left -= 1
      }
    }
  }

  /// Whether the file is as it was when it was taken in. `known`: the checksum of its contents, where
  /// equal stamps do not prove equal contents.
  private func isStill(
    _ before: cposix_file_status?, _ directory: Directory, known: UInt32?
  ) throws(JobError) -> Bool {
    guard try directory.status(Self.fileName)?.stamp == before?.stamp else { return false }
    guard let known, let (bytes, _) = try readWhole(Self.fileName, in: directory) else {
      return true
    }
    return CRC32C.of(bytes.bytes) == known
  }

  /// Whether nobody has written late into the file that the last publication displaced, and this one
  /// will delete.
  private func isDisplacedKnown(_ files: Directory) throws(JobError) -> Bool {
    guard state.publication.out != FileStamp() else { return true }
    return try files.status(Self.outName)?.stamp ?? state.publication.out == state.publication.out
  }

  private func writeNext(
    in files: Directory, like old: cposix_file_status?
  ) throws(JobError) -> (stamp: FileStamp, checksum: UInt32) {
    guard let epoch = journal?.epoch else { throw JobError(.io, "no journal") }
    let file = try places.create(Self.nextName, in: files, mode: 0o644, isBrief: true)
    do throws(JobError) {
      let stream = FileStream(file, text)
      let out = JSONText(text, stream)
      try StateDocument.encode(state, epoch: epoch, into: out)
      try out.finish()
      try stream.flush()
      let past = (cposix_realtime() - Self.quiet) / 1_000_000 * 1_000_000 + Self.signature
      _ = try posix(.change, file.name) { Int(cposix_set_modified(file.descriptor, past)) }
      let status = try file.status()
      guard status.size == stream.size else {
        throw JobError(.io, "\(file.name) is shorter than what was written", osError: EIO)
      }
      if let old { try file.keepAccess(of: old, status) }
      try file.sync()
      return (status.stamp, stream.checksum)
    } catch {
      try? files.unlink(Self.nextName)
      throw error
    }
  }

  private enum Exchange {
    case done
    /// The file system can only rename: what was there is gone.
    case replaced
    /// Somebody made, or removed, the file just now.
    case missed
  }

  /// The displaced file stays as `out`: a writer that still has it open is heard the next time.
  private func exchange(
    _ files: Directory, _ directory: Directory, isFirst: Bool
  ) throws(JobError) -> Exchange {
    let (from, to) = (files.file.descriptor, directory.file.descriptor)
    let outPath = UnsafeRawPointer(Self.outPath.utf8Start).assumingMemoryBound(to: CChar.self)
    let filePath = UnsafeRawPointer(Self.filePath.utf8Start).assumingMemoryBound(to: CChar.self)
    do throws(JobError) {
      _ = try posix(.rename, directory.path(Self.fileName)) {
        Int(
          isFirst
            ? cposix_rename_new(from, outPath, to, filePath)
            : cposix_exchange(from, outPath, to, filePath))
      }
    } catch {
      if error.osError == (isFirst ? EEXIST : ENOENT) { return .missed }
      // File systems without RENAME_EXCHANGE: an edit made at this very moment is lost there.
      guard error.osError == EINVAL || error.osError == ENOSYS else { throw error }
      _ = try posix(.rename, directory.path(Self.fileName)) {
        Int(renameat(from, outPath, to, filePath))
      }
      return .replaced
    }
    return .done
  }

  /// An edit was displaced that nobody has taken in: it gets its name again, so that its writer finds
  /// it there. Unless somebody has written into the new file already: then both are merged.
  func bringBack(_ files: Directory, _ directory: Directory) throws(JobError) {
    hasCollided = true
    guard let file = try directory.status(Self.fileName), isAsPublished(file.stamp),
      try exchange(files, directory, isFirst: false) == .done,
      let out = try files.status(Self.outName)
    else { return }
    if !isAsPublished(out.stamp) { _ = try exchange(files, directory, isFirst: false) }
  }

  /// Nobody has written into this file of ours: no other has such a time.
  @inline(never)
  func isAsPublished(_ stamp: FileStamp) -> Bool {
    stamp.modified % 1_000_000 == Self.signature
      && stamp.changed &- stamp.modified >= Self.quiet / 2
  }
}

extension FileStamp {
  /// A rename changes no contents.
  fileprivate func hasContents(of other: FileStamp) -> Bool {
    inode == other.inode && size == other.size && modified == other.modified
  }
}
