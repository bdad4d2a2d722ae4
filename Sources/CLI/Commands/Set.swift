import ArgumentParser
import BackgroundJobs

struct SetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change how a run goes on.",
    usage: "bgjobs set ID -j N [OPTIONS]",
    discussion: """
      How many commands of a job of bgjobs run are side by side, from now on: also while it runs, \
      within a second, and for a later resume. With fewer than before, those under way are \
      finished first.
      """)

  @OptionGroup var job: JobArgument

  @Option(
    name: [.customShort("j", allowingJoined: true), .customLong("jobs")],
    help: ArgumentHelp(
      "Commands at a time; 0: as many as there are processors; 50%: half as many.",
      valueName: "n"))
  var jobs: CommandCount

  func validate() throws {
    guard (1...1000).contains(jobs.number) else { throw ValidationError("-j must be 0 to 1000") }
  }

  func run() throws {
    try job.withJob { job, _ in
      guard var run = try StoredRun.of(job), var shown = try RunSpec.of(job) else {
        throw RunError("job \(job.id) was not made by bgjobs run")
      }
      (run.spec.jobs, shown.jobs) = (jobs.number, jobs.number)
      // Who runs it looks at the config; who resumes it, at what is kept.
      try job.setConfig(try shown.json)
      try run.keep(for: job)
    }
  }
}
