import ArgumentParser
import BackgroundJobs

/// What a new job is given.
struct NewJobOptions: ParsableArguments {
  @OptionGroup var project: ProjectOptions

  @Argument(help: "The type: clone-repos, import-issues, sync-external, or one of yours.")
  var type: String

  @Option(help: "The number of items; 0: unknown. Without it, that of --items.")
  var total: Int64?

  @Option(help: "A JSON object to be kept with the job, or @FILE.")
  var config: String?

  @OptionGroup var list: ItemList

  /// Gives the id.
  func make(key: String?) throws {
    let items = try list.read()
    let config = try config.map { try readJSON($0) }
    SecretItems.warn(of: items ?? [])
    let (id, withdrawn) = try project.withManager { manager -> (String, Int) in
      let job =
        if let key {
          try manager.ensure(type, key: key, config: config, total: total ?? 0)
        } else {
          try manager.create(type, config: config, total: total ?? 0)
        }
      do { return (job.id, try items.map { try job.makePlan($0) } ?? 0) } catch {
        Output.complain("job \(job.id) is made, but without these items")
        throw error
      }
    }
    if withdrawn > 0 { Output.complain("job \(id): \(RunRequest.withdrawn(withdrawn))") }
    Output.line(id)
  }
}

struct CreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a new job and print its id.",
    usage: "bgjobs create TYPE [OPTIONS]",
    discussion: """
      The id alone is printed: id=$(bgjobs create clone-repos --items repos.txt). With --key it is \
      as ensure: the unfinished job of that type and key, if there is one.
      """)

  @OptionGroup var options: NewJobOptions

  @Option(help: "Find the unfinished job of this type and key first.")
  var key: String?

  func run() throws { try options.make(key: key) }
}

struct EnsureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ensure", abstract: "Find the unfinished job of a type and key, or make one.",
    usage: "bgjobs ensure TYPE --key KEY [OPTIONS]",
    discussion: """
      Prints its id. First run, run after a crash and run after a pause are then the same script. \
      The list of --items is the plan: open items that are not in it any more are withdrawn, those \
      that have ended stay. --config and --total count for a new job only.
      """)

  @OptionGroup var options: NewJobOptions

  @Option(help: "What tells this job apart from others of its type.")
  var key: String

  func run() throws { try options.make(key: key) }
}

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Name items in advance; those that the job knows are skipped.",
    usage: "bgjobs plan ID ITEM... [OPTIONS]")

  @OptionGroup var job: JobArgument
  @OptionGroup var list: ItemList
  @Argument(help: "Items.") var names: [String] = []

  func validate() throws {
    if list.items == nil, names.isEmpty {
      throw ValidationError("no items: name them, or a file with --items")
    }
  }

  func run() throws {
    let items = names + (try list.read() ?? [])
    SecretItems.warn(of: items)
    try job.withJob { job, _ in _ = try job.plan(items) }
  }
}
