import ArgumentParser
import BackgroundJobs
import Glibc

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what the commands of a run have printed.",
    discussion: """
      For each item a line that begins with ==>, its output, and a line that begins with <== and \
      says how it ended.
      """)

  @OptionGroup var job: JobArgument
  @Flag(name: .shortAndLong, help: "Go on until the job has ended.") var follow = false
  @Option(help: "Only this item.") var item: String?

  func validate() throws {
    if follow, item != nil { throw ValidationError("--follow and --item exclude each other") }
  }

  func run() throws {
    try job.withJob { job, _ in
      guard let file = try job.output().open(RunLog.name, O_RDONLY) else {
        throw RunError("job \(job.id) has no output: only commands of bgjobs run have")
      }
      defer { close(file) }
      if let item { return try show(item, in: file, of: job) }
      while true {
        // Looked at before the output is read: what comes before the end is in it then.
        let info = try job.info()
        copy(file)
        guard follow, info.status == .running || info.status == .pending else { return }
        Output.flush()
        usleep(100_000)
      }
    }
  }

  private func copy(_ file: Int32) {
    while let part = readPart(file) { Output.raw(bytes: part) }
  }

  private func readPart(_ file: Int32) -> [UInt8]? {
    var room = [UInt8](repeating: 0, count: 1 << 16)
    let got = read(file, &room, room.count)
    return got > 0 ? Array(room[..<got]) : nil
  }

  private func show(_ item: String, in file: Int32, of job: Job) throws {
    var bytes: [UInt8] = []
    while let part = readPart(file) { bytes += part }
    let name = RunLog.shown(item)
    let (begin, end) = (Array("==> \(name)".utf8), Array("<== ".utf8))
    var isShown = false
    var wasFound = false
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let rest = line.dropFirst(begin.count)
      if line.starts(with: begin), rest.isEmpty || rest.starts(with: Array(" (attempt ".utf8)) {
        isShown = true
        wasFound = true
      }
      if isShown { Output.raw(bytes: Array(line) + [UInt8(ascii: "\n")]) }
      if line.starts(with: end) { isShown = false }
    }
    guard wasFound else { throw RunError("job \(job.id) has no output of '\(name)'") }
  }
}
