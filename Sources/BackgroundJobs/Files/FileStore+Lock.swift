import CPosix

// PROTOCOL R1: the writer lock is on the journal itself, so it may move to a new file.
extension FileStore {
  func lock() throws(JobError) {
    let deadline = Clock.machine + options.lockTimeoutMs * 1_000_000
    var pause: Int64 = 200_000
    while try !lockIfFree() {
      guard Clock.machine < deadline else {
        let holder = journal?.readHolder() ?? ""
        let who = holder.isEmpty ? "another process" : holder
        throw JobError(.busy, "the writer lock is held by \(who)")
      }
      cposix_sleep(pause / 2 + Int64(randomBits() % UInt64(pause)))
      pause = min(pause * 2, 5_000_000)
    }
    let now = DateText.format(clock.realtimeMs)
    journal?.writeHolder(Message("process \(process.pid) since \(now)").text)
  }

  /// Folds, locks, and folds what came in between. false: somebody else has the lock.
  func lockIfFree() throws(JobError) -> Bool {
    // What is in no event yet would be taken for known.
    if isOverlaid { reset() }
    for _ in 0..<64 {
      try catchUp()
      try checkFormat(state)
      guard let journal else {
        try buildJournal()
        continue
      }
      if journal.file.isForReading {
        try expectWritable()
        continue
      }
      guard try journal.tryLock() else { return false }
      if try places.journalStatus()?.inode == journal.inode {
        do throws(JobError) {
          try catchUp()
          if self.journal?.isPoisoned ?? false { try compact() }
          // A version before has made it.
          if self.journal?.isOld ?? false { try? compact() }
        } catch {
          unlock()
          throw error
        }
        return true
      }
      unlock()
      // The same file under another path: the directory was moved away.
      if try journal.file.status().links > 0 { leaveMovedDirectory() }
      try checkUsable()
    }
    throw JobError(.busy, "the journal is replaced again and again")
  }

  /// The journal could only be read when it was opened. Throws why, if that is still so.
  private func expectWritable() throws(JobError) {
    _ = try places.files?.openIfThere(Journal.name, O_RDWR)
    use(nil)
    reset()
  }

  /// What a newer version wrote may be read, but not written.
  func checkFormat(_ state: FileState) throws(JobError) {
    guard state.format > StateDocument.format else { return }
    throw JobError(
      .unsupported,
      "\(places.statePath)/\(StateDirectory.fileName) has format \(state.format), we know"
        + " \(StateDocument.format)")
  }

  /// Someone else may run our jobs now, from the directory that has taken this one's place.
  private func leaveMovedDirectory() {
    isMovedAway = logs.ownsAny
    logs.disownAll()
    use(nil)
    places.forget()
    reset()
  }

  func unlock() {
    published = nil
    journal?.unlock()
  }
}
