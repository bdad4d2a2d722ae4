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
      background, in its directory; of any other job, whoever does its work starts it then.
      """)

  @OptionGroup var job: JobArgument

  func run() throws { try Self.resume(job.id, job.project) }

  static func resume(_ id: String, _ project: ProjectOptions) throws {
    try project.withJob(id) { job, manager in
      try job.resume()
      let info = try job.info()
      switch info.status {
      case .running where info.ownerPID != nil:
        Output.note("job \(job.id) is running again, in process \(info.ownerPID ?? 0)")
      case .running: Output.note("job \(job.id) is running")
      default:
        if try RunSpec.of(job) != nil {
          try manager.close()
          try RunWorker.startDetached(job.id, project)
          return Output.note("job \(job.id) goes on in the background: bgjobs logs -f \(job.id)")
        }
        Output.note("job \(job.id) may be started again: run the program that does its work")
      }
    }
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
