import ArgumentParser
import BackgroundJobs
import CProcess
import Glibc

/// The process that works on a run which goes on in the background. Started by `run --detach` and
/// `resume`, not by people.
struct RunWorker: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run-worker", abstract: "Work on the job of a run.", shouldDisplay: false)

  @OptionGroup var job: JobArgument

  @Flag(help: "End if there is no place for it now.") var onlyNow = false

  /// Descriptor 3 hears "ok", or with which exit code it ends, and why.
  private static let answer: Int32 = 3

  func run() throws {
    var isHeard = false
    func tell(_ text: String) {
      if !isHeard { Self.tell(text) }
      isHeard = true
    }
    do {
      // It goes to another directory, from where the path would mean something else.
      let project = job.project.absolute
      try Self.enterDirectory(of: job.id, project)
      // After that, for its commands work there; and before anything stays open.
      let keeper = try Keeper.start()
      let manager = try project.open()
      defer { ProjectOptions.close(manager) }
      let job = try manager.find(job.id)
      guard let run = try StoredRun.of(job) else { throw Self.isNoRun(job.id) }
      let end = try Self.work(
        job, manager, run, keeper, project.path, isOnlyNow: onlyNow
      ) { tell("ok") }
      throw end
    } catch {
      let known = (error as? JobError).map { ExitStatus($0.status) }
      let status = known ?? (error as? RunError)?.status ?? .failure
      tell("\(status.rawValue) \(error)")
      throw error
    }
  }

  private static func enterDirectory(of id: String, _ project: ProjectOptions) throws {
    let directory = try project.withJob(id) { job, _ in
      guard let run = try StoredRun.of(job) else { throw isNoRun(job.id) }
      return RunDirectory.path(of: run.spec.directory, project: project.path)
    }
    guard chdir(directory) == 0 else {
      throw RunError("cannot go to \(directory): \(String(cString: strerror(errno)))")
    }
  }

  /// Killed while it was made, a job has fewer items than it was to have; who made it knows them.
  private static func requireAllItems(of job: Job, _ spec: RunSpec) throws {
    let info = try job.info()
    let known =
      info.itemsOpen + info.itemsCompleted + info.itemsFailed + info.itemsSkipped
    guard known < spec.items else { return }
    throw RunError(
      "job \(job.id) was killed while it was made, and has \(known) of its \(spec.items) items:"
        + " run the same line again")
  }

  private static func isNoRun(_ id: String) -> RunError {
    RunError("job \(id) was not made by bgjobs run")
  }

  private static func tell(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(answer, $0.baseAddress, $0.count) }
    close(answer)
  }

  static func isPaused(_ job: JobInfo) -> RunError {
    RunError(
      "job \(job.id) is paused\(job.reason.map { ", \($0)" } ?? ""): not started."
        + " To lift the pause: bgjobs resume \(job.id)", .paused)
  }

  /// Owns the job and works on it. Gives how the program is to end.
  static func work(
    _ job: Job, _ manager: JobManager, _ run: StoredRun, _ keeper: Keeper, _ project: String,
    _ display: Runner.Display = Runner.Display(isQuiet: true), only: Set<[UInt8]>? = nil,
    isOnlyNow: Bool = false, started: () -> Void = {}
  ) throws -> ExitCode {
    try job.takeFromNobody()
    try begin(job, isOnlyNow, waiting: started)
    do {
      try requireAllItems(of: job, run.spec)
      try Runner.endLeftovers(of: job, keeper)
      var code: Int32
      while true {
        let runner = try Runner(job, run, keeper, project: project, display)
        runner.only = only
        started()
        code = try runner.run()
        guard runner.isTriedAgain, !isOnlyNow else { break }
        try begin(job, isOnlyNow, waiting: {})
      }
      keeper.stop()
      if run.spec.once == true {
        // The job has it all: the next run of its key, or cleanup, looks there again.
        do { try OnceMemory.add(job, in: manager) } catch { Output.complain("\(error)") }
      }
      ProjectOptions.close(manager)
      return ExitCode(code)
    } catch {
      _ = try? job.leave("\(error)")
      try? manager.close()
      throw error
    }
  }

  /// Returns when the job is ours, or throws why it cannot be.
  private static func begin(
    _ job: Job, _ isOnlyNow: Bool, waiting: () -> Void
  ) throws {
    while try start(job, isOnlyNow, waiting: waiting) == .paused {
      let info = try job.info()
      guard info.resumeAtMs != nil else {
        throw isPaused(info)
      }
      waiting()
      _ = try job.waitHeeding(for: .pending)
    }
  }

  /// Waits for its place, after a word about it.
  private static func start(
    _ job: Job, _ isOnlyNow: Bool, waiting: () -> Void
  ) throws -> Status {
    var told: String?
    while true {
      do throws(JobError) { return try job.start() } catch {
        guard error.status == .waiting, !isOnlyNow else { throw error }
        if told == nil { waiting() }
        if told != error.message { Output.complain(error.message) }
        told = error.message
      }
      Interruption.hold()
      try Interruption.pause()
    }
  }

  /// For `bgjobs work`: a child of this process, in a group of its own. Returns when it owns the job.
  static func startChild(_ id: String, _ project: ProjectOptions) throws -> pid_t {
    var ends: [Int32] = [0, 0]
    guard cprocess_pipe(&ends) == 0 else {
      throw RunError("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    let arguments = ["bgjobs", "run-worker"] + project.arguments + ["--only-now", "--", id]
    var vector = arguments.map { strdup($0) } + [nil]
    defer { for text in vector { free(text) } }
    let pid = cprocess_spawn_worker("/proc/self/exe", &vector, ends[1])
    let number = errno
    close(ends[1])
    defer { close(ends[0]) }
    guard pid > 0 else {
      throw RunError("cannot start the worker: \(String(cString: strerror(number)))")
    }
    do { try hear(ends[0]) } catch {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      throw error
    }
    return pid
  }

  /// Returns when the worker owns the job.
  static func startDetached(_ id: String, _ project: ProjectOptions) throws {
    var ends: [Int32] = [0, 0]
    guard cprocess_pipe(&ends) == 0 else {
      throw RunError("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    let arguments = ["bgjobs", "run-worker"] + project.arguments + ["--", id]
    var vector = arguments.map { strdup($0) } + [nil]
    defer { for text in vector { free(text) } }
    let pid = cprocess_spawn_detached("/proc/self/exe", &vector, ends[1])
    let number = errno
    close(ends[1])
    defer { close(ends[0]) }
    guard pid > 0 else {
      throw RunError("cannot start the worker: \(String(cString: strerror(number)))")
    }
    try hear(ends[0])
  }

  /// What the worker says: throws why it does not own the job.
  private static func hear(_ answer: Int32) throws {
    var text: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4096)
    while case let got = read(answer, &room, room.count), got != 0 {
      if got > 0 { text += room[..<got] } else if errno != EINTR { break }
    }
    let said = String(decoding: text, as: UTF8.self)
    guard said != "ok" else { return }
    let parts = said.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, let code = Int32(parts[0]), let status = ExitStatus(rawValue: code)
    else { throw RunError("the worker ended at once") }
    throw RunError(String(parts[1]), status)
  }

  /// A program that is not there would fail for each item: say so before there is a job.
  /// `path`: where it is looked for; nil: in our own PATH.
  static func checkProgram(_ spec: RunSpec, path: String?) throws {
    let name = spec.command[0]
    let shown = Redaction.text(name)
    if name.contains("{}") { return }
    if name.contains("/") {
      var status = stat()
      errno = 0
      if stat(name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { errno = EISDIR }
      guard errno != EISDIR, access(name, X_OK) == 0 else {
        throw RunError("cannot run \(shown): \(String(cString: strerror(errno)))")
      }
      return
    }
    let path = path ?? environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
    for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
      if access("\(directory.isEmpty ? "." : String(directory))/\(name)", X_OK) == 0 { return }
    }
    throw RunError("cannot run \(shown): there is no such program in the PATH")
  }
}
