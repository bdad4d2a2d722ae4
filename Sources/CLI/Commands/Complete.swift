import ArgumentParser
import BackgroundJobs

struct CompleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "complete", abstract: "End a job well.",
    usage: "bgjobs complete ID [OPTIONS]",
    discussion: """
      Exit code 6: the job is paused, or planned items are open, and it is left as it is; --anyway \
      completes it all the same. A job may complete below its total. Exit code 7: it is completed, \
      and some of its items failed; bgjobs retry takes those up again.
      """)

  @OptionGroup var job: JobArgument
  @Option(help: "A JSON value to be kept with it, or @FILE.") var result: String?
  @Flag(help: "Also when it is paused, or planned items are open.") var anyway = false

  func run() throws {
    let result = try result.map { try readJSON($0) }
    try job.withJob { job, _ in
      try job.complete(result: result) { info throws(JobError) in
        if !anyway { try Self.checkEnd(info) }
      }
      let failed = try job.info().itemsFailed
      guard failed > 0 else { return }
      Output.complain(
        "job \(job.id) is completed; \(failed) of its items failed: bgjobs show \(job.id)")
      throw ExitStatus.failedItems
    }
  }

  /// The loop of a script ends whatever the reason was, and what stands behind it is this command:
  /// a pause, or an error of `next`, is no end of the work.
  private static func checkEnd(_ info: JobInfo) throws(JobError) {
    let anyway = "to complete it as it is: bgjobs complete \(info.id) --anyway"
    if info.status == .paused {
      let isInterrupted = info.reason == "interrupted"
      let next = isInterrupted ? "start it again" : "bgjobs resume \(info.id)"
      throw JobError(
        .illegalTransition,
        "job \(info.id) is paused\(info.reason.map { ", \($0)" } ?? ""): not completed."
          + " To go on: \(next); \(anyway)")
    }
    guard info.itemsOpen > 0 else { return }
    throw JobError(
      .illegalTransition,
      "job \(info.id): \(info.itemsOpen) of its planned items are neither done nor failed: not"
        + " completed. bgjobs next \(info.id) gives them; \(anyway)")
  }
}

struct FailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fail", abstract: "End a job badly.")

  @OptionGroup var job: JobArgument
  @Option(help: "Why, in words.") var why: String?

  func run() throws { try job.withJob { job, _ in try job.fail(why) } }
}
