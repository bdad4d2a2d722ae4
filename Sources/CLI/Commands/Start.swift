import ArgumentParser
import BackgroundJobs

struct StartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start a job that a script works on.",
    usage: "bgjobs start ID [OPTIONS]",
    discussion: """
      This command ends at once, so it cannot own the job itself. With --owner-pid $$ the job is \
      seen as interrupted when the script ends; with --owner-fd 9, after exec 9>FILE, when the \
      last process has closed that descriptor (close it for children that shall not count: cmd \
      9>&-). With neither, nobody judges whether anyone works on it.

      Exit code 4: another process works on it; 8: somebody paused it. It was not started then, and \
      a script must not go on: bgjobs start ID --owner-pid $$ || exit
      """)

  @OptionGroup var job: JobArgument

  @Option(help: ArgumentHelp("The process whose end interrupts the job.", valueName: "pid"))
  var ownerPid: Int64?

  @Option(help: ArgumentHelp("An open file whose close interrupts the job.", valueName: "n"))
  var ownerFd: Int32?

  func validate() throws {
    if ownerPid != nil, ownerFd != nil {
      throw ValidationError("--owner-pid and --owner-fd exclude each other")
    }
    if let ownerPid, ownerPid <= 0 { throw ValidationError("--owner-pid must be above 0") }
    if let ownerFd, ownerFd < 0 { throw ValidationError("--owner-fd must be 0 or above") }
  }

  func run() throws {
    try job.withJob { job, _ in
      // Its items are for a runner: nobody would work on it.
      if try RunSpec.of(job) != nil {
        throw RunError(
          "job \(job.id) is one of bgjobs run, which works on it: bgjobs resume \(job.id)",
          .illegalTransition)
      }
      guard try job.startDetached(watching: ownerPid, lockedBy: ownerFd) == .paused else { return }
      let info = try job.info()
      Output.complain(
        "job \(job.id) is paused\(info.reason.map { ", \($0)" } ?? ""): not started."
          + " To lift the pause: bgjobs resume \(job.id)")
      throw ExitStatus.paused
    }
  }
}

struct NextCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "next", abstract: "Print the next planned item that is neither done nor failed.",
    discussion: """
      Exit code 1 and no output: there is none; 8: the job is paused; 9: it has ended. The same \
      item comes again until it is done or failed: while item=$(bgjobs next --wait "$id"); do if \
      work "$item"; then bgjobs done "$id" "$item"; else bgjobs failed "$id" "$item" --why "exit \
      $?"; fi; done; bgjobs complete "$id"
      """)

  @OptionGroup var job: JobArgument

  @Flag(name: [.customShort("0"), .long], help: "End the item with a zero byte, not a line.")
  var null = false

  @Flag(
    name: [.customShort("w"), .long],
    help: "While the job is paused, wait; a rate limit ends when its time has come.")
  var wait = false

  func run() throws {
    try job.withJob { job, manager in
      while true {
        let (item, status) = try job.next()
        if let item { return null ? Output.raw(item + "\0") : Output.data(item) }
        if status == .end {
          self.job.project.tellOfDamage(manager)
          throw ExitStatus.failure
        }
        let info = try job.info()
        // A resume does not end this: whoever does the work has to start it.
        if info.reason == "interrupted" {
          Output.complain(
            "job \(job.id) is paused, interrupted: it gives out no items. bgjobs start \(job.id)")
          throw ExitStatus.paused
        }
        guard wait else {
          Output.complain("job \(job.id) is paused: it gives out no items. bgjobs resume \(job.id)")
          throw ExitStatus.paused
        }
        // What it is then, the next turn tells.
        _ = try job.waitHeeding(for: [.running, .pending])
      }
    }
  }
}
