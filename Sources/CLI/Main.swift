import ArgumentParser
import BackgroundJobs
import Glibc

/// Where every way out of the program is: its messages and its exit codes.
@main
enum Main {
  static func main() {
    // Whoever reads our output may stop: no message, no core, like every filter.
    signal(SIGPIPE, SIG_DFL)
    do {
      var command = try Bgjobs.parseAsRoot()
      try command.run()
      Output.finish(0)
    } catch {
      Output.finish(report(error))
    }
  }

  private static func report(_ error: any Error) -> Int32 {
    if let error = error as? JobError {
      Output.complain(error.message)
      return ExitStatus(error.status).rawValue
    }
    if let error = error as? ExitStatus { return error.rawValue }
    let code = Bgjobs.exitCode(for: error)
    let message = Bgjobs.fullMessage(for: error)
    if code == .success {
      Output.line(message)
      return 0
    }
    Output.note(message)
    return ExitStatus.usage.rawValue
  }
}
