import ArgumentParser
import BackgroundJobs

struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Pause a job.",
    usage: "bgjobs pause ID [OPTIONS]",
    discussion: """
      Its owner sees that with its next report, finishes what is under way, and waits. A pause of \
      a job that nobody runs keeps it from being started.
      """)

  @OptionGroup var job: JobArgument

  @Option(help: "A word that says why, for programs. Without it: asked.")
  var reason: String?

  @Option(
    help: ArgumentHelp(
      "It may be started again after that time: 90, 15m, 1h30m.", valueName: "time"))
  var retryAfter: TimeSpan?

  func run() throws {
    try job.withJob { job, _ in
      try job.pause(reason: reason, retryAfter: retryAfter.map { max(1, $0.seconds) })
    }
  }
}

struct RateLimitedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate-limited",
    abstract: "Pause a running job for a rate limit; bgjobs wait ends that pause by itself.",
    usage: "bgjobs rate-limited ID [OPTIONS]")

  @OptionGroup var job: JobArgument

  @Option(help: ArgumentHelp("What the provider said. Without it: 60 seconds.", valueName: "time"))
  var retryAfter: TimeSpan?

  @Option(help: "Who said so: github, say.")
  var provider: String?

  func run() throws {
    try job.withJob { job, _ in
      let status = try job.rateLimited(
        provider: provider, seconds: retryAfter.map { max(1, $0.seconds) })
      guard status == .paused else { return }
      Output.complain("job \(job.id) was paused already, for another reason: that pause stays")
      throw ExitStatus.paused
    }
  }
}

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lift the pause of a job.",
    discussion: """
      It is running again if its owner lives. A job of bgjobs run is taken up again in the \
      background, in its directory; any other job belongs to a program, which has to be run then.
      """)

  @OptionGroup var job: JobArgument

  func run() throws { try Self.resume(job.id, job.project) }

  static func resume(_ id: String, _ project: ProjectOptions) throws {
    try project.withJob(id) { job, manager in
      let isRun = try RunSpec.of(job) != nil
      if isRun { try job.takeFromNobody() }
      try job.resume()
      let info = try job.info()
      if info.status == .running {
        guard let owner = info.ownerPID else { return Output.note(isRunningSomewhere(info)) }
        return Output.note("job \(job.id) is running again, in process \(owner)")
      }
      guard isRun else { return Output.note(belongsToAProgram(info)) }
      ProjectOptions.close(manager)
      try RunWorker.startDetached(job.id, project)
      Output.note("job \(job.id) goes on in the background: bgjobs logs -f \(job.id)")
    }
  }

  /// Nothing here knows how its work is done.
  private static func belongsToAProgram(_ info: JobInfo) -> String {
    "job \(info.id) is none of bgjobs run: it may be started again, by the program that does its work"
      + " (\(SafeText.shown(name(info)))). Run that program; in a script: bgjobs start \(info.id)"
  }

  /// A script without --owner-pid works on it, or another tool wrote that somebody does.
  private static func isRunningSomewhere(_ info: JobInfo) -> String {
    "job \(info.id) is running (\(SafeText.shown(name(info)))), and nothing is known of who works on"
      + " it. If nobody does: bgjobs cancel \(info.id) && bgjobs retry \(info.id), then run the"
      + " program that does its work"
  }

  private static func name(_ info: JobInfo) -> String {
    "type \(info.type)" + (info.key.map { ", key \($0)" } ?? "")
  }
}

extension Job {
  /// Only a runner works on the job of a run, and that owns it. One that is running without an owner
  /// was written so by another tool when it resumed it, or started by hand: it may be started.
  func takeFromNobody() throws {
    let info = try info()
    guard info.status == .running, info.ownerPID == nil else { return }
    try pause()
    try resume()
    guard try self.info().status == .running else { return }
    // By bgjobs start, without an owner.
    try cancel()
    try retry()
  }
}

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "End a job that shall not be finished.",
    discussion: "Its owner sees that with its next report. It counts as failed, and can be retried."
  )

  @OptionGroup var job: JobArgument
  @Option(help: "Why, in words.") var why: String?

  func run() throws { try job.withJob { job, _ in try job.cancel(why) } }
}

struct RetryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Give a failed job, or one with failed items, another try: it is pending again.",
    discussion: "Done items stay done; failed ones are to be done again.")

  @OptionGroup var job: JobArgument

  func run() throws { try job.withJob { job, _ in try job.retry() } }
}
