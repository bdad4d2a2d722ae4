import ArgumentParser
import BackgroundJobs

struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Pause jobs.",
    usage: "bgjobs pause ID... | --all [OPTIONS]",
    discussion: """
      Its owner sees that with its next report, finishes what is under way, and waits. A pause of \
      a job that nobody runs keeps it from being started.

      Of several jobs all are tried, and the exit code is the highest of all.
      """)

  @OptionGroup var jobs: JobsArgument

  @Option(help: "A word that says why, for programs. Without it: asked.")
  var reason: String?

  @Option(
    help: ArgumentHelp(
      "It may be started again after that time: 90, 15m, 1h30m, or a date of the next 31 days.",
      valueName: "time"))
  var retryAfter: RetryAfterArgument?

  func run() throws {
    // --all: the reason and the time of another pause stay.
    try jobs.change(\.isNotHeldBack) { job in
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

  @Option(
    help: ArgumentHelp(
      """
      What the provider said: 90, 5.7, 15m, an HTTP date, RFC 3339, or seconds since 1970, at most \
      31 days off. Without it: 60 seconds.
      """, valueName: "time"))
  var retryAfter: RetryAfterArgument?

  @Option(help: "Who said so: github, say.")
  var provider: String?

  func run() throws {
    try job.withJob { job, _ in
      // It has passed already.
      if retryAfter?.seconds == 0 { return }
      let status = try job.rateLimited(provider: provider, seconds: retryAfter?.seconds)
      guard status == .paused else { return }
      Output.complain("job \(job.id) was paused already, for another reason: that pause stays")
      throw ExitStatus.paused
    }
  }
}

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "End jobs that shall not be finished.",
    usage: "bgjobs cancel ID... | --all [OPTIONS]",
    discussion: """
      Their owners see that with their next reports. A cancelled job counts as failed, and can be \
      retried. Of several jobs all are tried, and the exit code is the highest of all.
      """)

  @OptionGroup var jobs: JobsArgument
  @Option(help: "Why, in words.") var why: String?

  func run() throws { try jobs.change(\.isUnfinished) { try $0.cancel(why) } }
}

extension JobInfo {
  var isUnfinished: Bool { !status.isFinished }
  var isPaused: Bool { status == .paused }
  /// Its owner died.
  var isInterrupted: Bool { isPaused && reason == "interrupted" }
  /// Nobody has paused it.
  var isNotHeldBack: Bool { isUnfinished && (!isPaused || isInterrupted) }
}
