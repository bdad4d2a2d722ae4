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
    var parsed: (any ParsableCommand.Type)?
    do {
      let arguments = helpOfRun(try projectBehind(try argumentsGiven()))
      var command = try quicklyParsed(arguments) ?? Bgjobs.parseAsRoot(arguments)
      parsed = type(of: command)
      try ProjectOptions.enterDirectory()
      try command.run()
      Output.finish(0)
    } catch {
      Output.finish(report(error, of: parsed))
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
    guard let name = options.first, name == "run" || name == "add",
      options.contains(where: { $0 == "--help" || $0 == "-h" })
    else { return arguments }
    return ["help", name]
  }

  /// `bgjobs -C DIR list`, as git and make have it, is `bgjobs list -C DIR`.
  private static func projectBehind(_ arguments: [String]) throws -> [String] {
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
    guard let name = command.first, !name.isEmpty, !name.hasPrefix("-") else { return arguments }
    guard names.contains(name) else {
      let near = Suggestion.of(name).map { "; there is \($0)" } ?? ""
      throw RunError("there is no command '\(name)'\(near). bgjobs --help lists them", .usage)
    }
    return [name] + arguments[..<command.startIndex] + command.dropFirst()
  }

  /// The commands there are, those that only we call included.
  private static var names: [String] {
    let commands = Bgjobs.configuration.subcommands
    return commands.compactMap { $0.configuration.commandName } + ["help"]
  }

  /// The commands that scripts call for each item, without making the tree of all commands, which
  /// takes longer than their work. What is not plain (errors, help) is left to the tree.
  private static func quicklyParsed(_ arguments: [String]) -> (any ParsableCommand)? {
    guard let name = arguments.first else { return nil }
    let frequent: [any ParsableCommand.Type] = [
      UpdateCommand.self, DoneCommand.self, FailedCommand.self, SkippedCommand.self,
      NextCommand.self, PublishOwed.self,
    ]
    guard let command = frequent.first(where: { $0.configuration.commandName == name }) else {
      return nil
    }
    return try? command.parse(Array(arguments.dropFirst()))
  }

  /// `command`: that was parsed; nil: it could not be.
  private static func report(_ error: any Error, of command: (any ParsableCommand.Type)?) -> Int32 {
    if let error = error as? Interruption { return error.raise() }
    if let code = Failure.told(error) { return code }
    if let error = error as? ValidationError, let command {
      complain("Error: \(error.message)\n\(usage(of: command))")
      return ExitStatus.usage.rawValue
    }
    let code = Bgjobs.exitCode(for: error)
    let message = named(Bgjobs.fullMessage(for: error))
    if code == .success {
      Output.line(message)
      return 0
    }
    complain(message)
    return ExitStatus.usage.rawValue
  }

  /// As ArgumentParser has it, which knows the root alone once a command runs.
  private static func usage(of command: any ParsableCommand.Type) -> String {
    let usage = Bgjobs.usageString(for: command).split(separator: "\n")
    let lines = usage.joined(separator: "\n       ")
    let name = command.configuration.commandName.map { "bgjobs \($0)" } ?? "bgjobs"
    return named("Usage: \(lines)\n  See '\(name) --help' for more information.")
  }

  /// The bare form has a name only inside.
  private static func named(_ text: String) -> String {
    text.replacing("bgjobs bare", with: "bgjobs")
  }

  /// It may quote what was given.
  private static func complain(_ message: String) {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.map { SafeText.shown(Redaction.text(String($0))) }
    Output.note(shown.joined(separator: "\n"))
  }
}
