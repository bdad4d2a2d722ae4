import ArgumentParser
import BackgroundJobs

extension JobInfo {
  fileprivate var canBeRetried: Bool {
    status == .failed || (status == .completed && hasWarnings)
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
      highest of all.
      """)

  @OptionGroup var jobs: JobsArgument
  @Flag(help: "Do not run it: leave it pending.") var noStart = false

  func run() throws {
    try jobs.forEach(\.canBeRetried) { id in
      try jobs.project.withJob(id) { job, manager in
        let before = try job.info()
        try job.retry()
        guard !noStart, try RunSpec.of(job) != nil else {
          return Change.tell(from: before, to: try job.info())
        }
        let items = before.itemsFailed == 1 ? "1 failed item" : "\(before.itemsFailed) failed items"
        let what = before.itemsFailed > 0 ? ", with \(items)" : ""
        try ResumeCommand.start(job, manager, jobs.project, from: before, what)
      }
    }
  }
}
