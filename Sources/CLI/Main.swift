import ArgumentParser
import BackgroundJobs
import Glibc

/// Where every way out of the program is: its messages and its exit codes.
@main
enum Main {
  static func main() {
    // Whoever reads our output may stop: no message, no core, like every filter.
    signal(SIGPIPE, SIG_DFL)
    openStandardDescriptors()
    do {
      let arguments = helpOfRun(projectBehind(try argumentsGiven()))
      var command = try quicklyParsed(arguments) ?? Bgjobs.parseAsRoot(arguments)
      try command.run()
      Output.finish(0)
    } catch {
      Output.finish(report(error))
    }
  }

  /// What is opened first must not become anybody's standard output.
  private static func openStandardDescriptors() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Swift would mend what is not UTF-8, and an item would be another one.
  private static func argumentsGiven() throws -> [String] {
    try (1..<max(1, Int(CommandLine.argc))).map { position in
      guard let bytes = CommandLine.unsafeArgv[position] else { return "" }
      guard let text = String(validatingCString: bytes) else {
        throw ValidationError("argument \(position) is not UTF-8: \(String(cString: bytes))")
      }
      return text
    }
  }

  /// What stands behind the options of run is passed on as it is, and to ArgumentParser that
  /// includes --help.
  private static func helpOfRun(_ arguments: [String]) -> [String] {
    let options = arguments.prefix { $0 != "--" }
    guard options.first == "run", options.contains(where: { $0 == "--help" || $0 == "-h" }) else {
      return arguments
    }
    return ["help", "run"]
  }

  /// `bgjobs -C DIR list`, as git and make have it, is `bgjobs list -C DIR`.
  private static func projectBehind(_ arguments: [String]) -> [String] {
    var command = arguments[...]
    while let word = command.first {
      if word == "-C" || word == "--project" {
        command = command.dropFirst(2)
      } else if word.hasPrefix("--project=") || word == "--any-file-system" {
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
      return error.status.rawValue
    }
    let code = Bgjobs.exitCode(for: error)
    // The bare form has a name only inside.
    let message = Bgjobs.fullMessage(for: error).replacing("bgjobs bare", with: "bgjobs")
    if code == .success {
      Output.line(message)
      return 0
    }
    // It may quote what was given.
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    Output.note(lines.map { SafeText.shown(String($0)) }.joined(separator: "\n"))
    return ExitStatus.usage.rawValue
  }
}
