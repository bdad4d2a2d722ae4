import BackgroundJobs
import CProcess
import Glibc

/// Works on the job of a run: hands its items to commands, so many at a time, and reports what
/// became of them. One thread, one loop.
final class Runner {
  /// An attempt at an item.
  struct Work {
    let item: String
    /// 1 for the first, over all runs.
    var attempt = 1
    /// In this run: how often its command failed, and how often it met a rate limit.
    var failures = 0
    var limits = 0
    /// The how many-th of this run the item is.
    let number: Int
  }

  struct Command {
    let work: Work
    let slot: Int
    let output: RunLog.Output
    /// When it is to be stopped, on the machine's clock.
    var deadline: Int64?
    /// When it is killed, for it was told to stop.
    var killTime: Int64?
    var isTimedOut = false
    /// It was told to stop, and is to be run again.
    var isStopped = false
    /// It was told to stop and has ended, but something that it has started lives.
    var endStatus: Int32?
  }

  /// What is told to the user beside the job's own state.
  struct Display {
    /// No progress without a terminal, and no summary.
    var isQuiet = false
    /// All output, each line behind its item.
    var isTagged = false
  }

  /// So many attempts at an item may end with the death of its runner.
  static let mostDeaths: Int64 = 3
  /// Milliseconds between SIGTERM and SIGKILL.
  static let grace: Int64 = 5000
  /// Milliseconds between two looks at what others did to the job.
  private static let lookInterval: Int64 = 100
  private static let tellInterval: Int64 = 500
  /// Milliseconds between two looks at how many commands are to be side by side.
  private static let countInterval: Int64 = 1000

  let job: Job
  let spec: RunSpec
  /// Commands at a time.
  var most: Int
  /// Items whose name in the job lacks their credentials.
  let items: [[UInt8]: String]
  let keeper: Keeper
  let log: RunLog
  let rateLimit: RateLimit
  let variables: [(String, String)]
  let mark: String
  /// Root, in another user's project, runs for that user nothing that its own line does not name.
  var only: Set<[UInt8]>?
  private let signals: Int32
  private let live: LogReader?

  var underWay: [UInt32: Command] = [:]
  /// To be run again, and when.
  var again: [(work: Work, time: Int64)] = []
  /// To begin as soon as there is a permit for it.
  var held: Work?
  var permit: Permit?
  /// Done or failed, and not to be told just now: the disk is full, say.
  var unreported: [(item: String, result: ItemResult)] = []
  /// Ended, and their output is not in the log yet: likewise.
  var unlogged: [(output: RunLog.Output, outcome: String, time: Int64)] = []
  var isWaitingForRoom = false
  var nextTag: UInt32 = 1
  /// So many items were begun, by anybody who had this job.
  var begunItems: Int
  var lastBegin: Int64 = .min / 2
  var isPaused = false
  /// The job has no further item to give out.
  var isAtEnd = false
  /// Someone else ended the job.
  var isEnded = false
  var failures: (all: Int64, inARow: Int64) = (0, 0)
  /// Why nothing further is started.
  var haltReason: String?
  /// How the command of a run without items ended, and why it failed.
  var lastCode: Int32 = 0
  var commandFailure: String?
  var stopSignal: Int32 = 0
  /// This attempt has failed, and there is to be another one.
  var isTriedAgain = false
  var lastLook: Int64 = 0
  private var lastCount: Int64 = 0
  /// What the command of a run without items has said of its own job, when it was last looked at.
  private var told: (current: Int64, time: Int64) = (0, 0)
  var lastTry: Int64 = 0
  var progress: RunProgress

  /// The job is to be owned by its manager.
  init(
    _ job: Job, _ run: StoredRun, _ keeper: Keeper, project: String, _ display: Display
  ) throws {
    self.job = job
    spec = run.spec
    most = run.spec.jobs
    items = run.itemsByName
    self.keeper = keeper
    let directory = try job.output()
    log = try RunLog(directory)
    live =
      display.isTagged ? try LogReader(directory, .tagged, fromNowOn: true) { _ in true } : nil
    rateLimit = try RateLimit(spec)
    begunItems = Int(try job.info().current)
    progress = RunProgress(isQuiet: display.isQuiet, hasItems: run.spec.hasItems)
    mark = try Self.mark(of: job)
    variables =
      [
        ("BGJOBS_JOB_ID", job.id), ("BGJOBS_PROJECT", project), (Self.markName, mark),
      ] + (run.variables ?? []).map { ($0.name, $0.value) }
    var mask: UInt32 = 0
    for number in [SIGINT, SIGTERM, SIGHUP, SIGTSTP] where cprocess_is_ignored(number) == 0 {
      mask |= 1 << UInt32(number)
    }
    signals = cprocess_signals(mask)
    // A log that is larger than ulimit allows is an error, and no end.
    Glibc.signal(SIGXFSZ, SIG_IGN)
  }

  /// Gives the exit code.
  func run() throws -> Int32 {
    defer { progress.clear() }
    while true {
      if let code = try patiently(goOn) { return code }
      try patiently(waitForEvents)
    }
  }

  /// Gives the exit code when all is over.
  private func goOn() throws -> Int32? {
    try look()
    if isEnded { return try endedByOthers() }
    if !isPaused, stopSignal == 0, haltReason == nil { try startCommands() }
    try catchUp()
    if underWay.isEmpty, unreported.isEmpty {
      if stopSignal != 0 { return try leave() }
      if let haltReason, unlogged.isEmpty { return try halt(because: haltReason) }
      if again.isEmpty, held == nil, unlogged.isEmpty, try isAtEnd || (isPaused && hasNothingLeft())
      {
        return try finish()
      }
    }
    try showLive()
    progress.show { try? job.info() }
    return nil
  }

  /// `all`: to its end. Else a part, so that nothing waits for it.
  func showLive(all: Bool = false) throws {
    guard let live else { return }
    repeat {
      try live.read(showsLive: true)
      guard Output.isPending else { continue }
      progress.clear()
      Output.flush()
    } while all && live.hasMore
  }

  // MARK: What happens

  private func waitForEvents() throws {
    var descriptors = [
      pollfd(fd: keeper.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&descriptors, 2, timeToWait()) > 0 else { return try stopLate() }
    if descriptors[1].revents != 0 {
      while case let number = cprocess_next_signal(signals), number > 0 { try take(number) }
    }
    if descriptors[0].revents != 0 { try take(keeper.receive()) }
    try stopLate()
  }

  /// Until the next look, or until something is due.
  private func timeToWait() -> Int32 {
    var left = live?.isBehind ?? false ? 1 : Self.lookInterval
    let now = monotonicMs()
    if let delay = spec.delay, !isPaused, !isAtEnd { left = min(left, lastBegin + delay - now) }
    if let permit, !isPaused { left = min(left, permit.time - now) }
    return Int32(max(1, left))
  }

  private func take(_ event: Keeper.Event) throws {
    switch event {
    case .started: return
    case .gone:
      cprocess_end_descendants()
      throw RunError("the keeper of its commands was killed: they were stopped")
    case .refused(let tag, let number):
      guard let command = underWay.removeValue(forKey: tag) else { return }
      try refused(command, number)
    case .ended(let tag, let status):
      guard let command = underWay[tag] else { return }
      guard command.isStopped || command.isTimedOut, command.endStatus == nil,
        signalStarted(by: command, 0) > 0
      else { return try finished(tag, status) }
      underWay[tag]?.endStatus = status
    }
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
      guard isPassing(error) else { throw error }
    }
    if isPaused, spec.pauseMode == .stop {
      for (tag, command) in underWay where !command.isStopped { try stop(tag, SIGTERM) }
    }
    if !spec.hasItems, !isEnded { try timeWhatIsTold(now) }
    // `bgjobs set -j`, where it may say something.
    if now - lastCount >= Self.countInterval {
      lastCount = now
      if let jobs = try? RunSpec.of(job)?.jobs, (1...1000).contains(jobs) { most = jobs }
    }
  }

  /// What others report only counts: a rate and an ETA need a report of the owner's beside it.
  private func timeWhatIsTold(_ now: Int64) throws {
    guard now - told.time >= Self.tellInterval else { return }
    told.time = now
    do throws(JobError) {
      let current = try job.info().current
      guard current != told.current else { return }
      told.current = current
      _ = try job.advance(by: 0)
    } catch {
      guard isPassing(error) || error.status == .finished else { throw error }
    }
  }
}
