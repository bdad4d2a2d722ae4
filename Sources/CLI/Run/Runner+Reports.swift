import BackgroundJobs

// What is told of the items, and kept of their output: also when it cannot be told at once.
extension Runner {
  /// Whether to try again helps: it is the disk, or somebody else.
  func isPassing(_ error: JobError) -> Bool {
    [.io, .noSpace, .busy, .noMemory].contains(error.status)
  }

  func report(_ item: String, _ result: ItemResult) throws {
    do throws(JobError) {
      switch result {
      // The usual report, on its quick way.
      case .done where spec.hasItems: _ = try job.itemDone(item)
      case .done: _ = try job.update(current: try saidByCommand(), completed: item)
      case .failed(let why):
        _ = try job.update(current: try saidByCommand(), failed: item, why: why)
      case .skipped(let why): _ = try job.itemSkipped(item, why: why)
      }
    } catch {
      if error.status == .finished {
        isEnded = true
      } else if isPassing(error) {
        if unreported.isEmpty { Output.complain("\(error.message); trying again") }
        unreported.append((item, result))
        lastTry = monotonicMs()
      } else {
        throw error
      }
    }
  }

  /// A command that has said itself how far it is, of how many, has also counted itself.
  private func saidByCommand() throws(JobError) -> Int64? {
    guard !spec.hasItems else { return nil }
    let info = try job.info()
    return info.current > 0 || info.total > 1 ? info.current : nil
  }

  /// Puts the output into the log, or keeps it for later.
  func keep(_ output: RunLog.Output, _ outcome: String) throws {
    let now = realtimeMs()
    do { try log.end(output, outcome, at: now) } catch {
      try waitForRoom(error)
      unlogged.append((output, outcome, now))
    }
  }

  func waitForRoom(_ error: Error) throws {
    guard let full = error as? JobError, full.status == .noSpace else { throw error }
    lastTry = monotonicMs()
    sayOnce("\(full.message): waiting for room")
  }

  func sayOnce(_ text: String) {
    guard !isWaitingForRoom else { return }
    isWaitingForRoom = true
    progress.clear()
    Output.complain(text)
  }

  /// Nil: not now, to be tried again. Who has been told to stop does not wait.
  @discardableResult
  func patiently<Result>(_ body: () throws -> Result?) throws -> Result? {
    do { return try body() } catch let error as JobError {
      guard stopSignal == 0, [.noSpace, .noMemory, .busy].contains(error.status) else {
        throw error
      }
      sayOnce("\(error.message): trying again")
      return nil
    }
  }

  /// What could not be told or kept before. Each second: a disk does not get empty sooner.
  func catchUp() throws {
    guard monotonicMs() - lastTry >= 1000 else { return }
    let waiting = unreported
    unreported = []
    for (item, result) in waiting { try report(item, result) }
    let outputs = unlogged
    unlogged = []
    for (position, one) in outputs.enumerated() {
      do { try log.end(one.output, one.outcome, at: one.time) } catch {
        try waitForRoom(error)
        unlogged += outputs[position...]
        return
      }
    }
    if !outputs.isEmpty { isWaitingForRoom = false }
  }
}
