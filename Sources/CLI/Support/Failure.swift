import ArgumentParser
import BackgroundJobs

/// What ends a command, or its work on one of several jobs, as an exit code.
enum Failure {
  /// Says what is to be said; nil: it is none of ours.
  static func told(_ error: any Error) -> Int32? {
    if let error = error as? JobError {
      Output.complain(error.message)
      return ExitStatus(error.status).rawValue
    }
    if let error = error as? ExitStatus { return error.rawValue }
    if let error = error as? ExitCode { return error.rawValue }
    if let error = error as? RunError {
      Output.complain(error.description)
      return error.status.rawValue
    }
    return nil
  }
}
