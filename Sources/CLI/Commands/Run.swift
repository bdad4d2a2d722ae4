import ArgumentParser
import BackgroundJobs
import Glibc

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a command, or one for each item, as a job that survives.",
    usage: """
      bgjobs run [OPTIONS] -- CMD ARG...
      bgjobs run [OPTIONS] --items FILE -- CMD ARG... {}
      bgjobs run [OPTIONS] --each ITEM... -- CMD ARG... {}
      """,
    discussion: """
      {} stands for the item, in any argument and any part of one; without any such, the item is \
      the last argument. As in GNU parallel, {.} is the item without its extension, {/} its last \
      part, {//} the part before that, {/.} the last part without its extension, {#} the number of \
      the item, from 1, {%} which of the commands side by side it is. Other placeholders of GNU \
      parallel are refused. The same item twice is one item. Arguments are passed on as they \
      are: there is no shell. Each command \
      has the item in BGJOBS_ITEM, which attempt at it this is in BGJOBS_ATTEMPT (1, 2 …), the job \
      in BGJOBS_JOB_ID, nothing to read, and its output in the log (bgjobs logs ID). What a command \
      leaves running ends with the run: SIGTERM, and after five seconds SIGKILL.

      Credentials in URLs, tokens of well-known shapes and values like that of --password stand as \
      *** in the state file, in the names of items and wherever else others can read; as they were \
      given they are kept in a file of mode 0600 until the job is removed.

      The commands have the environment of the one who runs them: after bgjobs resume that is the \
      one who resumes. What must be the same then, PATH or a token, say, is named with --env; it \
      stands in that file of mode 0600, and nowhere else.

      Killed, or stopped by a signal, the job goes on with bgjobs resume ID, or when the same line \
      is run again in the same directory: with the items that are not done. A command that was \
      under way, or whose end was not reported yet, runs again: make it safe to do twice. Where that \
      has happened three times with an item, it is not begun again and has failed: it may be what \
      kills the runner. bgjobs retry tries it all the same.

      Without a terminal, standard error gets a line now and then that says how far it is, and one \
      at the end.

      The same line is: the command, the directory, and --items with its files or --each with its \
      items. For others of one job, say --key. The last run of that line, or key, counts: what \
      it left unfinished is gone on with, \
      and if items of it had failed, those are taken up again (--again: all of it anew). Its list \
      is the plan: open items that are not in it any more are withdrawn. Options, command and \
      variables are those that were said last, for bgjobs resume, too. For a list that grows, \
      every night say, --once leaves out what any earlier run of that key has done, also when \
      that job was cleaned up.

      Exit codes: 0 all done; 7 done, some items failed; 1 all failed; without items that of the \
      command, 128 + N when signal N killed it, 124 after --timeout; 4 another process runs this \
      job already; 8 somebody paused it: it was not started; 9 somebody ended it; 128 + N stopped by \
      signal N. With --detach: 0 it runs; 4 and 8 as above, and the id is printed all the same. With \
      --queue: 0 it is in the queue. A run that must wait for a limit or its time says so, and waits.
      """)

  @OptionGroup var project: ProjectOptions

  @Option(help: "The type of the job.")
  var type = "run"

  @Option(help: "What tells this job apart. Without it, command line and directory do.")
  var key: String?

  @Option(
    name: [.customShort("j", allowingJoined: true), .customLong("jobs")],
    help: ArgumentHelp(
      "Commands at a time; 0: as many as there are processors; 50%: half as many.",
      valueName: "n"))
  var jobs = CommandCount(1)

  @OptionGroup var list: ItemList

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Items.", valueName: "item"))
  var each: [String] = []

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp(
      "A variable of the environment that is kept for the commands, with its value, so that a resume has it; NAME=VALUE sets it.",
      valueName: "name"))
  var variables: [String] = []

  @Flag(help: "Do all items anew, also when the last run of this line had failed ones.")
  var again = false

  @Flag(help: "Leave out what any earlier run of this key has done; bgjobs remembers it.")
  var once = false

  @Flag(help: "Print the id at once and work in the background, without this terminal.")
  var detach = false

  @Flag(help: "Only put it into the queue, for bgjobs work; prints the id.")
  var queue = false

  @OptionGroup var place: QueuePlace

  @Option(help: "Further attempts at an item whose command failed, 1, 2, 4 … 60 s apart.")
  var retries = 0

  @Option(
    help: ArgumentHelp(
      "Stop a command after that time, with all that it has started: 90, 10m.", valueName: "time"))
  var timeout: TimeSpan?

  @Option(help: ArgumentHelp("Between the beginnings of two commands.", valueName: "time"))
  var delay: TimeSpan?

  @Option(
    help: ArgumentHelp(
      "Whom the commands ask: each takes one request out of its rate (bgjobs rate).",
      valueName: "name"))
  var provider: String?

  @Option(
    help: ArgumentHelp(
      "Set the rate of --provider, for all who ask it: 5000/h, 600/min; none.", valueName: "rate"))
  var rate: RequestRate?

  @Option(
    help: ArgumentHelp(
      "Begin nothing further after so many failures, or so many percent of the items (10%).",
      valueName: "n"))
  var halt: HaltLimit?

  @Option(help: ArgumentHelp("The same after so many one after the other.", valueName: "n"))
  var haltInARow: Int64?

  @Flag(help: "Print the commands, one a line, and run none.")
  var dryRun = false

  @Flag(help: "Print the output as it comes, each line behind its item and a tab.")
  var tag = false

  @Flag(name: .shortAndLong, help: "No progress and no summary, only what goes wrong.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "This exit code means that there was nothing to do: the item is skipped.", valueName: "n"))
  var skipExit: Int32?

  @Option(help: "What a pause does to commands under way: finish or stop.")
  var pauseMode = RunSpec.PauseMode.finish

  @Option(
    help: ArgumentHelp("This exit code means a rate limit: pause, and try again.", valueName: "n"))
  var rateLimitExit: Int32?

  @Option(
    help: ArgumentHelp(
      "Output that matches means so, when the command failed; a number in parentheses is the seconds.",
      valueName: "regex"))
  var rateLimitMatch: String?

  @Option(
    help: ArgumentHelp("How long a rate limit lasts that does not say so.", valueName: "time"))
  var rateLimitWait = TimeSpan(seconds: 60)

  @Option(help: "How often an item may be rate-limited before it has failed.")
  var rateLimitRetries = RunSpec.usualRateLimitRetries

  @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
  var command: [String] = []

  private var argumentVector: [String] {
    command.first == "--" ? Array(command.dropFirst()) : command
  }

  func validate() throws {
    guard let program = argumentVector.first, !program.isEmpty else {
      throw ValidationError("no command: bgjobs run [OPTIONS] -- CMD ARG...")
    }
    if argumentVector.contains(where: { [":::", "::::", ":::+"].contains($0) }) {
      throw ValidationError("::: is of GNU parallel; here: bgjobs run --each ITEM... -- CMD ARG...")
    }
    if program.hasPrefix("-") {
      throw ValidationError("'\(program)' is no option of run; the command stands behind --")
    }
    guard (1...1000).contains(jobs.number) else { throw ValidationError("-j must be 0 to 1000") }
    guard (0...1_000_000).contains(rateLimitRetries) else {
      throw ValidationError("--rate-limit-retries must be 0 to 1000000")
    }
    guard (0...1000).contains(retries) else { throw ValidationError("--retries must be 0 to 1000") }
    if once, list.items == nil, each.isEmpty {
      throw ValidationError("--once is for items, and there is neither --items nor --each")
    }
    for (name, text) in [("--key", key), ("--type", type), ("--provider", provider)] {
      guard let text, Redaction.text(text) != text else { continue }
      throw ValidationError("\(name) has a secret in it, and everybody may read it")
    }
    if once, again { throw ValidationError("--once and --again exclude each other") }
    if list.items != nil, !each.isEmpty {
      throw ValidationError("--items and --each exclude each other")
    }
    if let rateLimitExit, !(1...255).contains(rateLimitExit) {
      throw ValidationError("--rate-limit-exit must be 1 to 255")
    }
    if let skipExit, !(1...255).contains(skipExit) {
      throw ValidationError("--skip-exit must be 1 to 255")
    }
    if let skipExit, skipExit == rateLimitExit {
      throw ValidationError("--skip-exit and --rate-limit-exit are the same")
    }
    _ = try keptVariables()
    if rate != nil, provider == nil { throw ValidationError("--rate needs --provider") }
    if let provider, !(1...255).contains(provider.utf8.count) {
      throw ValidationError("--provider must have 1 to 255 bytes")
    }
    if let haltInARow, haltInARow < 1 { throw ValidationError("--halt-in-a-row must be 1 or more") }
    if let timeout, timeout.milliseconds < 1 { throw ValidationError("--timeout must be above 0") }
    if queue, detach || dryRun || tag {
      throw ValidationError("--queue runs nothing: no --detach, --dry-run, --tag")
    }
    if detach, dryRun || tag {
      throw ValidationError("--detach shows nothing: no --dry-run, --tag")
    }
    try checkPlaceholders()
  }

  private func checkPlaceholders() throws {
    let template = CommandTemplate(arguments: argumentVector)
    guard list.items != nil || !each.isEmpty else {
      guard let used = template.used.first(where: { $0.beginsAsItem }) else { return }
      throw ValidationError(
        "\(used.rawValue) stands for an item, but there is neither --items nor --each")
    }
    if let unknown = template.unknown {
      throw ValidationError(
        "\(unknown) is no placeholder of bgjobs, which has \(Placeholder.list)")
    }
  }

  func run() throws {
    // First: the items may be long in coming.
    ProcessTitle.redact()
    let items = (each.isEmpty ? try list.read() : each).map(Self.unique)
    let spec = RunSpec(
      command: argumentVector, directory: RunDirectory.stored(project: project.path),
      hasItems: items != nil,
      items: Int64(items?.count ?? 1), jobs: jobs.number,
      retries: retries, pauseMode: pauseMode, rateLimitExit: rateLimitExit,
      rateLimitMatch: rateLimitMatch, rateLimitWait: max(1, rateLimitWait.seconds),
      rateLimitRetries: rateLimitRetries,
      timeout: timeout?.milliseconds, delay: delay?.milliseconds, provider: provider,
      halt: haltRule,
      skipExit: skipExit, once: once ? true : nil)
    do { _ = try RateLimit(spec) } catch { throw ValidationError("\(error)") }
    try check(items ?? [], spec)
    if dryRun { return try showCommands(spec, items) }
    let variables = try keptVariables()
    try RunWorker.checkProgram(spec, path: variables.last { $0.name == "PATH" }?.value)
    tellDoubtful()
    // Before anything is opened: it must not hold what we hold.
    let keeper = detach || queue ? nil : try Keeper.start()

    let manager = try project.open()
    defer { ProjectOptions.close(manager) }
    let isGuest = project.isOfAnother
    if isGuest, detach || queue {
      throw RunError(
        "root runs in another user's project only in the foreground: in the background it would run"
          + " what that user has put there")
    }
    var run = StoredRun(spec)
    run.variables = variables.isEmpty ? nil : variables
    let request = RunRequest(
      type: type, key: try key ?? derivedKey(in: manager), run: run, items: items, isAnew: again)
    if let (id, error) = try request.busy(in: manager) {
      if detach { Output.line(id) }
      throw error
    }
    if let provider, let rate {
      try manager.setRate(provider, count: rate.count, perMs: rate.period.milliseconds)
    }
    // Before there is a job: it would be without them.
    for need in place.needs { _ = try manager.find(need.id) }
    guard let taken = try request.take(in: manager) else { return }
    let job = taken.job
    var isTold = false
    func tellStart() {
      guard !isTold else { return }
      isTold = true
      for note in taken.notes { Output.complain(note) }
    }
    if queue || place.isSaid {
      try place.enqueue(job)
    } else {
      for need in place.needs { try need.add(to: job) }
    }
    if queue {
      let hasWorker = WorkerPresence.isThere(manager) ?? true
      project.leave(manager)
      Output.line(job.id)
      tellStart()
      if !hasWorker, !quiet {
        Output.complain("nobody works on this queue: bgjobs work does, here or as a service")
      }
      return
    }
    guard let keeper else {
      project.leave(manager)
      // Whatever comes: the job is there, and whoever wants to look at it needs its id.
      Output.line(job.id)
      try RunWorker.startDetached(job.id, project)
      return tellStart()
    }
    throw try RunWorker.work(
      job, manager, taken.run, keeper, project.absolute.path,
      Runner.Display(isQuiet: quiet, isTagged: tag),
      only: isGuest ? Set(taken.names.map { Array($0.utf8) }) : nil, started: tellStart)
  }

  private var haltRule: HaltRule? {
    guard halt != nil || haltInARow != nil else { return nil }
    return HaltRule(count: halt?.count, percent: halt?.percent, inARow: haltInARow)
  }

  /// Those that would run now: what is done is left out.
  private func showCommands(_ spec: RunSpec, _ items: [String]?) throws {
    var open = items
    if let items, project.isThere {
      open = try project.withManager { manager in
        let run = StoredRun(spec)
        let request = RunRequest(
          type: type, key: try key ?? derivedKey(in: manager), run: run, items: items,
          isAnew: again)
        return try request.open(items, in: manager)
      }
    }
    for (place, item) in (open ?? [""]).enumerated() {
      let number = place + 1
      let slot = place % spec.jobs + 1
      let words = spec.arguments(for: PlacedItem(item: item, number: number, slot: slot))
      Output.data(words.map { ShellText.quoted($0) }.joined(separator: " "))
    }
  }

  /// Braces are common in commands; a word in them may have been meant for the item.
  private func tellDoubtful() {
    guard !quiet, list.items != nil || !each.isEmpty,
      let word = CommandTemplate(arguments: argumentVector).doubtful
    else { return }
    Output.complain(
      "\(word) is passed on as it is, and the item behind it; placeholders are \(Placeholder.list)")
  }

  /// As they are now.
  private func keptVariables() throws -> [StoredRun.Variable] {
    try variables.map { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard !name.isEmpty else { throw ValidationError("--env: '' is no name of a variable") }
      // The keeper, and a later resume, know the job by these.
      guard !name.hasPrefix("BGJOBS_") else {
        throw ValidationError("--env \(name): variables of that name are ours")
      }
      if parts.count == 2 { return StoredRun.Variable(name: name, value: String(parts[1])) }
      guard let bytes = getenv(name) else {
        throw ValidationError("--env \(name): there is no such variable; NAME=VALUE sets one")
      }
      guard let value = String(validatingCString: bytes) else {
        throw ValidationError("--env \(name): its value is not UTF-8")
      }
      return StoredRun.Variable(name: name, value: value)
    }
  }

  /// An item that a command would take for an option may do anything.
  private func check(_ items: [String], _ spec: RunSpec) throws {
    for item in items where item.utf8.contains(0) {
      throw ValidationError("the item '\(SafeText.shown(item))' has a zero byte: no argument can")
    }
    for item in items where item.isEmpty || item.utf8.count > 4096 {
      throw ValidationError(
        "the item '\(SafeText.shown(String(item.prefix(40))))…' has \(item.utf8.count) bytes;"
          + " 1 to 4096 are possible")
    }
    guard spec.takesItemsAsOptions else { return }
    let used = CommandTemplate(arguments: spec.command).used.filter { $0.beginsAsItem }
    let begins = used.isEmpty ? [.item] : used
    let isOption = { (item: String) in
      begins.contains { PlacedItem(item: item, number: 1, slot: 1).value(of: $0).hasPrefix("-") }
    }
    guard let item = items.first(where: isOption) else { return }
    throw ValidationError(
      "the item '\(SafeText.shown(item))' would be taken for an option: put -- or some text before {}"
    )
  }

  /// The same item twice is one item. Compared as bytes, as the job does.
  private static func unique(_ items: [String]) -> [String] {
    var seen = Set<[UInt8]>()
    return items.filter { seen.insert(Array($0.utf8)).inserted }
  }

  /// The same line in the same directory is the same job.
  private func derivedKey(in manager: JobManager) throws -> String {
    let line = RunKey(
      directory: RunDirectory.stored(project: project.path), list: list.items, each: each,
      command: argumentVector)
    return try line.key(in: manager, type: type)
  }
}

extension RunSpec.PauseMode: ExpressibleByArgument {}

func currentDirectory() -> String {
  guard let path = getcwd(nil, 0) else { return "." }
  defer { free(path) }
  return String(cString: path)
}
