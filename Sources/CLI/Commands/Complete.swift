import ArgumentParser
import BackgroundJobs

struct CompleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "complete", abstract: "End a job well.",
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
    guard info.itemsPlanned > 0 else { return }
    throw JobError(
      .illegalTransition,
      "job \(info.id): \(info.itemsPlanned) of its planned items are neither done nor failed: not"
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

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a job has ended, or has a status.",
    discussion: """
      A pause with a time ends when that has come. Exit code 0: the job is completed, or has a \
      status that was asked for; 7: completed, with failed items; 9: it ended otherwise; 124: the \
      time has passed.

      A job that is paused, or interrupted because its owner died, goes on only when somebody takes \
      it up, and this waits for that however long it takes. Not to hang, give --timeout, or let \
      this return there too: --for completed,failed,paused.
      """)

  @OptionGroup var job: JobArgument

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "pending, running, paused, completed, failed; several with commas.", valueName: "status"))
  var statuses: String?

  @Option(help: ArgumentHelp("Give up after that time: 90, 15m, 1h30m.", valueName: "time"))
  var timeout: TimeSpan?

  func run() throws {
    let wanted = try statuses.map { try JobStatusSet(names: $0) } ?? .completed
    try job.withJob { job, _ in
      if wanted.isDisjoint(with: [.paused, .pending]) { try tellInterrupted(job) }
      let (outcome, status) = try job.waitHeeding(for: wanted, timeoutMs: timeout?.milliseconds)
      switch outcome {
      case .ok:
        guard statuses == nil, try job.info().hasWarnings else { return }
        throw ExitStatus.failedItems
      case .timeout:
        Output.complain("job \(job.id) is still \(status.name)")
        throw ExitStatus.timeout
      default:
        Output.complain(EndText.of(job, status.name))
        throw ExitStatus.finished
      }
    }
  }
}

extension WaitCommand {
  /// To wait for the one who takes it up is right for some, and for others a surprise.
  private func tellInterrupted(_ job: Job) throws {
    let info = try job.info()
    guard info.status == .paused, info.reason == "interrupted" else { return }
    Output.complain(
      "job \(job.id) is interrupted, nobody works on it: waiting for somebody who takes it up")
  }
}

extension JobStatusSet {
  /// Names with commas between.
  init(names: String) throws {
    var set: JobStatusSet = []
    for name in names.split(separator: ",") {
      let status = JobStatus(name: String(name))
      switch status {
      case .other:
        switch name {
        case "active": set.formUnion(.active)
        case "finished": set.formUnion(.finished)
        case "all": set.formUnion(.all)
        default:
          throw ValidationError(
            "'\(name)' is no status: pending, running, paused, completed, failed, active, finished")
        }
      default: set.formUnion(JobStatusSet(status))
      }
    }
    guard !set.isEmpty else { throw ValidationError("no status is named") }
    self = set
  }
}
