import ArgumentParser
import BackgroundJobs

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read and verify every file of the state; mend nothing.",
    discussion: "Exit code 5: something is damaged, or was, and its copy is still there.")

  @OptionGroup var project: ProjectOptions
  @Flag(help: "Print one JSON document.") var json = false

  func run() throws {
    let (finding, report) = try project.withManager { try $0.check() }
    let lines = report.split(separator: "\n").map(String.init)
    if json {
      var document = JSONDocument()
      document.add("damaged", "\(finding != nil)")
      document.add("report", JSONDocument.array(lines.map { JSONDocument.quoted($0) }))
      document.print()
    } else {
      for line in lines { Output.line(SafeText.shown(line)) }
    }
    if let finding {
      Output.complain(finding)
      throw ExitStatus.damaged
    }
  }
}

struct CleanupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Remove finished jobs, the oldest first.",
    usage: "bgjobs cleanup [OPTIONS]",
    discussion: "A job that another one depends on stays.")

  @OptionGroup var project: ProjectOptions
  @Option(help: "How many finished jobs to keep.") var keep = 10
  @Flag(name: [.customShort("n"), .long], help: "Only say what would go.") var dryRun = false
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    if keep < 0 { throw ValidationError("--keep must be 0 or above") }
  }

  func run() throws {
    // Printed when it is closed: who reads this may stop, and that is a signal.
    let removals = try project.withManager { manager in
      let removals = try manager.removals(keep: keep)
      if !dryRun {
        for job in removals { try OnceMemory.add(try manager.find(job.id), in: manager) }
        _ = try manager.cleanup(keep: keep)
      }
      return removals
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
