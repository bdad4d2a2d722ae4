import ArgumentParser

struct Bgjobs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bgjobs",
    abstract: "Long work that survives: progress, pause, resume and crash recovery.",
    usage: """
      bgjobs [--active | --all] [-C DIR]
      bgjobs --id ID | --resume ID
      bgjobs COMMAND ...
      """,
    discussion: """
      Jobs are kept in DIR/.specweave/state. DIR is --project, else BGJOBS_PROJECT, else the \
      nearest directory upwards that has .specweave/, else the current one. -C DIR is a cd: all is \
      as if it had been called there, without BGJOBS_PROJECT. An ID may be the beginning of one.

      Exit codes: 0 ok; 1 failure; 2 usage; 3 not found, or ambiguous; 4 busy: another process \
      owns it; 5 damaged state; 6 not possible in this status; 7 done, with failed items; 8 kept, \
      but the job is paused; 9 the job has ended, nothing was kept; 10 not yet, something must come \
      first; 124 the time has passed.
      """,
    version: "0.2.0",
    subcommands: [BareCommand.self, RunWorker.self, PublishOwed.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Run",
        subcommands: [RunCommand.self, AddCommand.self, WorkCommand.self, LogsCommand.self]),
      CommandGroup(
        name: "Look",
        subcommands: [
          ListCommand.self, ShowCommand.self, QueueCommand.self, WhyCommand.self,
          ItemsCommand.self, CheckCommand.self, CleanupCommand.self,
        ]),
      CommandGroup(
        name: "Steer",
        subcommands: [
          PauseCommand.self, ResumeCommand.self, CancelCommand.self, RetryCommand.self,
          WaitCommand.self, AfterCommand.self, PriorityCommand.self, SetCommand.self,
          LimitCommand.self, RateCommand.self,
        ]),
      CommandGroup(
        name: "Work, in a script",
        subcommands: [
          CreateCommand.self, EnsureCommand.self, PlanCommand.self, EnqueueCommand.self,
          ClaimCommand.self, StartCommand.self,
          NextCommand.self, UpdateCommand.self, DoneCommand.self, FailedCommand.self,
          SkippedCommand.self, RateLimitedCommand.self, PermitCommand.self, CompleteCommand.self,
          FailCommand.self,
        ]),
    ], defaultSubcommand: BareCommand.self)
}

/// Without a subcommand: the form that other tools of this state file know, a list or one job. It
/// has the options, not `Bgjobs`, whose options would be taken from the subcommands.
struct BareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bare", abstract: "List the jobs, or show or resume one.", shouldDisplay: false)

  @OptionGroup var project: ProjectOptions

  @Flag(help: "Only running and paused jobs.")
  var active = false

  @Flag(help: "All jobs, as without any option.")
  var all = false

  @Option(help: ArgumentHelp("Show one job.", valueName: "ID"), completion: .jobs)
  var id: String?

  @Option(help: ArgumentHelp("Resume one job.", valueName: "ID"), completion: .jobs)
  var resume: String?

  func validate() throws {
    guard [active, all, id != nil, resume != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("--active, --all, --id and --resume exclude each other")
    }
  }

  func run() throws {
    if let resume { return try ResumeCommand.resume(resume, project) }
    if let id { return try ShowCommand.show(id, project, asJSON: false) }
    try ListCommand.list(project, active ? .active : .all, type: nil, asJSON: false)
  }
}
