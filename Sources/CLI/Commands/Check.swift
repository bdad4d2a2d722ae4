import ArgumentParser
import BackgroundJobs

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read and verify the state file, the journal and its files; mend nothing.",
    discussion: "Exit code 5: something is damaged, or was, and its copy is still there.")

  @OptionGroup var project: ProjectOptions
  @Flag(help: "Print one JSON document.") var json = false

  func run() throws {
    let manager = try project.open()
    let (finding, report) = try manager.check()
    // To close it would mend what it has met.
    if finding == nil { project.leave(manager) }
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
