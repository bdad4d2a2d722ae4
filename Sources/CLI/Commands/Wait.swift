import ArgumentParser
import BackgroundJobs
import Glibc

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until jobs have ended, or have a status.",
    usage: "bgjobs wait ID... | --all [OPTIONS]",
    discussion: """
      A pause with a time ends when that has come. Exit code 0: the job is completed, or has a \
      status that was asked for; 7: completed, with failed items; 9: it ended otherwise; 124: the \
      time has passed. Of several jobs: the highest. For a job that has been cleaned up it is as it \
      had ended, and that is said.

      A job that is paused, or interrupted because its owner died, goes on only when somebody takes \
      it up, and this waits for that however long it takes; of an interruption it says so on \
      standard error. Not to hang, give --timeout, or let this return there too: --for \
      completed,failed,paused.
      """)

  @OptionGroup var jobs: JobsArgument

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "pending, running, paused, completed, failed; several with commas.", valueName: "status"))
  var statuses: String?

  @Option(help: ArgumentHelp("Give up after that time: 90, 15m, 1h30m.", valueName: "time"))
  var timeout: TimeSpan?

  func run() throws {
    let wanted = try statuses.map { try JobStatusSet(names: $0) } ?? .completed
    let ids = try jobs.chosen(\.isUnfinished)
    try jobs.project.withManager { manager in
      var waiting = Waiting(wanted: wanted, asksWarnings: statuses == nil)
      for id in ids { waiting.add(id, manager) }
      try waiting.wait(manager, timeoutMs: timeout?.milliseconds)
      if waiting.worst != 0 { throw ExitCode(waiting.worst) }
    }
  }
}

/// Jobs that are waited for at once: each is told of when something happens to it.
private struct Waiting {
  let wanted: JobStatusSet
  /// Whether failed items are an exit code of their own.
  let asksWarnings: Bool
  private(set) var worst: Int32 = 0
  private var jobs: [Job] = []
  /// Those that it was said of.
  private var interrupted: Set<String> = []

  init(wanted: JobStatusSet, asksWarnings: Bool) {
    self.wanted = wanted
    self.asksWarnings = asksWarnings
  }

  mutating func add(_ id: String, _ manager: JobManager) {
    attempt { waiting in
      do throws(JobError) {
        waiting.jobs.append(try manager.find(id))
      } catch {
        guard error.status == .notFound, try waiting.tellRemoved(id, manager) else { throw error }
      }
    }
  }

  mutating func wait(_ manager: JobManager, timeoutMs: Int64?) throws {
    Interruption.hold()
    let begin = monotonicMs()
    while !jobs.isEmpty {
      try Interruption.throwPending()
      let left = timeoutMs.map { max(0, $0 - (monotonicMs() - begin)) } ?? .max
      let slice = min(left, Interruption.slice)
      // One alone is waited for by the library, which looks more often at first.
      if jobs.count > 1 { usleep(UInt32(min(slice, 50) * 1000)) }
      for job in jobs { look(job, manager, timeoutMs: jobs.count > 1 ? 0 : slice) }
      guard left <= slice else { continue }
      for job in jobs { giveUp(job) }
      return
    }
  }

  private mutating func look(_ job: Job, _ manager: JobManager, timeoutMs: Int64) {
    let isDone = attempt { waiting in
      let (outcome, status) = try job.wait(for: waiting.wanted, timeoutMs: timeoutMs)
      switch outcome {
      case .timeout: return try waiting.tellInterrupted(job)
      case _ where try waiting.tellRemoved(job.id, manager): waiting.remove(job)
      case .ok:
        waiting.remove(job)
        if waiting.asksWarnings, try job.info().hasWarnings { throw ExitStatus.failedItems }
      default:
        waiting.remove(job)
        Output.complain(EndText.of(job, status.name))
        throw ExitStatus.finished
      }
    }
    if !isDone { remove(job) }
  }

  /// To wait for the one who takes it up is right for some, and for others a surprise.
  private mutating func tellInterrupted(_ job: Job) throws {
    guard wanted.isDisjoint(with: [.paused, .pending]) else { return }
    let info = try job.info()
    guard info.isInterrupted else {
      if info.status == .running { interrupted.remove(job.id) }
      return
    }
    guard interrupted.insert(job.id).inserted else { return }
    let next = try RunSpec.of(job) != nil ? ": bgjobs resume \(job.id)" : ""
    Output.complain(
      "job \(job.id) is interrupted (\(info.error ?? "its owner died")), nobody works on it: waiting"
        + " for somebody who takes it up\(next)")
  }

  /// It ended, and was cleaned up before anybody looked. False: it is there, or nothing is known.
  private func tellRemoved(_ id: String, _ manager: JobManager) throws -> Bool {
    guard (try? manager.find(id)) == nil, let removed = try manager.removedJob(id),
      removed.status.isFinished
    else { return false }
    Output.complain(removed.sentence)
    guard wanted.contains(removed.status) else { throw ExitStatus.finished }
    if asksWarnings, removed.failedItems > 0 { throw ExitStatus.failedItems }
    return true
  }

  private mutating func giveUp(_ job: Job) {
    attempt { _ in
      Output.complain("job \(job.id) is still \(try job.info().status.name)")
      throw ExitStatus.timeout
    }
  }

  private mutating func remove(_ job: Job) { jobs.removeAll { $0.id == job.id } }

  /// False: it failed, and that was told.
  @discardableResult
  private mutating func attempt(_ body: (inout Waiting) throws -> Void) -> Bool {
    do {
      try body(&self)
      return true
    } catch {
      worst = max(worst, Failure.told(error) ?? ExitStatus.failure.rawValue)
      return false
    }
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
