import BackgroundJobs
import Glibc

extension Runner {
  /// In the environment of a run's commands: what a runner that was killed has left behind is found
  /// by it, and ended before the run goes on.
  static let markName = "BGJOBS_RUN"

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
}
