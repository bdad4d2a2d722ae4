import ArgumentParser
import BackgroundJobs

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show everything about one job.",
    discussion: """
      --json prints one document: "info" is what is known at this moment, "job" the job as it \
      would stand in the state file now. Times are local, those of --json UTC.
      """)

  @OptionGroup var job: JobArgument
  @Flag(help: "Print one JSON document.") var json = false

  func run() throws { try Self.show(job.id, job.project, asJSON: json) }

  static func show(_ id: String, _ project: ProjectOptions, asJSON: Bool) throws {
    try project.withJob(id) { job, manager in
      defer { project.tellOfDamage(manager) }
      let info = try job.info()
      guard !asJSON else {
        var document = JSONDocument()
        document.add("info", JSONDocument.object(info))
        document.add("job", try job.json())
        return document.print()
      }
      let run = try RunSpec.of(job)
      // A version before has the secrets of a run in there.
      let config = try run.flatMap { try $0.isRedacted == nil ? $0.redacted.json : nil }
      let shown = try config ?? job.config()
      let running = info.status == .running ? try job.items(.underWay).map(\.name) : []
      let failed = info.itemsFailed > 0 ? try job.items(.failed) : []
      let waits = info.status == .running ? [] : try job.waitsDecoded().map(\.text)
      for (name, value) in facts(info, failed, shown, try job.cursor(), running, waits) {
        let label = name.isEmpty ? "" : "\(name):"
        Output.line(fitted(label, to: 14) + SafeText.shown(value))
      }
      if let hint = hint(info, isRun: run != nil) { Output.note("\n\(hint)") }
    }
  }

  private static func facts(
    _ info: JobInfo, _ failed: [JobItem], _ config: String?, _ cursor: String?,
    _ running: [String], _ waits: [String]
  ) -> [(String, String)] {
    var facts: [(String, String)] = []
    func add(_ name: String, _ value: String?) { if let value { facts.append((name, value)) } }
    add("id", info.id)
    add("type", info.type)
    add("key", info.key)
    add("status", info.statusName + (info.reason.map { ", \($0)" } ?? ""))
    add("error", info.error)
    if info.status == .paused, !info.isPauseAcknowledged {
      add("", "its owner has not seen the pause yet")
    }
    if let refused = info.refusedStatus {
      let what = refused == "removed" ? "removed it" : "set it to \(refused)"
      add("", "another tool \(what), while its owner worked on it: not taken")
    }
    if info.isEnqueued, info.isUnfinished {
      let lane = info.lane.map { ", lane \($0)" } ?? ""
      let tries =
        info.failures > 0 ? ", \(info.failures) of \(info.mostAttempts) attempts failed" : ""
      add("queue", "priority \(info.priority)\(lane)\(tries)")
    }
    if info.status == .pending {
      for (place, wait) in waits.enumerated() { add(place == 0 ? "waits" : "", wait) }
    }
    let percentage = info.total > 0 ? " (\(info.percentage) %)" : ""
    add("progress", EstimateText.items(info) + percentage)
    if let item = info.currentItem, !running.contains(item) {
      add("current item", Redaction.item(item))
    }
    for (place, item) in running.enumerated() {
      add(place == 0 ? "running" : "", Redaction.item(item))
    }
    add("completed", "\(info.itemsCompleted)")
    if info.itemsFailed > 0 { add("failed", "\(info.itemsFailed)") }
    if info.itemsSkipped > 0 { add("skipped", "\(info.itemsSkipped)") }
    if info.itemsOpen > 0 { add("open", "\(info.itemsOpen)") }
    if info.rate != nil { add("rate", EstimateText.rate(info.rate)) }
    add("left", EstimateText.remaining(info))
    if info.isEstimateFromHistory { add("", "judged by finished jobs of this type") }
    if info.isStalled { add("", "stalled: nothing has come for far longer than is usual for it") }
    if let wait = info.waitMs, wait > 0 { add("waits", EstimateText.span(Double(wait) / 1000)) }
    let times = [
      info.createdMs, info.startedMs, info.updatedMs, info.completedMs, info.finishMs,
    ].compactMap { $0 }
    // Where all of it happens within hours, minutes say too little.
    let isShort = (times.max() ?? 0) - (times.min() ?? 0) < 4 * 3_600_000
    func time(_ milliseconds: Int64?, day: Bool) -> String? {
      milliseconds.flatMap { EstimateText.time($0, seconds: isShort, day: day) }
    }
    add("done at", time(info.finishMs, day: false))
    if info.activeMs > 0 { add("worked", EstimateText.span(Double(info.activeMs) / 1000)) }
    add("created", time(info.createdMs, day: true))
    add("started", time(info.startedMs, day: true))
    add("updated", time(info.updatedMs, day: true))
    add("ended", time(info.completedMs, day: true))
    add("may go on", time(info.resumeAtMs, day: false))
    let others = info.workers > 1 ? ", and \(info.workers - 1) more workers" : ""
    add("owner", info.ownerPID.map { "process \($0)\(others)" })
    if info.itemsClaimed > 0 { add("", "\(info.itemsClaimed) items are with them") }
    if info.attempts > 1 { add("attempt", "\(info.attempts)") }
    add("config", config)
    add("cursor", cursor)
    for (position, failure) in failed.enumerated() {
      let why = failure.why.map { ": \($0)" } ?? ""
      facts.append((position == 0 ? "failed items" : "", Redaction.item(failure.name + why)))
    }
    return facts
  }

  /// What can be done about it.
  private static func hint(_ info: JobInfo, isRun: Bool) -> String? {
    switch info.status {
    case .paused where info.reason == "interrupted":
      isRun
        ? "Nobody works on it. To go on: bgjobs resume \(info.id)"
        : "Nobody works on it. To go on, run the program that does its work again."
    case .paused: "To go on: bgjobs resume \(info.id)"
    case .failed where info.reason == "dependency":
      "It never ran. It goes on when the job that it needs is retried, or is not needed any more:"
        + " bgjobs after \(info.id) OTHER --remove"
    case .failed: "To try again: bgjobs retry \(info.id)"
    case .completed where info.hasWarnings && info.itemsFailed == 0:
      "It has warnings. To give it another try: bgjobs retry \(info.id)"
    case .completed where info.hasWarnings:
      "To do the failed items again: bgjobs retry \(info.id)"
    default: nil
    }
  }
}
