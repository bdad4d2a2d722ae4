import ArgumentParser
import BackgroundJobs

struct ItemsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "items", abstract: "List the items of a job, and what became of each.",
    usage: "bgjobs items ID [--failed] [--open] [--done] [--skipped] [--json | --tsv]",
    discussion: """
      On a terminal a table. In a pipe, or with --tsv, one line an item, with tabs: item, state, \
      attempts, begin (UTC), seconds, how the command ended, reason; empty where it does not apply \
      or is not known. States: open, running, done, failed, skipped. Begin, seconds and end are \
      those of the last attempt, and known of commands of bgjobs run. --json prints one document \
      with the same, as "items"; beginMs is in milliseconds since 1970.
      """)

  @OptionGroup var job: JobArgument
  @Flag(help: "Only those that have failed.") var failed = false
  @Flag(help: "Only those that have not ended, running ones too.") var open = false
  @Flag(help: "Only those that are done.") var done = false
  @Flag(help: "Only those that were skipped.") var skipped = false
  @Flag(help: "Print one JSON document.") var json = false
  @Flag(help: "Print lines with tabs, on a terminal, too.") var tsv = false

  func validate() throws {
    if json, tsv { throw ValidationError("--json and --tsv exclude each other") }
  }

  private var states: ItemStateSet {
    var states: ItemStateSet = []
    if failed { states.insert(.failed) }
    if open { states.formUnion([.open, .underWay]) }
    if done { states.insert(.done) }
    if skipped { states.insert(.skipped) }
    return states.isEmpty ? .all : states
  }

  func run() throws {
    let items = try job.withJob { job, manager in
      defer { self.job.project.tellOfDamage(manager) }
      return try ItemRecord.all(of: job, states)
    }
    if json {
      var document = JSONDocument()
      document.add("items", JSONDocument.array(items.map { Self.object($0) }))
      return document.print()
    }
    guard Terminal.output.isTerminal, !tsv else {
      for item in items { Output.line(Self.fields(item).joined(separator: "\t")) }
      return
    }
    guard !items.isEmpty else { return Output.note("no such items") }
    for line in Self.table(items).lines(width: Terminal.output.width) { Output.line(line) }
  }

  private static func seconds(_ item: ItemRecord) -> String {
    item.milliseconds.map { "\(Double($0) / 1000)" } ?? ""
  }

  private static func fields(_ item: ItemRecord) -> [String] {
    [
      Redaction.item(item.name), item.stateName, "\(item.attempts)",
      item.last.map { DateText.format($0.begin) } ?? "", seconds(item),
      item.last?.end?.outcome ?? "", item.why.map { Redaction.item($0) } ?? "",
    ].map { SafeText.shown($0) }
  }

  private static func table(_ items: [ItemRecord]) -> Table {
    var table = Table(columns: [
      .init(title: "ITEM", least: 12), .init(title: "STATE"),
      .init(title: "ATTEMPTS", rank: 3, alignsRight: true), .init(title: "BEGIN", rank: 4),
      .init(title: "TOOK", rank: 2, alignsRight: true), .init(title: "END", rank: 1),
      .init(title: "REASON", rank: 1, least: 12),
    ])
    table.rows = items.map { item in
      [
        Redaction.item(item.name), item.stateName, "\(item.attempts)",
        item.last.flatMap { EstimateText.time($0.begin, seconds: true, day: false) } ?? "",
        item.milliseconds.map { EstimateText.span(Double($0) / 1000) } ?? "",
        item.last?.end?.outcome ?? "", item.why.map { Redaction.item($0) } ?? "",
      ].map { SafeText.shown($0) }
    }
    return table
  }

  private static func object(_ item: ItemRecord) -> String {
    var members: [String] = []
    func add(_ name: String, _ value: String?) {
      if let value { members.append("\(JSONDocument.quoted(name)):\(value)") }
    }
    add("item", JSONDocument.quoted(item.name))
    add("state", JSONDocument.quoted(item.stateName))
    add("attempts", "\(item.attempts)")
    add("beginMs", item.last.map { "\($0.begin)" })
    add("seconds", item.milliseconds.map { "\(Double($0) / 1000)" })
    add("end", (item.last?.end?.outcome).map(JSONDocument.quoted))
    add("exit", item.last?.end?.exitCode.map { "\($0)" })
    add("reason", item.why.map(JSONDocument.quoted))
    return "{\(members.joined(separator: ","))}"
  }
}

extension Attempt.Ending {
  /// nil: a signal ended it, or something else.
  fileprivate var exitCode: Int32? {
    let word = "exit "
    return outcome.hasPrefix(word) ? Int32(outcome.dropFirst(word.count)) : nil
  }
}
