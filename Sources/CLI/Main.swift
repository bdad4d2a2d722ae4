import ArgumentParser
import BackgroundJobs
import Glibc

/// Where every way out of the program is: its messages and its exit codes.
@main
enum Main {
  static func main() {
    // Whoever reads our output may stop: no message, no core, like every filter.
    signal(SIGPIPE, SIG_DFL)
    let arguments = projectBehind(Array(CommandLine.arguments.dropFirst()))
    do {
      var command = try quicklyParsed(arguments) ?? Bgjobs.parseAsRoot(arguments)
      try command.run()
      Output.finish(0)
    } catch {
      Output.finish(report(error))
    }
  }

  /// `bgjobs -C DIR list`, as git and make have it, is `bgjobs list -C DIR`.
  private static func projectBehind(_ arguments: [String]) -> [String] {
    var command = arguments[...]
    while let word = command.first {
      if word == "-C" || word == "--project" {
        command = command.dropFirst(2)
      } else if word.hasPrefix("--project=") {
        command = command.dropFirst()
      } else {
        break
      }
    }
    let names = Bgjobs.configuration.subcommands.map { $0.configuration.commandName }
    guard let name = command.first, names.contains(name) else { return arguments }
    return [name] + arguments[..<command.startIndex] + command.dropFirst()
  }

  /// The commands that scripts call for each item, without making the tree of all commands, which
  /// takes longer than their work. What is not plain (errors, help) is left to the tree.
  private static func quicklyParsed(_ arguments: [String]) -> (any ParsableCommand)? {
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
    // The bare form has a name only inside.
    let message = Bgjobs.fullMessage(for: error).replacing("bgjobs bare", with: "bgjobs")
    if code == .success {
      Output.line(message)
      return 0
    }
    Output.note(message)
    return ExitStatus.usage.rawValue
  }
}
