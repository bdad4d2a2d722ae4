import BackgroundJobs
import Glibc

/// What finds the job of a line again: a hash of it.
struct RunKey {
  private static let secretName = "run.key"

  /// With its directory as it is stored.
  private let line: [UInt8]
  /// As a version before had it.
  private let absoluteLine: [UInt8]
  private let hasSecrets: Bool

  init(directory: String, list: String?, each: [String], command: [String]) {
    func line(in directory: String) -> [UInt8] {
      let parts = [directory, list ?? ""] + each + ["--"] + command
      return Array(parts.joined(separator: "\0").utf8)
    }
    self.line = line(in: directory)
    absoluteLine = line(in: currentDirectory())
    let shown =
      [Redaction.text(directory), list ?? ""] + each.map { Redaction.value($0) } + ["--"]
      + Redaction.arguments(command)
    hasSecrets = !self.line.elementsEqual(shown.joined(separator: "\0").utf8)
  }

  /// Everybody may read the key. A plain hash of a line with a token in it would tell who guesses
  /// the token that the guess is right; so that hash has a secret of the project in it. A line
  /// without secrets stands in the state file anyway.
  func key(in manager: JobManager, type: String) throws -> String {
    let keyed = hasSecrets ? try Self.keyedHash(in: manager) : nil
    let key = Self.text(keyed?.hash(line) ?? Self.plainHash(line))
    // Versions before may have begun it, which knew no secrets and no directory but absolute ones.
    let old =
      [Self.text(Self.plainHash(absoluteLine))]
      + (keyed.map { [Self.text($0.hash(absoluteLine))] } ?? [])
    guard old != [key] else { return key }
    let unfinished = try manager.list([.pending, .running, .paused], type: type)
    return ([key] + old).first { name in unfinished.contains { $0.key == name } } ?? key
  }

  /// With the secret of the project in it.
  static func keyedHash(in manager: JobManager) throws -> KeyedHash {
    guard let keyed = KeyedHash(key: try secret(in: try manager.privateDirectory())) else {
      throw RunError("\(secretName) in the state directory is damaged: delete it")
    }
    return keyed
  }

  private static func text(_ hash: UInt64) -> String { "run-\(String(hash, radix: 16))" }

  /// FNV-1a.
  private static func plainHash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
  }

  /// Of two processes that make it at once, both take the one that is there first.
  private static func secret(in directory: OutputDirectory) throws -> [UInt8] {
    let directory = try PrivateDirectory(directory)
    if let known = try directory.read(secretName) { return known }
    var random = SystemRandomNumberGenerator()
    let new = (0..<KeyedHash.keySize).map { _ in UInt8.random(in: 0...255, using: &random) }
    if try directory.write(new, as: secretName, replaces: false) { return new }
    return try directory.read(secretName) ?? []
  }
}
