import ArgumentParser
import BackgroundJobs
import FoundationEssentials

/// What a job waits for, as the library tells it.
struct JobWait: Decodable {
  let `for`: String
  let text: String
  /// Of a job that is needed.
  let id: String?
}

extension Job {
  func waitsDecoded() throws -> [JobWait] {
    try JSONDecoder().decode([JobWait].self, from: Data(waits().utf8))
  }
}

/// What a job needs: ID, or ID:success, :clean, :end or :failure, and :hold behind it.
struct Need: ExpressibleByArgument {
  let id: String
  private(set) var after = Job.After.success
  private(set) var holds = false

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard let id = parts.first, !id.isEmpty else { return nil }
    self.id = String(id)
    for word in parts.dropFirst() {
      switch word {
      case "success": after = .success
      case "clean": after = .clean
      case "end": after = .end
      case "failure": after = .failure
      case "hold": holds = true
      default: return nil
      }
    }
  }

  func add(to job: Job) throws { try job.depend(on: id, after: after, holds: holds) }
}

/// How a job is to stand in the queue.
struct QueuePlace: ParsableArguments {
  @Option(
    name: .customLong("after"),
    help: ArgumentHelp(
      "Not before this job has succeeded; ID:clean, ID:end, ID:failure. Several times for several.",
      valueName: "id"))
  var needs: [Need] = []

  @Option(
    help: ArgumentHelp(
      "-1000 to 1000, higher first; a level is worth ten minutes of waiting.", valueName: "n"))
  var priority: Int64?

  @Option(
    help: ArgumentHelp(
      "Jobs of one lane share a limit (bgjobs limit lane:NAME); '': none.", valueName: "name"))
  var lane: String?

  @Option(
    help: ArgumentHelp(
      "Not before: 90 (seconds), 15m, or 2026-12-01T03:00:00Z, within 31 days; 0: at any time.",
      valueName: "time"))
  var notBefore: RetryAfterArgument?

  @Option(
    help: ArgumentHelp(
      "How often it is tried in all, before it has failed: 1 to 1000.", valueName: "n"))
  var attempts: Int64?

  @Option(
    help: ArgumentHelp(
      "From its first failure to the next attempt; twice as long after each other one, up to an hour.",
      valueName: "time"))
  var backoff: TimeSpan?

  func validate() throws {
    if let attempts, !(1...1000).contains(attempts) {
      throw ValidationError("--attempts must be 1 to 1000")
    }
    if let backoff, !(1...31 * 86_400_000).contains(backoff.milliseconds) {
      throw ValidationError("--backoff must be above 0, and at most 31 days")
    }
    if let priority, !(-1000...1000).contains(priority) {
      throw ValidationError("--priority must be -1000 to 1000")
    }
    if let lane, lane.utf8.count > 255 { throw ValidationError("--lane has more than 255 bytes") }
    if let lane, Redaction.text(lane) != lane {
      throw ValidationError("--lane has a secret in it, and everybody may read it")
    }
  }

  var isSaid: Bool {
    priority != nil || lane != nil || notBefore != nil || attempts != nil || backoff != nil
  }

  /// What it needs comes first: nobody may claim it without.
  func enqueue(_ job: Job) throws {
    for need in needs { try need.add(to: job) }
    let time = notBefore.map { $0.seconds == 0 ? 0 : realtimeMs() + $0.seconds * 1000 }
    try job.enqueue(
      priority: priority, notBeforeMs: time, lane: lane, attempts: attempts,
      backoffMs: backoff?.milliseconds,
      // Longer than the usual most, it is the most.
      mostBackoffMs: backoff.map { max($0.milliseconds, 3_600_000) })
  }
}

struct EnqueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue", abstract: "Put a job into the queue, or change its place there.",
    usage: "bgjobs enqueue ID [OPTIONS]",
    discussion: """
      It is for whoever claims the next job: bgjobs work for those of bgjobs run, a script with \
      bgjobs claim, a program. What is not said stays as it is. The first job is the one with the \
      smallest rank: the time since which it might have been started, less ten minutes for each \
      level of its priority. So none waits for ever.
      """)

  @OptionGroup var job: JobArgument
  @OptionGroup var place: QueuePlace

  func run() throws { try job.withJob { job, _ in try place.enqueue(job) } }
}

struct AfterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "after", abstract: "Let a job wait for others, or show for which it does.",
    usage: "bgjobs after ID [OTHER[:POLICY]...] [OPTIONS]",
    discussion: """
      The job does not start before the others have ended: success (they completed), clean (and no \
      item failed), end (in whatever way) or failure. If that can no longer come, it fails, with the \
      reason dependency, and is pending again when the other one is retried; with :hold behind it, \
      it waits. A job that would wait for itself is refused, and the circle is shown.

      With --remove it does not need them any more. Without any, a line for each that has not ended \
      as it must: its id, and what it is.
      """)

  @OptionGroup var job: JobArgument
  @Argument(help: ArgumentHelp("What it needs.", valueName: "other")) var needs: [Need] = []
  @Flag(help: "They are not needed any more.") var remove = false

  func validate() throws {
    if remove, needs.isEmpty { throw ValidationError("--remove: say which") }
  }

  func run() throws {
    try job.withJob { job, _ in
      for need in needs {
        if remove { try job.dependNoMore(on: need.id) } else { try need.add(to: job) }
      }
      guard needs.isEmpty else { return }
      for wait in try job.waitsDecoded() where wait.for == "dependency" {
        Output.data("\(SafeText.shown(wait.id ?? ""))\t\(SafeText.shown(wait.text))")
      }
    }
  }
}

struct PriorityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "priority", abstract: "Change the priority of a job in the queue.",
    usage: "bgjobs priority ID N [OPTIONS]",
    discussion: "As bgjobs enqueue ID --priority N. A number below 0 stands behind --.")

  @OptionGroup var job: JobArgument
  @Argument(help: ArgumentHelp("-1000 to 1000, higher first.", valueName: "n"))
  var priority: Int64

  func run() throws { try job.withJob { job, _ in try job.enqueue(priority: priority) } }
}

struct ClaimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "claim", abstract: "Start the next ready job of the queue, and print its id.",
    usage: "bgjobs claim --owner-pid PID | --owner-fd N [OPTIONS]",
    discussion: """
      For scripts; what bgjobs run put there is for bgjobs work. The job is started as by bgjobs \
      start: when the script ends before it has completed the job, that is interrupted, and the \
      next claim gets it.

      while id=$(bgjobs claim --owner-pid $$ --type sync --until-empty); do if work "$id"; then \
      bgjobs complete "$id"; else bgjobs fail "$id"; fi; done

      Exit code 1 and no output: no such job is in the queue, but for paused ones; 10: none is \
      ready, and standard error says what the first one waits for.
      """)

  @OptionGroup var project: ProjectOptions
  @Option(help: ArgumentHelp("The process whose end interrupts the job.", valueName: "pid"))
  var ownerPid: Int64?
  @Option(help: ArgumentHelp("An open file whose close interrupts the job.", valueName: "n"))
  var ownerFd: Int32?
  @Option(help: "Only jobs of this type; may be given several times.") var type: [String] = []
  @Flag(name: [.customShort("w"), .long], help: "Wait until there is one.") var wait = false
  @Flag(help: "Wait until there is one, or the queue is empty.") var untilEmpty = false

  func validate() throws {
    guard (ownerPid == nil) != (ownerFd == nil) else {
      throw ValidationError("say --owner-pid $$ or --owner-fd N, for somebody must own the job")
    }
    if let ownerPid, ownerPid <= 0 { throw ValidationError("--owner-pid must be above 0") }
    if let ownerFd, ownerFd < 0 { throw ValidationError("--owner-fd must be 0 or above") }
  }

  func run() throws {
    Interruption.hold()
    try project.withManager { manager in
      while true {
        // Nothing of bgjobs run: nobody would work on it.
        let next = try manager.nextReady(types: type.isEmpty ? nil : type) { job in
          try RunSpec.of(job) == nil
        }
        if let id = next.id {
          if try start(manager.find(id)) { return Output.line(id) }
          continue
        }
        if next.isEmpty, !wait {
          Output.complain("no job for this is in the queue, but for paused ones")
          throw ExitStatus.failure
        }
        guard wait || untilEmpty else {
          Output.complain(next.why ?? "the jobs of the queue are paused, or run")
          throw ExitStatus.waiting
        }
        try Interruption.pause()
      }
    }
  }

  /// false: somebody else was faster.
  private func start(_ job: Job) throws -> Bool {
    do throws(JobError) {
      return try job.startDetached(watching: ownerPid, lockedBy: ownerFd) == .ok
    } catch {
      let isTaken: [Status] = [.busy, .waiting, .finished, .illegalTransition, .notFound]
      guard isTaken.contains(error.status) else { throw error }
      return false
    }
  }
}

struct QueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Show the queue: who is next, and what each job waits for.",
    discussion: """
      The first one first: id, status, priority, lane or -, type, and what it waits for, with tabs \
      between. Those that run are in it until they have ended.
      """)

  @OptionGroup var project: ProjectOptions
  @Flag(help: "Print one JSON document.") var json = false

  private struct Queue: Decodable {
    struct Entry: Decodable {
      let id, type, status: String
      let priority: Int64
      let lane: String?
      let waits: [JobWait]
    }
    let jobs: [Entry]
  }

  func run() throws {
    let text = try project.withManager { try $0.queue() }
    if json {
      var document = JSONDocument()
      document.add("queue", text)
      return document.print()
    }
    let jobs = try JSONDecoder().decode(Queue.self, from: Data(text.utf8)).jobs
    for one in jobs {
      let wait = one.waits.first?.text ?? "-"
      let fields = [one.id, one.status, "\(one.priority)", one.lane ?? "-", one.type, wait]
      Output.data(fields.map { SafeText.shown($0) }.joined(separator: "\t"))
    }
    if jobs.isEmpty { Output.note("the queue is empty") }
  }
}

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Say what a job waits for, and what would help.",
    usage: "bgjobs why ID [OPTIONS]",
    discussion: "A line for each thing; none, and a note, if it waits for nothing.")

  @OptionGroup var job: JobArgument
  @Flag(help: "Print one JSON document.") var json = false

  func run() throws {
    try job.withJob { job, _ in
      if json {
        var document = JSONDocument()
        document.add("waits", try job.waits())
        return document.print()
      }
      let waits = try job.waitsDecoded()
      for wait in waits { Output.data(SafeText.shown(wait.text)) }
      let info = try job.info()
      if waits.isEmpty { Output.note("job \(info.id) is \(info.statusName): it waits for nothing") }
    }
  }
}

struct LimitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit", abstract: "Set or show how many jobs of a scope run at once.",
    usage: """
      bgjobs limit [OPTIONS]
      bgjobs limit SCOPE [N|none] [OPTIONS]
      """,
    discussion: """
      SCOPE is '*' (all jobs), type:T, lane:L, or provider:P (those whose config names it). It is \
      counted from the jobs that run, whoever started them: nothing leaks when a process is \
      killed. Jobs that run go on. 0: none may start; none: no limit any more.

      Without N it is a line for each: scope, the most, how many run, with tabs between.
      """)

  @OptionGroup var project: ProjectOptions
  @Argument(help: ArgumentHelp("Which jobs.", valueName: "scope")) var scope: String?
  @Argument(help: ArgumentHelp("How many, or none.", valueName: "n")) var most: String?
  @Flag(help: "Print one JSON document.") var json = false

  private struct Queue: Decodable {
    struct Limit: Decodable {
      let scope: String
      let most, running: Int64

      var json: String {
        "{\"scope\":\(JSONDocument.quoted(scope)),\"most\":\(most),\"running\":\(running)}"
      }
    }
    let limits: [Limit]
  }

  func validate() throws {
    if most != nil, json { throw ValidationError("--json shows; it sets nothing") }
    if let most, most != "none", Int64(most).map({ $0 < 0 }) ?? true {
      throw ValidationError("'\(most)' is no limit: 0 or more, or none")
    }
  }

  func run() throws {
    if let scope, let most {
      return try project.withManager { try $0.setLimit(scope, to: Int64(most)) }
    }
    let text = try project.withManager { try $0.queue() }
    let known = try JSONDecoder().decode(Queue.self, from: Data(text.utf8)).limits
    let wanted = known.filter { scope == nil || $0.scope == scope }
    if let scope, wanted.isEmpty { throw RunError("no limit for \(scope)", .notFound) }
    if json {
      var document = JSONDocument()
      document.add("limits", JSONDocument.array(wanted.map(\.json)))
      return document.print()
    }
    for one in wanted { Output.data("\(SafeText.shown(one.scope))\t\(one.most)\t\(one.running)") }
    if wanted.isEmpty { Output.note("no limits") }
  }
}
