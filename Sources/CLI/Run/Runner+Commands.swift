import BackgroundJobs
import CProcess
import Glibc

/// What is to be told of an item.
enum ItemResult {
  case done
  case failed(String)
  case skipped(String)
}

// A command, from its begin to what its end means for its item.
extension Runner {
  func startCommands() throws {
    guard unreported.isEmpty, unlogged.isEmpty else { return }
    while underWay.count < most, !isPaused, haltReason == nil {
      if let delay = spec.delay, monotonicMs() - lastBegin < delay { return }
      guard let work = try nextPermitted(), try start(work) else { return }
    }
  }

  func nextWork() throws -> Work? {
    let (item, status) = try job.next()
    if status == .paused { isPaused = true }
    isAtEnd = status == .end
    if let item {
      begunItems += 1
      return Work(item: item, number: begunItems)
    }
    // Behind the others: one that never ends would hold them up.
    let now = monotonicMs()
    guard status == .end, let position = again.firstIndex(where: { $0.time <= now }) else {
      return nil
    }
    return again.remove(at: position).work
  }

  /// False: not now, the disk is full.
  private func start(_ work: Work) throws -> Bool {
    if let only, !only.contains(Array(work.item.utf8)) {
      try fail(work, "it is not of the line that root was given")
      return true
    }
    var work = work
    let deaths = try job.unendedAttempts(at: work.item)
    guard deaths < Self.mostDeaths else {
      try fail(work, "its runner died \(deaths) times while working on it")
      return true
    }
    do throws(JobError) {
      let begun = try job.itemBegin(work.item)
      if begun.status == .paused { isPaused = true }
      work.attempt = Int(begun.attempt)
      if !spec.hasItems { try countAnew() }
    } catch {
      guard isPassing(error) else { throw error }
    }
    let output: RunLog.Output
    let file: Int32
    do {
      output = try log.begin(work.item, attempt: work.attempt)
      do { file = try log.openForCommand(output) } catch {
        try keep(output, "not started")
        throw error
      }
    } catch {
      // With fewer of them side by side there are descriptors enough.
      if !isShortOfDescriptors(error) || underWay.isEmpty { try waitForRoom(error) }
      try putOff(work, for: 1000)
      return false
    }
    defer { close(file) }
    isWaitingForRoom = false
    let tag = nextTag
    nextTag &+= 1
    let slots = Set(underWay.values.map(\.slot))
    let slot = (1...).first { !slots.contains($0) } ?? 1
    lastBegin = monotonicMs()
    underWay[tag] = Command(
      work: work, slot: slot, output: output, deadline: spec.timeout.map { lastBegin + $0 })
    let given = items.isEmpty ? work.item : items[Array(work.item.utf8)] ?? work.item
    let own = [
      ("BGJOBS_ITEM", given), ("BGJOBS_ATTEMPT", "\(work.attempt)"),
      (Self.commandMarkName, mark(of: output)),
    ]
    try keeper.spawn(
      tag, spec.arguments(for: PlacedItem(item: given, number: work.number, slot: slot)),
      variables + own, output: file)
    return true
  }

  /// A command that says itself how far it is begins from nothing, but for its items.
  private func countAnew() throws(JobError) {
    let info = try job.info()
    let ended = Int64(info.itemsCompleted + info.itemsFailed + info.itemsSkipped)
    if info.current != ended { _ = try job.update(current: ended) }
  }

  private func isShortOfDescriptors(_ error: Error) -> Bool {
    [EMFILE, ENFILE].contains((error as? JobError)?.osError ?? 0)
  }

  func refused(_ command: Command, _ number: Int32) throws {
    let work = command.work
    let why = "not started: \(String(cString: strerror(number)))"
    try keep(command.output, why)
    switch number {
    case ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP:
      // It would be the same for each item.
      let first = spec.arguments(for: PlacedItem(item: work.item, number: 1, slot: 1))[0]
      throw RunError("cannot run \(Redaction.text(first)): \(String(cString: strerror(number)))")
    case EAGAIN, ENOMEM, ENFILE, EMFILE: try putOff(work, for: 1000)
    default: try fail(work, why)
    }
  }

  func end(_ command: Command, _ status: Int32) throws {
    let work = command.work
    let code = cprocess_exited(status) != 0 ? cprocess_exit_code(status) : nil
    let number = cprocess_signal(status)
    var outcome =
      code.map { "exit \($0)" } ?? "signal \(number) (\(String(cString: strsignal(number))))"
    lastCode = code ?? 128 + number
    if command.isTimedOut, code != 0 {
      outcome = "timed out after \(TimeSpan(milliseconds: spec.timeout ?? 0))"
      lastCode = ExitStatus.timeout.rawValue
    }
    let text = code == 0 ? [] : log.text(of: command.output)
    try keep(command.output, outcome)
    if code == 0 {
      failures.inARow = 0
      return try report(work.item, .done)
    }
    if !command.isStopped, !command.isTimedOut, let code, code == spec.skipExit {
      (failures.inARow, lastCode) = (0, 0)
      return try report(work.item, .skipped(LastLine.of(text) ?? outcome))
    }
    if command.isStopped {
      try putOff(work, for: 0)
    } else if !command.isTimedOut, let wait = rateLimit.wait(exitCode: code, output: { text }) {
      try takeLimit(work, wait ?? rateLimit.defaultWait, isSaid: wait != nil)
    } else if work.failures < spec.retries {
      // 1, 2, 4 … 60 seconds.
      let pause = min(60_000, Int64(1000) << Int64(min(work.failures, 6)))
      var next = work
      next.failures += 1
      try putOff(next, for: pause)
    } else {
      try fail(work, LastLine.of(text).map { "\(outcome): \($0)" } ?? outcome)
    }
  }

  /// To be begun again, after so many milliseconds; the attempt does not count as one that killed its
  /// runner.
  private func putOff(_ work: Work, for pause: Int64) throws {
    again.append((work, monotonicMs() + pause))
    do throws(JobError) { try job.putOff(work.item) } catch {
      if error.status == .finished { isEnded = true } else if !isPassing(error) { throw error }
    }
  }

  private func takeLimit(_ work: Work, _ wait: Int64, isSaid: Bool) throws {
    var next = work
    next.limits += 1
    let most = spec.rateLimitRetries ?? RunSpec.usualRateLimitRetries
    guard next.limits <= most else {
      return try fail(work, "rate-limited \(next.limits) times")
    }
    try putOff(next, for: 0)
    guard wait > 0 else { return }
    let info = try job.info()
    if !isSaid, info.status == .paused, info.reason == "rate-limit" {
      // Its command has said it itself, or another one.
      isPaused = true
      return
    }
    _ = try job.rateLimited(provider: spec.provider, seconds: wait)
    isPaused = true
    tell("rate limit: going on in \(EstimateText.span(Double(wait)))")
  }

  private func fail(_ work: Work, _ why: String) throws {
    failures.all += 1
    failures.inARow += 1
    commandFailure = why
    try report(work.item, .failed(why))
    if let halt = spec.halt, haltReason == nil {
      haltReason = halt.reached(
        failed: failures.all, inARow: failures.inARow, of: try job.info().total)
    }
  }

  private func tell(_ text: String) {
    progress.clear()
    if Terminal.errors.isTerminal { Output.note("job \(job.id): \(text)") }
  }
}
