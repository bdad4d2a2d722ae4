import ArgumentParser
import BackgroundJobs
import CProcess
import Glibc

/// The process that publishes what a command was not to publish yet. Started by commands that change
/// something, not by people: each is a process of its own, and the next one may never come.
struct PublishOwed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish-owed", abstract: "Write the state file when that is due.",
    shouldDisplay: false)

  @OptionGroup var project: ProjectOptions
  @Argument(help: "In how many milliseconds it is due.") var wait: Int64

  /// The directory of the store. While it is locked, one of us waits, and for all.
  private static let directory: Int32 = 3
  /// A row of short commands needs no more of us than two a second.
  private static let leastWait: Int64 = 400
  /// How often to wait again, because others have published meanwhile.
  private static let turns = 8

  /// false: nobody will publish.
  static func start(_ project: ProjectOptions, after wait: Int64, _ directory: Int32) -> Bool {
    guard flock(directory, LOCK_EX | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    let arguments =
      ["bgjobs", "publish-owed"] + project.absolute.arguments + ["--", "\(max(wait, leastWait))"]
    var vector = arguments.map { strdup($0) } + [nil]
    defer { for text in vector { free(text) } }
    return cprocess_spawn_detached("/proc/self/exe", &vector, directory) > 0
  }

  func run() throws {
    // It must not keep anybody from unmounting what it has nothing to do with.
    _ = chdir("/")
    var wait = wait
    var manager: JobManager?
    var cost: Int64 = 0
    for turn in 1...Self.turns {
      guard Self.sleep(wait) else { return }
      // Before looking: whoever finds the lock free after that starts another one of us.
      _ = flock(Self.directory, LOCK_UN)
      let begin = monotonicMs()
      let open = try manager ?? project.open()
      if manager == nil { cost = (monotonicMs() - begin) * 1_000_000 }
      manager = open
      guard let more = try open.publishOwed(anyway: turn == Self.turns, cost: cost),
        flock(Self.directory, LOCK_EX | LOCK_NB) == 0
      else { return }
      wait = max(more, Self.leastWait)
    }
  }

  /// false: the store was deleted meanwhile.
  private static func sleep(_ milliseconds: Int64) -> Bool {
    var left = min(max(0, milliseconds), 120_000)
    while left > 0 {
      var status = stat()
      guard fstat(directory, &status) != 0 || status.st_nlink > 0 else { return false }
      let slice = min(left, 1000)
      usleep(UInt32(slice * 1000))
      left -= slice
    }
    return true
  }
}
