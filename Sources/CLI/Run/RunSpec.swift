import BackgroundJobs
import FoundationEssentials

/// What a run does, so that anyone can take it up again. Redacted it is the config of its job.
struct RunSpec: Codable {
  enum PauseMode: String, Codable, CaseIterable {
    /// What is under way is finished, and nothing further started.
    case finish
    /// What is under way is stopped, and done again afterwards.
    case stop
  }

  /// An argument vector, never a line for a shell; `{}` stands for the item.
  var command: [String]
  /// Where it works: relative to the project, when it is inside.
  var directory: String
  /// Whether the command is for each item, or there is one, which is the command itself.
  var hasItems: Bool
  /// How many there are. A job that was killed before it had them all has fewer.
  var items: Int64 = 1
  /// Commands at a time.
  var jobs = 1
  /// Further attempts at an item whose command failed.
  var retries = 0
  var pauseMode = PauseMode.finish
  /// An exit code that means: too many requests, later.
  var rateLimitExit: Int32?
  /// A regular expression (POSIX extended) that means so in the output; a number in parentheses is
  /// the seconds to wait.
  var rateLimitMatch: String?
  /// Seconds to wait when nothing says how long.
  var rateLimitWait: Int64 = 60
  /// How often an item may meet a rate limit in a run before it has failed.
  var rateLimitRetries: Int?
  static let usualRateLimitRetries = 10
  /// Milliseconds after which a command is stopped.
  var timeout: Int64?
  /// Milliseconds between the beginnings of two commands.
  var delay: Int64?
  /// Whose rate each command needs a permit of.
  var provider: String?
  /// After so many failures nothing further is started.
  var halt: HaltRule?
  /// An exit code that means: there was nothing to do.
  var skipExit: Int32?
  /// What an earlier run of its key has done is left out, and what it does is remembered.
  var once: Bool?
  /// In the state file: whether anything in it was replaced, so that it cannot be run. Absent: made
  /// by a version that kept nothing elsewhere.
  var isRedacted: Bool?

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// nil: the job was not made by `bgjobs run`.
  static func of(_ job: Job) throws -> RunSpec? {
    guard let config = try job.config() else { return nil }
    let spec = try? JSONDecoder().decode(RunSpec.self, from: Data(config.utf8))
    return spec.flatMap { $0.command.first?.isEmpty == false ? $0 : nil }
  }

  /// As it may stand where others can read it.
  var redacted: RunSpec {
    var shown = self
    shown.command = Redaction.arguments(command)
    shown.directory = Redaction.text(directory)
    shown.rateLimitMatch = rateLimitMatch.map { Redaction.text($0) }
    shown.isRedacted =
      shown.command != command || shown.directory != directory
      || shown.rateLimitMatch != rateLimitMatch
    return shown
  }

  /// The arguments for one item.
  func arguments(for item: PlacedItem) -> [String] {
    hasItems ? CommandTemplate(arguments: command).filled(with: item) : command
  }

  /// Whether an item that begins with "-" would be taken for an option: no `--` and no text stands
  /// before it.
  var takesItemsAsOptions: Bool {
    guard hasItems else { return false }
    let separator = command.firstIndex(of: "--") ?? command.count
    if CommandTemplate(arguments: command).used.isEmpty { return separator == command.count }
    return command[..<separator].contains { argument in
      Placeholder.allCases.contains { $0.beginsAsItem && argument.hasPrefix($0.rawValue) }
    }
  }
}
