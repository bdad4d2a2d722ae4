import ArgumentParser
import BackgroundJobs

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lift the pause of jobs.",
    usage: "bgjobs resume ID... | --all [OPTIONS]",
    discussion: """
      It is running again if its owner lives. A job of bgjobs run is taken up again in the \
      background, in its directory; any other job belongs to a program, which has to be run then. \
      Its commands have the environment of this command, and what bgjobs run --env has kept.

      Of several jobs all are tried, and the exit code is the highest of all.
      """)

  @OptionGroup var jobs: JobsArgument

  func run() throws {
    try jobs.forEach(\.isPaused) { try Self.resume($0, jobs.project) }
  }

  static func resume(_ id: String, _ project: ProjectOptions) throws {
    try project.withJob(id) { job, manager in
      let before = try job.info()
      let isRun = try RunSpec.of(job) != nil
      if isRun { try job.takeFromNobody() }
      try job.resume()
      let info = try job.info()
      if info.status == .running {
        guard let owner = info.ownerPID else { return Output.note(isRunningSomewhere(info)) }
        return Change.tell(from: before, to: info, ", in process \(owner)")
      }
      guard isRun else {
        return Change.tell(from: before, to: info, "; \(belongsToAProgram(info))")
      }
      try start(job, manager, project, from: before)
    }
  }

  /// Takes it up in the background; it is pending.
  static func start(
    _ job: Job, _ manager: JobManager, _ project: ProjectOptions, from before: JobInfo,
    _ what: String = ""
  ) throws {
    let isQueued = before.isEnqueued
    project.leave(manager)
    do { try RunWorker.startDetached(job.id, project) } catch let error as RunError
      where isQueued && (error.status == .busy || error.status == .waiting)
    {
      // It is in the queue, and a worker was faster, or will be there when there is a place for it.
      let now = try project.withJob(job.id) { job, _ in try job.info() }
      return Change.tell(from: before, to: now, "\(what), in the queue: \(error)")
    }
    // Done in an instant, it would never be seen running.
    let more = "\(what), in the background: bgjobs logs -f \(job.id)"
    Change.tell(from: before, to: "running", more)
  }

  /// Nothing here knows how its work is done.
  private static func belongsToAProgram(_ info: JobInfo) -> String {
    "it is none of bgjobs run: it may be started again, by the program that does its work"
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
