import ArgumentParser
import BackgroundJobs
import Glibc

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what the commands of a run have printed.",
    usage: "bgjobs logs ID [--follow] [--tag] [--failed] [--item ITEM]",
    discussion: """
      For each attempt a line that begins with ==>, its output, and a line that begins with <== and \
      says how it ended. Which is whose is kept apart from the output: nothing that a command prints \
      can pass for such a line. What looks like one gets a backslash. With --tag, and with --follow \
      where commands run side by side, each line stands as it comes behind its item and a tab.

      --follow goes on through pauses, until the job has ended.
      """)

  @OptionGroup var job: JobArgument
  @Flag(name: .shortAndLong, help: "Go on until the job has ended.") var follow = false
  @Flag(help: "Each line behind its item and a tab.") var tag = false
  @Flag(help: "Only of items that have failed.") var failed = false
  @Option(help: "Only this item.") var item: String?

  func run() throws {
    try job.withJob { job, _ in
      let directory = try job.output()
      let isSideBySide = try follow && item == nil && (RunSpec.of(job)?.jobs ?? 1) > 1
      guard
        let reader = try LogReader(
          directory, tag || isSideBySide ? .tagged : .framed, where: try filter(job))
      else { return try printOlder(directory, job) }
      if item == nil, !failed { try reader.printOlder(before: firstOffset(directory)) }
      while true {
        // Looked at before the output is read: what comes before the end is in it then.
        let hasEnded = try !follow || hasEnded(job)
        try reader.read(showsLive: true)
        Output.flush()
        if reader.hasMore { continue }
        guard !hasEnded else { break }
        usleep(100_000)
      }
      if let item, !reader.hasShown {
        throw RunError("job \(job.id) has no output of '\(RunLog.shown(item))'")
      }
    }
  }

  private func filter(_ job: Job) throws -> (Attempt) -> Bool {
    if failed {
      let names = Set(try job.items().failed.map { Array($0.item.utf8) })
      return { names.contains(Array($0.item.utf8)) }
    }
    guard let item else { return { _ in true } }
    // With credentials in it, it has another name in the job.
    let names = [item, Redaction.value(item)].map { Array($0.utf8) }
    return { names.contains(Array($0.item.utf8)) }
  }

  private func hasEnded(_ job: Job) throws -> Bool {
    do throws(JobError) {
      let status = try job.info().status
      return status == .completed || status == .failed
    } catch {
      guard error.status == .notFound else { throw error }
      return true
    }
  }

  /// Where the part of the log begins that the index speaks of.
  private func firstOffset(_ directory: OutputDirectory) throws -> Int64 {
    guard let file = try directory.open(RunLog.indexName, O_RDONLY) else { return 0 }
    defer { close(file) }
    var first: Int64?
    var reader = IndexReader(file)
    try reader.read { attempt in if first == nil { first = attempt.end?.offset } }
    return first ?? 0
  }

  /// A version before made it, which had all in one file.
  private func printOlder(_ directory: OutputDirectory, _ job: Job) throws {
    guard let file = try directory.open(RunLog.name, O_RDONLY) else {
      throw RunError("job \(job.id) has no output: only commands of bgjobs run have")
    }
    defer { close(file) }
    if item != nil || failed {
      throw RunError("job \(job.id) was run by an older version: its output has no index of items")
    }
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(file, &room, room.count), got > 0 {
      Output.raw(bytes: Array(room[..<got]))
    }
  }
}
