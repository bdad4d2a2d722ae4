import ArgumentParser
import BackgroundJobs

struct UpdateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Report progress: what is said at once is kept together.",
    usage: "bgjobs update [ID] OPTIONS",
    discussion: """
      Anyone may do that, beside the owner too; of two words on --current, --item, --total or \
      --cursor the later counts. Without ID: the job in BGJOBS_JOB_ID, which is that of the \
      bgjobs run that has started the command. Exit code 8: kept, but the job is paused; 9: the \
      job has ended, nothing was kept.
      """)

  @OptionGroup var job: OwnJobArgument

  @Option(help: "How far the job is, in items.") var current: Int64?
  @Option(help: "Add so many to the current number.") var advance: Int64?
  @Option(help: "What is being worked on; empty: nothing.") var item: String?
  @Option(help: "An item that is done.") var done: String?
  @Option(help: "An item that failed.") var failed: String?
  @Option(help: "Why it failed.") var why: String?
  @Option(help: "The number of items; 0: unknown.") var total: Int64?
  @Option(help: "A JSON value to be kept, or @FILE: where to go on.") var cursor: String?

  func validate() throws {
    if why != nil, failed == nil { throw ValidationError("--why goes with --failed") }
    guard
      current != nil || advance != nil || item != nil || done != nil || failed != nil
        || total != nil || cursor != nil
    else { throw ValidationError("nothing to report: see bgjobs update --help") }
    if current != nil, advance != nil {
      throw ValidationError("--current and --advance exclude each other")
    }
  }

  func run() throws {
    let cursor = try cursor.map { try readJSON($0) }
    try job.withJob { job, _ in
      var status = Status.ok
      if current != nil || item != nil || done != nil || failed != nil || total != nil {
        status = try job.update(
          current: current, currentItem: item, completed: done, failed: failed, why: why,
          total: total)
      }
      if let advance { status = try job.advance(by: advance) }
      if let cursor { status = try job.setCursor(cursor) }
      try tell(status, of: job)
    }
  }
}

struct DoneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "done", abstract: "Mark items done.",
    usage: "bgjobs done ID ITEM... [OPTIONS]",
    discussion: """
      Anyone may do that, beside the owner too. Saying it again changes nothing. All of them are kept, \
      or none: they have at most 4 MB.
      """)

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
    try job.withJob { job, _ in
      try tell(try job.itemsDone(items), of: job)
    }
  }
}

struct FailedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failed", abstract: "Mark an item failed, unless it is done already.")

  @OptionGroup var job: JobArgument
  @Argument(help: "The item.") var item: String
  @Option(help: "Why, in words.") var why: String?

  func run() throws {
    try job.withJob { job, _ in try tell(try job.itemFailed(item, why: why), of: job) }
  }
}

struct SkippedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skipped",
    abstract: "Mark an item skipped, unless it is done: there was nothing to do.",
    discussion: "It counts as finished, apart from those that are done, and is no failure.")

  @OptionGroup var job: JobArgument
  @Argument(help: "The item.") var item: String
  @Option(help: "Why, in words.") var why: String?

  func run() throws {
    try job.withJob { job, _ in try tell(try job.itemSkipped(item, why: why), of: job) }
  }
}
