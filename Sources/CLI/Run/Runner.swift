import BackgroundJobs
import CProcess
import Glibc

/// Works on the job of a run: hands its items to commands, so many at a time, and reports what
/// became of them. One thread, one loop.
final class Runner {
  private struct Command {
    let item: String
    let attempt: Int
    let output: RunLog.Output
    /// Where its own output begins in there.
    let offset: Int
    let begin: Int64
    /// It was told to stop, and is to be run again.
    var isStopped = false
  }

  /// An item that is to be run again, and when.
  private struct Again {
    let item: String
    let attempt: Int
    let time: Int64
  }

  /// Milliseconds between SIGTERM and SIGKILL.
  private static let grace: Int64 = 5000
  /// Milliseconds between two looks at what others did to the job.
  private static let lookInterval: Int64 = 100

  private let job: Job
  private let spec: RunSpec
  /// Items whose name in the job lacks their credentials.
  private let items: [[UInt8]: String]
  private let keeper: Keeper
  private let log: RunLog
  private let rateLimit: RateLimit
  private let variables: [(String, String)]
  private let signals: Int32

  private var underWay: [UInt32: Command] = [:]
  private var again: [Again] = []
  /// Done or failed, and not to be told just now: the disk is full, say.
  private var unreported: [(item: String, why: String?)] = []
  private var nextTag: UInt32 = 1
  private var isPaused = false
  /// The job has no further item to give out.
  private var isAtEnd = false
  /// Someone else ended the job.
  private var isEnded = false
  private var stopSignal: Int32 = 0
  private var killTime: Int64?
  private var lastLook: Int64 = 0
  private var lastTry: Int64 = 0
  private var status = StatusLine()

  /// The job is to be owned by its manager.
  init(_ job: Job, _ run: StoredRun, _ keeper: Keeper, project: String) throws {
    self.job = job
    spec = run.spec
    items = run.itemsByName
    self.keeper = keeper
    log = try RunLog(try job.output(), isDirect: spec.jobs == 1)
    rateLimit = try RateLimit(spec)
    variables =
      [
        ("BGJOBS_JOB_ID", job.id), ("BGJOBS_PROJECT", project),
        (Self.markName, try Self.mark(of: job)),
      ] + (run.variables ?? []).map { ($0.name, $0.value) }
    var mask: UInt32 = 0
    for number in [SIGINT, SIGTERM, SIGHUP, SIGTSTP] where cprocess_is_ignored(number) == 0 {
      mask |= 1 << UInt32(number)
    }
    signals = cprocess_signals(mask)
  }

  /// Gives the exit code.
  func run() throws -> Int32 {
    defer { status.clear() }
    while true {
      try look()
      if isEnded { return try endedByOthers() }
      if !isPaused, stopSignal == 0 { try startCommands() }
      if underWay.isEmpty, unreported.isEmpty {
        if stopSignal != 0 { return try leave() }
        if !isPaused, again.isEmpty, isAtEnd { return try finish() }
      }
      status.show { try? job.info() }
      try waitForEvents()
    }
  }

  // MARK: Starting

  private func startCommands() throws {
    if !unreported.isEmpty { try reportAgain() }
    guard unreported.isEmpty else { return }
    while underWay.count < spec.jobs, !isPaused, let (item, attempt) = try nextItem() {
      let tag = nextTag
      nextTag &+= 1
      let output = try log.begin(tag, item, attempt: attempt)
      underWay[tag] = Command(
        item: item, attempt: attempt, output: output, offset: log.size(of: output),
        begin: monotonicMs())
      try note(try job.setCurrentItem(item))
      let given = items.isEmpty ? item : items[Array(item.utf8)] ?? item
      let file = try log.openForCommand(output)
      defer { close(file) }
      try keeper.spawn(
        tag, spec.arguments(for: given), variables + [("BGJOBS_ITEM", given)], output: file)
    }
  }

  private func nextItem() throws -> (String, Int)? {
    let now = monotonicMs()
    if let position = again.firstIndex(where: { $0.time <= now }) {
      let next = again.remove(at: position)
      return (next.item, next.attempt)
    }
    let (item, status) = try job.next()
    if status == .paused { isPaused = true }
    isAtEnd = status == .end
    return item.map { ($0, 1) }
  }

  private func note(_ status: Status) throws { if status == .paused { isPaused = true } }

  // MARK: What happens

  private func waitForEvents() throws {
    var descriptors = [
      pollfd(fd: keeper.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&descriptors, 2, Int32(Self.lookInterval)) > 0 else { return try killLate() }
    if descriptors[1].revents != 0 {
      while case let number = cprocess_next_signal(signals), number > 0 { try take(number) }
    }
    if descriptors[0].revents != 0 { try take(keeper.receive()) }
    try killLate()
  }

  private func take(_ event: Keeper.Event) throws {
    switch event {
    case .started: return
    case .gone:
      cprocess_kill_descendants()
      throw RunError("the keeper of its commands was killed: they were stopped")
    case .refused(let tag, let number):
      guard let command = underWay.removeValue(forKey: tag) else { return }
      let why = String(cString: strerror(number))
      try log.end(command.output, command.item, "not started: \(why)")
      switch number {
      case ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP:
        // It would be the same for each item.
        let program = Redaction.text(spec.arguments(for: command.item)[0])
        throw RunError("cannot run \(program): \(why)")
      case EAGAIN, ENOMEM, ENFILE, EMFILE:
        again.append(
          Again(item: command.item, attempt: command.attempt, time: monotonicMs() + 1000))
      default: try report(command.item, failedBecause: "not started: \(why)")
      }
    case .ended(let tag, let status):
      guard let command = underWay.removeValue(forKey: tag) else { return }
      try end(command, status)
    }
  }

  private func end(_ command: Command, _ status: Int32) throws {
    let code = cprocess_exited(status) != 0 ? cprocess_exit_code(status) : nil
    let signal = cprocess_signal(status)
    let what =
      code.map { "exit \($0)" } ?? "signal \(signal) (\(String(cString: strsignal(signal))))"
    let wait =
      code == 0
      ? nil : rateLimit.wait(exitCode: code) { log.text(of: command.output, from: command.offset) }
    let took = Double((monotonicMs() - command.begin) / 10) / 100
    try log.end(command.output, command.item, "\(what), \(took) s")
    if code == 0 { return try report(command.item, failedBecause: nil) }
    if command.isStopped {
      again.append(Again(item: command.item, attempt: command.attempt, time: 0))
    } else if let wait {
      again.append(Again(item: command.item, attempt: command.attempt, time: 0))
      _ = try job.rateLimited(seconds: wait)
      isPaused = true
      statusNote("rate limit: going on in \(EstimateText.span(Double(wait)))")
    } else if command.attempt <= spec.retries {
      // 1, 2, 4 … 60 seconds.
      let pause = min(60_000, Int64(1000) << Int64(min(command.attempt - 1, 6)))
      again.append(
        Again(item: command.item, attempt: command.attempt + 1, time: monotonicMs() + pause))
    } else {
      try report(command.item, failedBecause: what)
    }
  }

  private func statusNote(_ text: String) {
    status.clear()
    if Terminal.errors.isTerminal { Output.note("job \(job.id): \(text)") }
  }

  // MARK: Reporting

  private func report(_ item: String, failedBecause why: String?) throws {
    do throws(JobError) {
      if let why {
        _ = try job.itemFailed(item, why: why)
      } else {
        _ = try job.itemDone(item)
      }
    } catch {
      switch error.status {
      case .finished: isEnded = true
      case .io, .noSpace, .busy, .noMemory:
        if unreported.isEmpty { Output.complain("\(error.message); trying again") }
        unreported.append((item, why))
        lastTry = monotonicMs()
      default: throw error
      }
    }
  }

  private func reportAgain() throws {
    guard monotonicMs() - lastTry >= 1000 else { return }
    let waiting = unreported
    unreported = []
    for (item, why) in waiting { try report(item, failedBecause: why) }
  }

  // MARK: What others want

  private func look() throws {
    let now = monotonicMs()
    guard isPaused || now - lastLook >= Self.lookInterval else { return }
    lastLook = now
    do throws(JobError) {
      let (outcome, _) = try job.wait(for: .running, timeoutMs: 0)
      if outcome == .finished { isEnded = true }
      isPaused = outcome == .timeout
    } catch {
      // The next report tells what is really wrong.
      if error.status != .io && error.status != .busy { throw error }
    }
    if isPaused, spec.pauseMode == .stop, underWay.values.contains(where: { !$0.isStopped }) {
      try stopCommands(SIGTERM)
    }
  }

  private func take(_ number: Int32) throws {
    if number == SIGTSTP {
      for tag in underWay.keys { try keeper.signal(tag, SIGSTOP) }
      status.clear()
      raise(SIGSTOP)
      for tag in underWay.keys { try keeper.signal(tag, SIGCONT) }
      return
    }
    let isSecond = stopSignal != 0
    stopSignal = number
    try stopCommands(isSecond ? SIGKILL : SIGTERM)
  }

  private func stopCommands(_ number: Int32) throws {
    for tag in underWay.keys {
      underWay[tag]?.isStopped = true
      try keeper.signal(tag, number)
      // One that is stopped would not see it.
      try keeper.signal(tag, SIGCONT)
    }
    killTime = monotonicMs() + Self.grace
  }

  private func killLate() throws {
    guard let time = killTime, monotonicMs() >= time else { return }
    killTime = nil
    for (tag, command) in underWay where command.isStopped { try keeper.signal(tag, SIGKILL) }
  }

  // MARK: The end

  private func finish() throws -> Int32 {
    let info = try job.info()
    if info.itemsFailed > 0, info.itemsCompleted == 0 {
      let why =
        spec.hasItems
        ? "all \(info.itemsFailed) items failed" : try job.items().failed.first?.why ?? "it failed"
      try job.fail(why)
      status.clear()
      Output.complain("job \(job.id) failed: \(why). Its output: bgjobs logs \(job.id)")
      return ExitStatus.failure.rawValue
    }
    try job.complete()
    guard info.itemsFailed > 0 else { return 0 }
    status.clear()
    Output.complain(
      "job \(job.id): \(info.itemsFailed) of \(info.itemsCompleted + info.itemsFailed) items failed:"
        + " bgjobs show \(job.id). To do them again: bgjobs retry \(job.id)")
    return ExitStatus.failedItems.rawValue
  }

  private func leave() throws -> Int32 {
    let name = [SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"][stopSignal] ?? "a signal"
    _ = try job.leave("stopped by \(name)")
    status.clear()
    Output.complain("job \(job.id) was stopped by \(name). To go on: bgjobs resume \(job.id)")
    return 128 + stopSignal
  }

  private func endedByOthers() throws -> Int32 {
    try stopCommands(SIGTERM)
    let deadline = monotonicMs() + Self.grace
    while !underWay.isEmpty, monotonicMs() < deadline {
      var one = pollfd(fd: keeper.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&one, 1, 50) > 0 else { continue }
      switch keeper.receive() {
      case .ended(let tag, _), .refused(let tag, _):
        if let command = underWay.removeValue(forKey: tag) {
          try log.end(command.output, command.item, "stopped")
        }
      case .started: continue
      case .gone: underWay = [:]
      }
    }
    status.clear()
    Output.complain(EndText.of(job, "removed"))
    return ExitStatus.finished.rawValue
  }
}
