#if !hasFeature(Embedded)
  import CPosix

  // For the command, each of whose calls is a process: what it may not publish yet, another process
  // publishes later.
  extension FileStore {
    /// As `close`. But what is owed and not yet due is left to `successor`. That hears in how many
    /// milliseconds it is due, and which open directory tells stores apart; false: it cannot.
    func close(leavingTo successor: (Int64, Int32) -> Bool) throws(JobError) {
      // A short row of commands is in the file when each returns, also where the disk is slow. Only a
      // large file, which takes longer to write than all else that a command does, is left in any case.
      let wait = publicationWait(state.unseenTransition == nil ? .progress : .transition)
      guard debt.isOwed, wait > 0, !logs.ownsAny, !hasSeenRequest, let files = places.files,
        successor(wait, files.file.descriptor)
      else { return try close() }
      end()
    }

    /// Publishes what is owed if that is due, or `anyway`. Gives in how many milliseconds it is due;
    /// nil: nothing is owed. What was deleted meanwhile is not made anew. `cost`: nanoseconds that
    /// this process has spent for nothing else.
    func publishOwed(anyway: Bool, cost: Int64) throws(JobError) -> Int64? {
      (buildsJournal, costBeside) = (false, cost)
      try refresh()
      guard journal != nil, state.isUnpublished else { return nil }
      try transact(.progress) { () throws(JobError) in }
      guard debt.isOwed else { return nil }
      let wait = publicationWait(.progress)
      if wait > 0, !anyway { return wait }
      try publishPatiently()
      return nil
    }
  }
#endif
