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
      let arguments = helpOfRun(try projectBehind(try argumentsGiven()))
      var command = try quicklyParsed(arguments) ?? Bgjobs.parseAsRoot(arguments)
      try ProjectOptions.enterDirectory()
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
      let near = nearest(to: name, of: names).map { "; there is \($0)" } ?? ""
      throw RunError("there is no command '\(name)'\(near). bgjobs --help lists them", .usage)
    }
    return [name] + arguments[..<command.startIndex] + command.dropFirst()
  }

  /// The commands there are, those that only we call included.
  private static var names: [String] {
    let commands = Bgjobs.configuration.subcommands
    return commands.compactMap { $0.configuration.commandName } + ["help"]
  }

  /// What was likely meant by a name that is none: a third of its letters wrong, or its beginning.
  private static func nearest(to name: String, of names: [String]) -> String? {
    let shown = names.filter { $0 != "bare" && $0 != "run-worker" }
    let ranked = shown.map { ($0, distance(Array(name), Array($0))) }
    if let (best, wrong) = ranked.min(by: { $0.1 < $1.1 }), wrong <= max(1, name.count / 3) {
      return best
    }
    return shown.first { name.count > 1 && $0.hasPrefix(name) }
  }

  /// How many letters are to be put in, taken out, replaced, or changed with their neighbour.
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          least = min(least, rows[i - 1][j - 1] + 1)
        }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
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
    if let error = error as? Interruption { return error.raise() }
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
    let shown = lines.map { SafeText.shown(Redaction.text(String($0))) }
    Output.note(shown.joined(separator: "\n"))
    return ExitStatus.usage.rawValue
  }
}
