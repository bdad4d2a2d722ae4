import BackgroundJobs
import FoundationEssentials
import Glibc

/// What a run is given, secrets included: a file beside the output of its job, mode 0600. In the
/// state file, which anyone may read, stands the same redacted.
struct StoredRun: Codable {
  /// An item with credentials in it has another name in the job.
  struct Named: Codable {
    let name: String
    let item: String
  }

  /// Of the environment, as it was asked for.
  struct Variable: Codable {
    let name: String
    let value: String
  }

  static let name = "run.json"

  var spec: RunSpec
  var items: [Named] = []
  /// nil: none, or a version before wrote it.
  var variables: [Variable]?

  init(_ spec: RunSpec) { self.spec = spec }

  /// What stands there; nil: the job is none of `bgjobs run`.
  static func of(_ job: Job) throws -> StoredRun? {
    guard let shown = try RunSpec.of(job) else { return nil }
    func isUnknown(_ why: String) throws -> RunError {
      RunError(
        "job \(job.id): what it runs is not known: \(why). Run the same line again in"
          + " \(RunDirectory.shown(shown.directory)), with --key '\(try job.info().key ?? "")'")
    }
    // First: what others can write must not say that there is nothing to look for. What is there, and
    // is not to be trusted or read, is no reason to run something else.
    let directory = try job.output()
    do {
      if let stored = try read(try PrivateDirectory(directory)) { return stored }
    } catch { throw try isUnknown((error as? JobError)?.message ?? "\(error)") }
    // Made by a version that had it all in the state file.
    guard let isRedacted = shown.isRedacted else { return StoredRun(shown) }
    let why = "\(directory.path)/\(name) is missing"
    guard !isRedacted, try !job.items().open.contains(where: { $0.contains(Redaction.mask) }) else {
      throw try isUnknown(why + ", and the state file has it without its secrets")
    }
    Output.complain("job \(job.id): \(why); it is run as it stands in the state file")
    return StoredRun(shown)
  }

  private static func read(_ directory: borrowing PrivateDirectory) throws -> StoredRun? {
    guard let bytes = try directory.read(name) else { return nil }
    guard let stored = try? JSONDecoder().decode(StoredRun.self, from: Data(bytes)) else {
      throw RunError("\(name) of the job is damaged")
    }
    return stored
  }

  /// What the run before this one has kept; nil: there was none, or it cannot be used.
  static func before(_ job: Job) throws -> StoredRun? {
    try? read(try PrivateDirectory(try job.output()))
  }

  /// Keeps it, before the job is started. Of what a run before this one has kept, the names of its
  /// items stay: these are done, or failed.
  func keep(for job: Job) throws {
    let directory = try PrivateDirectory(try job.output())
    try directory.alone {
      let before = try? Self.read(directory)
      var kept = self
      let known = Set(items.map { Array($0.name.utf8) })
      kept.items =
        (before?.items ?? []).filter { !known.contains(Array($0.name.utf8)) } + items
      let bytes = try kept.encoded
      if let before, try before.encoded == bytes { return }
      try directory.write(bytes, as: Self.name, replaces: true)
    }
  }

  private var encoded: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Array(try encoder.encode(self))
    }
  }

  /// The names of these items in the job, and remembers which is which. Two that differ in their
  /// credentials alone are told apart by their order. Those that have a name already keep it, also
  /// when their credentials are new. `there`: the names that the job has.
  mutating func name(_ given: [String], there: () throws -> [String]) rethrows -> [String] {
    let names = given.map { Redaction.value($0) }
    guard zip(given, names).contains(where: { !isSame($0, $1) }) else { return given }
    let known = Dictionary(items.map { (Array($0.item.utf8), $0.name) }) { first, _ in first }
    var taken = Set(zip(given, names).filter { isSame($0, $1) }.map { Array($1.utf8) })
    taken.formUnion(items.map { Array($0.name.utf8) })
    taken.formUnion(try there().map { Array($0.utf8) })
    // Those that the list does not have any more, by what everybody may read of them.
    let listed = Set(given.map { Array($0.utf8) })
    var free: [[UInt8]: [Int]] = [:]
    for (place, one) in items.enumerated() where !listed.contains(Array(one.item.utf8)) {
      free[Array(Redaction.value(one.item).utf8), default: []].append(place)
    }
    return zip(given, names).map { item, name in
      if isSame(item, name) { return item }
      if let name = known[Array(item.utf8)] { return name }
      if let place = free[Array(name.utf8)]?.first {
        free[Array(name.utf8)]?.removeFirst()
        items[place] = Named(name: items[place].name, item: item)
        return items[place].name
      }
      var (own, number) = (name, 1)
      while !taken.insert(Array(own.utf8)).inserted {
        number += 1
        own = "\(name) (\(number))"
      }
      items.append(Named(name: own, item: item))
      return own
    }
  }

  /// Items by their names, where these differ.
  var itemsByName: [[UInt8]: String] {
    Dictionary(items.map { (Array($0.name.utf8), $0.item) }) { first, _ in first }
  }
}

/// As bytes: Swift takes different spellings of a character for equal.
private func isSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
