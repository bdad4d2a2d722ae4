import ArgumentParser
import BackgroundJobs

extension JobInfo {
  fileprivate var canBeRetried: Bool {
    (status == .failed && reason != "cancelled" && reason != "dependency")
      || (status == .completed && hasWarnings)
  }
}

struct RetryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Give failed jobs, or those with failed items, another try.",
    usage: "bgjobs retry ID... | --all [OPTIONS]",
    discussion: """
      Done items stay done; failed ones are to be done again. A job of bgjobs run is taken up at \
      once in the background, in its directory; any other one is pending then, and belongs to a \
      program, which has to be run. Of several jobs all are tried, and the exit code is the \
      highest of all. --all leaves out what was cancelled.
      """)

  @OptionGroup var jobs: JobsArgument
  @Option(
    name: .customLong("item"), parsing: .upToNextOption,
    help: ArgumentHelp("Only these of the failed items.", valueName: "item"))
  var items: [String] = []

  @Flag(help: "Do not run it: leave it pending.") var noStart = false

  func validate() throws {
    if !items.isEmpty, jobs.all || jobs.ids.count > 1 {
      throw ValidationError("--item is for one job")
    }
  }

  func run() throws {
    try jobs.forEach(\.canBeRetried) { id in
      try jobs.project.withJob(id) { job, manager in
        let before = try job.info()
        let count = try retry(job, before)
        guard !noStart, try RunSpec.of(job) != nil else {
          return Change.tell(from: before, to: try job.info())
        }
        let items = count == 1 ? "1 failed item" : "\(count) failed items"
        let what = count > 0 ? ", with \(items)" : ""
        try ResumeCommand.start(job, manager, jobs.project, from: before, what)
      }
    }
  }

  /// Gives how many failed items are to be done again.
  private func retry(_ job: Job, _ before: JobInfo) throws -> Int {
    guard !items.isEmpty else {
      try job.retry()
      return before.itemsFailed
    }
    // One with credentials has another name in the job of a run.
    let failed = Set(try job.items(.failed).map { Array($0.name.utf8) })
    let names = items.map { failed.contains(Array($0.utf8)) ? $0 : Redaction.text($0) }
    try job.retry(names)
    return names.count
  }
}
