import ArgumentParser
import BackgroundJobs
import Glibc

/// One job, by its id or the beginning of it.
struct JobArgument: ParsableArguments {
  @OptionGroup var project: ProjectOptions

  @Argument(help: "The job, by its id or the beginning of it.", completion: .jobs)
  var id: String

  func validate() throws {
    if id.isEmpty { throw ValidationError("the id is empty") }
  }

  /// Runs `body` on the job, and closes its project however that ends.
  @discardableResult
  func withJob<Result>(
    _ body: (Job, JobManager) throws -> Result
  ) throws -> Result {
    try project.withJob(id, body)
  }
}

/// One job, or that of the run by which this process was started.
struct OwnJobArgument: ParsableArguments {
  @OptionGroup var project: ProjectOptions

  @Argument(
    help: "The job, by its id or the beginning of it (default: the one in BGJOBS_JOB_ID).",
    completion: .jobs)
  var id: String?

  func validate() throws {
    if id == "" { throw ValidationError("the id is empty") }
  }

  @discardableResult
  func withJob<Result>(
    _ body: (Job, JobManager) throws -> Result
  ) throws -> Result {
    guard let id = id ?? getenv("BGJOBS_JOB_ID").map({ String(cString: $0) }), !id.isEmpty else {
      throw ValidationError("no job: say its id, or set BGJOBS_JOB_ID")
    }
    return try project.withJob(id, body)
  }
}

/// Several jobs, or all for which it is possible.
struct JobsArgument: ParsableArguments {
  @OptionGroup var project: ProjectOptions

  @Flag(help: "All jobs for which that is possible.")
  var all = false

  @Argument(help: "The jobs, by their ids or the beginnings of them.", completion: .jobs)
  var ids: [String] = []

  func validate() throws {
    if ids.contains("") { throw ValidationError("the id is empty") }
    if all, !ids.isEmpty { throw ValidationError("--all and an id exclude each other") }
    if !all, ids.isEmpty { throw ValidationError("no job: say its id, several of them, or --all") }
  }

  /// The ids that were given, or with --all those of the jobs that are `possible`.
  func chosen(_ possible: (JobInfo) -> Bool) throws -> [String] {
    guard all else { return ids }
    let jobs = try project.withManager { try $0.list() }.filter(possible)
    if jobs.isEmpty { Output.note("there is no such job") }
    return jobs.map { $0.id }
  }

  /// Runs `body` for each, also when it failed for one before. The exit code is the highest.
  func forEach(_ possible: (JobInfo) -> Bool, _ body: (String) throws -> Void) throws {
    let ids = try chosen(possible)
    guard ids.count > 1 else { return try ids.forEach(body) }
    var worst: Int32 = 0
    for id in ids {
      do {
        try body(id)
      } catch {
        guard let code = Failure.told(error) else { throw error }
        worst = max(worst, code)
      }
    }
    if worst != 0 { throw ExitCode(worst) }
  }

  /// The same, and says what has become of each.
  func change(_ possible: (JobInfo) -> Bool, _ body: (Job) throws -> Void) throws {
    try forEach(possible) { id in
      try project.withJob(id) { job, _ in
        let before = try job.info()
        try body(job)
        Change.tell(from: before, to: try job.info())
      }
    }
  }
}

/// What a command has made of a job, in one line.
enum Change {
  static func tell(from before: JobInfo, to after: JobInfo, _ more: String = "") {
    tell(from: before, to: state(after), more)
  }

  /// `new`: a status and its reason, as `state` has them.
  static func tell(from before: JobInfo, to new: String, _ more: String) {
    let old = state(before)
    let text = old == new ? "\(new) already" : "\(old) -> \(new)"
    Output.note(SafeText.shown("job \(before.id): \(text)\(more)"))
  }

  private static func state(_ info: JobInfo) -> String {
    switch (info.status, info.reason) {
    case (.paused, "interrupted"?), (.paused, "rate-limit"?), (.failed, "cancelled"?):
      "\(info.statusName), \(info.reason ?? "")"
    default: info.statusName
    }
  }
}

extension CompletionKind {
  /// The ids of the jobs there are.
  static var jobs: CompletionKind {
    .custom { _, _, prefix in
      let jobs = (try? ProjectOptions.parse([]).withManager { try $0.list() }) ?? []
      return jobs.map { $0.id }.filter { $0.hasPrefix(prefix) }
    }
  }
}
