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
      var command = try quicklyParsed() ?? Bgjobs.parseAsRoot()
      try command.run()
      Output.finish(0)
    } catch {
      Output.finish(report(error))
    }
  }

  /// The commands that scripts call for each item, without making the tree of all commands, which
  /// takes longer than their work. What is not plain (errors, help) is left to the tree.
  private static func quicklyParsed() -> (any ParsableCommand)? {
    let arguments = CommandLine.arguments.dropFirst()
    guard let name = arguments.first else { return nil }
    let frequent: [any ParsableCommand.Type] = [
      UpdateCommand.self, DoneCommand.self, FailedCommand.self, NextCommand.self,
    ]
    guard let command = frequent.first(where: { $0.configuration.commandName == name }) else {
      return nil
    }
    return try? command.parse(Array(arguments.dropFirst()))
  }

  private static func report(_ error: any Error) -> Int32 {
    if let error = error as? JobError {
      Output.complain(error.message)
      return ExitStatus(error.status).rawValue
    }
    if let error = error as? ExitStatus { return error.rawValue }
    if let error = error as? ExitCode { return error.rawValue }
    if let error = error as? RunError {
      Output.complain(error.description)
      return ExitStatus.failure.rawValue
    }
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
