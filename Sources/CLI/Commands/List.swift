import ArgumentParser
import BackgroundJobs

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the jobs, active ones first.",
    usage: "bgjobs list [OPTIONS]",
    discussion: """
      On a terminal a table that fits its width. In a pipe one line a job, with tabs: id, type, \
      status, reason, current, total, percentage, rate, eta, key, current item, failed items, \
      marks, items that run; empty where it does not apply. Marks: stalled, when nothing has \
      come for far longer \
      than is usual for the job; history, when rate and eta (in the table: ~9 s) rest on finished \
      jobs of the same type; queued, while it is in the queue. --json prints one document.
      """)

  @OptionGroup var project: ProjectOptions
  @Flag(help: "Only running and paused jobs.") var active = false

  @Option(help: "Only these statuses; several with commas.") var status: String?
  @Option(help: "Only this type.") var type: String?
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    if active, status != nil { throw ValidationError("--active and --status exclude each other") }
  }

  func run() throws {
    let wanted: JobStatusSet =
      active ? .active : try status.map { try JobStatusSet(names: $0) } ?? .all
    try Self.list(project, wanted, type: type, asJSON: json)
  }

  static func list(
    _ project: ProjectOptions, _ statuses: JobStatusSet, type: String?, asJSON: Bool
  ) throws {
    let jobs = try project.withManager { manager in
      defer { project.tellOfDamage(manager) }
      return sorted(try manager.list(statuses, type: type))
    }
    if asJSON {
      var document = JSONDocument()
      document.add("jobs", JSONDocument.array(jobs.map { JSONDocument.object($0) }))
      return document.print()
    }
    guard Terminal.output.isTerminal else {
      for job in jobs { Output.line(fields(job).joined(separator: "\t")) }
      return
    }
    guard !jobs.isEmpty else { return Output.note("no jobs in \(project.path)") }
    for line in table(jobs).lines(width: Terminal.output.width) { Output.line(line) }
  }

  /// Active ones first, then pending, then the newest of the finished.
  private static func sorted(_ jobs: [JobInfo]) -> [JobInfo] {
    func rank(_ job: JobInfo) -> Int {
      switch job.status {
      case .running: 0
      case .paused: 1
      case .pending: 2
      case .other: 3
      case .completed, .failed: 4
      }
    }
    let numbered = jobs.enumerated().sorted { a, b in
      let (first, second) = (rank(a.element), rank(b.element))
      if first != second { return first < second }
      let (old, new) = (a.element.updatedMs ?? 0, b.element.updatedMs ?? 0)
      return old == new ? a.offset < b.offset : old > new
    }
    return numbered.map { $0.element }
  }

  private static func fields(_ job: JobInfo) -> [String] {
    [
      job.id, job.type, job.status.name, job.reason ?? "", "\(job.current)", "\(job.total)",
      "\(job.percentage)", job.rate.map { "\(($0 * 1000).rounded() / 1000)" } ?? "",
      job.eta.flatMap(job.wholeSeconds).map { "\($0)" } ?? "", job.key ?? "",
      job.currentItem.map(Redaction.item) ?? "", "\(job.itemsFailed)",
      [
        job.isStalled ? "stalled" : nil, job.isEstimateFromHistory ? "history" : nil,
        job.hasWarnings ? "warnings" : nil, job.isEnqueued && job.isUnfinished ? "queued" : nil,
      ].compactMap { $0 }.joined(separator: ","),
      job.itemsUnderWay > 0 ? "\(job.itemsUnderWay)" : "",
    ].map { SafeText.shown($0) }
  }

  private static func note(_ job: JobInfo) -> String {
    if job.status == .pending, job.isEnqueued { return "queued" }
    return job.hasWarnings ? "warnings" : ""
  }

  /// The item that runs longest, and how many others do.
  private static func now(_ job: JobInfo) -> String {
    guard let item = job.currentItem.map(Redaction.item) else { return "" }
    return job.itemsUnderWay > 1 ? "\(item) (+\(job.itemsUnderWay - 1))" : item
  }

  private static func table(_ jobs: [JobInfo]) -> Table {
    var table = Table(columns: [
      .init(title: "ID"), .init(title: "TYPE", rank: 2, least: 6), .init(title: "STATUS"),
      .init(title: "REASON", rank: 3), .init(title: "PROGRESS", rank: 5),
      .init(title: "%", alignsRight: true), .init(title: "ITEMS", rank: 1, alignsRight: true),
      .init(title: "FAILED", rank: 1, alignsRight: true),
      .init(title: "RATE", rank: 4, alignsRight: true),
      .init(title: "LEFT", rank: 2, alignsRight: true), .init(title: "KEY", rank: 6, least: 6),
      .init(title: "NOW", rank: 7, least: 8),
    ])
    table.rows = jobs.map { job in
      [
        job.id, job.type, job.status.name,
        job.isStalled ? "stalled" : job.reason ?? note(job),
        job.total > 0 ? EstimateText.bar(job.percentage, width: 12) : "",
        job.total > 0 ? "\(job.percentage)" : "-", EstimateText.items(job),
        job.itemsFailed > 0 ? "\(job.itemsFailed)" : "-", EstimateText.rate(job.rate),
        EstimateText.left(job) ?? "-", job.key ?? "",
        now(job),
      ].map { SafeText.shown($0) }
    }
    return table
  }
}
