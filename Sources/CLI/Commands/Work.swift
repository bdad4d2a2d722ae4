import ArgumentParser
import BackgroundJobs
import CProcess
import Glibc

/// Runs what `bgjobs run --queue` has put up: a supervisor that owns nothing. Each job has a worker of
/// its own, which does what `bgjobs resume` would; killed, only its own job is interrupted.
struct WorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Run the jobs of the queue, so many at once.",
    usage: "bgjobs work [-j N] [OPTIONS]",
    discussion: """
      It runs the jobs that bgjobs add, or run --queue, has put there, the first one first (bgjobs \
      queue), as many as -j and the limits (bgjobs limit) allow. Any number of these may work at \
      once. Each job has a process of its own: when one of them, or this one, is killed, the others \
      go on, and what was interrupted is next again.

      A first SIGINT or SIGTERM ends it: the commands of its jobs get SIGTERM, the jobs are left, and \
      whoever works next goes on with them. A second one kills the commands. kill -9 leaves its jobs \
      running.

      Without --until-empty it waits for further jobs. As a service: bgjobs work --print-unit > \
      ~/.config/systemd/user/queue.service

      Exit codes with --until-empty: 0 all that it ran went well; 7 not all did, or some could not be \
      started. Paused jobs, and those that are not of bgjobs run, do not count.
      """)

  @OptionGroup var project: ProjectOptions
  @Option(
    name: [.customShort("j", allowingJoined: true), .customLong("jobs")],
    help: ArgumentHelp(
      "Jobs at a time; 0: as many as there are processors; 50%: half as many.", valueName: "n"))
  var jobs = CommandCount(1)
  @Option(help: "Only jobs of this type; may be given several times.") var type: [String] = []
  @Flag(help: "End when the queue is empty.") var untilEmpty = false
  @Flag(help: "Print a systemd unit that does this, and end.") var printUnit = false

  func validate() throws {
    guard (1...1000).contains(jobs.number) else { throw ValidationError("-j must be 0 to 1000") }
  }

  func run() throws {
    if printUnit { return printSystemdUnit() }
    guard !project.isOfAnother else {
      throw RunError(
        "root does not work on another user's project: it would run what that user has put there")
    }
    let manager = try project.open()
    defer { project.leave(manager) }
    let presence = try WorkerPresence(manager)
    defer { presence.end() }
    let watch = try JournalWatch(manager)
    let supervisor = Supervisor(project.absolute, most: jobs.number)
    var told: String?
    while true {
      if let number = supervisor.stopSignal {
        guard supervisor.isIdle else {
          supervisor.wait(beside: watch)
          continue
        }
        throw Interruption(number: number)
      }
      let next = try manager.nextReady(types: type.isEmpty ? nil : type) { job in
        try RunSpec.of(job) != nil && !supervisor.isOnHold(job.id)
      }
      if let id = next.id, supervisor.hasRoom {
        supervisor.start(id)
        continue
      }
      if next.isEmpty, untilEmpty, supervisor.isIdle, next.id == nil {
        if supervisor.hasFailures { throw ExitStatus.failedItems }
        return
      }
      if supervisor.isIdle, next.id == nil, next.why != told {
        told = next.why
        if let told { Output.note("waits: \(SafeText.shown(told))") }
      }
      supervisor.wait(beside: watch)
    }
  }

  private func printSystemdUnit() {
    var path = [CChar](repeating: 0, count: 4096)
    let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
    let program = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let types = type.flatMap { ["--type", $0] }
    var place = project.absolute
    if let path = place.project, path.hasSuffix("/.") { place.project = String(path.dropLast(2)) }
    let words = [program, "work"] + place.arguments + ["-j", "\(jobs.number)"] + types
    // % and \ mean something to systemd.
    let line = words.map { ShellText.quoted($0) }.joined(separator: " ")
      .replacing("%", with: "%%")
    Output.line(
      """
      [Unit]
      Description=bgjobs: works on the jobs of a queue

      [Service]
      ExecStart=\(line)
      Restart=on-failure
      KillMode=mixed
      TimeoutStopSec=30

      [Install]
      WantedBy=default.target
      """)
  }
}

struct AddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Put a command into the queue: run --queue.",
    usage: """
      bgjobs add [OPTIONS] -- CMD ARG...
      bgjobs add [OPTIONS] --items FILE -- CMD ARG... {}
      """,
    discussion: """
      It prints the id; bgjobs work runs it. All options are those of bgjobs run, which see. When \
      nobody works on the queue, it says so.
      """)

  @OptionGroup var line: RunCommand

  private var queued: RunCommand {
    var queued = line
    queued.queue = true
    return queued
  }

  func validate() throws { try queued.validate() }

  func run() throws { try queued.run() }
}
