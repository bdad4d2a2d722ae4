import BackgroundJobs
import CProcess
import Glibc

extension Runner {
  /// In the environment of a run's commands: what a runner that was killed has left behind is found
  /// by it, and ended before the run goes on.
  static let markName = "BGJOBS_RUN"
  /// The same for one attempt: what has left the group of its command is found by it.
  static let commandMarkName = "BGJOBS_COMMAND"

  /// The directory of the run's output: a copy of the project has another, and so has every job.
  static func mark(of job: Job) throws -> String {
    let directory = try job.output().duplicate()
    defer { close(directory) }
    var status = stat()
    guard fstat(directory, &status) == 0 else {
      throw RunError("cannot look at the output of job \(job.id)")
    }
    return "\(job.id)-\(status.st_dev)-\(status.st_ino)"
  }

  private static let lockName = "keeper"
  /// Milliseconds: longer than a keeper needs to end what it has.
  private static let patience: Int64 = 20_000

  /// Waits until what a runner before has left is ended: by its keeper, which holds a lock as long as
  /// it lives, and what has lost that too, by us.
  static func endLeftovers(of job: Job, _ keeper: Keeper) throws {
    let directory = try job.output()
    let lock = try directory.open(lockName, O_RDONLY) ?? directory.create(lockName)
    defer { close(lock) }
    let begin = monotonicMs()
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK, monotonicMs() - begin < patience else {
        throw RunError("what an earlier run of job \(job.id) has started does not end", .busy)
      }
      usleep(10_000)
    }
    try keeper.hold(lock)
    cprocess_end_marked("\(markName)=\(try mark(of: job))")
  }
}
