import ArgumentParser
import BackgroundJobs

struct CleanupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Remove jobs that completed, the oldest first.",
    usage: "bgjobs cleanup [OPTIONS]",
    discussion: """
      Each that goes is a line: id, type, status, with tabs between. Jobs that failed, or have \
      failed items, stay without --failed; so does one that another job depends on.

      By themselves go only jobs that completed without failed items, more than a day ago, and are \
      not among the last 10. BGJOBS_KEEP in the environment is another number than 10, there and \
      here; all: none goes by itself.
      """)

  @OptionGroup var project: ProjectOptions
  @Option(help: "How many of them to keep. Without it: BGJOBS_KEEP, or 10.") var keep: Int?
  @Flag(help: "Also jobs that failed, or have failed items.") var failed = false
  @Flag(name: [.customShort("n"), .long], help: "Only say what would go.") var dryRun = false
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    if let keep, keep < 0 { throw ValidationError("--keep must be 0 or above") }
  }

  func run() throws {
    // Nothing goes that is to be kept whatever is done.
    let number = try keep ?? Keep.said()?.number ?? 10
    // Printed when it is closed: who reads this may stop, and that is a signal.
    let removals = try project.withManager { manager in
      let removals = try manager.removals(keep: number, includingFailed: failed)
      if dryRun { return removals }
      for job in removals { try OnceMemory.add(try manager.find(job.id), in: manager) }
      return try manager.cleanup(keep: number, includingFailed: failed)
    }
    if json {
      var document = JSONDocument()
      document.add("jobs", JSONDocument.array(removals.map { JSONDocument.object($0) }))
      return document.print()
    }
    for job in removals { Output.data("\(job.id)\t\(job.type)\t\(job.status.name)") }
    if removals.isEmpty { Output.note("nothing to remove") }
  }
}

/// What BGJOBS_KEEP says: how many completed jobs are kept when others go by themselves.
struct Keep {
  /// Int.max: all.
  let number: Int

  /// nil: nothing is said.
  static func said() throws -> Keep? {
    guard let text = environment("BGJOBS_KEEP"), !text.isEmpty else { return nil }
    if text == "all" { return Keep(number: .max) }
    guard let number = Int(text), number >= 0 else {
      throw RunError("BGJOBS_KEEP is '\(text)': a number, 0 or above, or all", .usage)
    }
    return Keep(number: number)
  }
}
