import BackgroundJobs
import Glibc

/// What is known of an item: what its job says, and of a run what the index of its output does.
struct ItemRecord {
  let name: String
  let state: ItemState
  let why: String?
  /// The attempts that began.
  let attempts: Int64
  /// The last of them.
  let last: Attempt?

  var stateName: String {
    switch state {
    case .done: "done"
    case .failed: "failed"
    case .skipped: "skipped"
    case .underWay: "running"
    case .open: "open"
    }
  }

  /// How long the last attempt took; nil: it has not ended, or nobody knows.
  var milliseconds: Int64? {
    guard let last, let end = last.end?.time else { return nil }
    return max(0, end - last.begin)
  }

  static func all(of job: Job, _ states: ItemStateSet) throws -> [ItemRecord] {
    let attempts = try lastAttempts(of: job)
    return try job.items(states).map { item in
      let last = attempts[Array(item.name.utf8)]
      return ItemRecord(
        name: item.name, state: item.state, why: item.why,
        attempts: max(item.attempts, last?.count ?? 0), last: last?.attempt)
    }
  }

  private typealias Known = (attempt: Attempt, count: Int64)

  /// Empty for a job that is none of `bgjobs run`: nobody makes a directory by looking.
  private static func lastAttempts(of job: Job) throws -> [[UInt8]: Known] {
    guard try RunSpec.of(job) != nil else { return [:] }
    let isAlive = try job.info().ownerPID != nil
    guard let file = try job.output().open(RunLog.indexName, O_RDONLY) else { return [:] }
    defer { close(file) }
    var known: [[UInt8]: Known] = [:]
    var reader = IndexReader(file)
    try reader.read { attempt in
      let name = Array(attempt.item.utf8)
      let count = known[name]?.count ?? 0
      known[name] = (attempt, attempt.end == nil ? count + 1 : max(1, count))
    }
    guard !isAlive else { return known }
    // Its runner died: what it had begun is not running.
    return known.mapValues { one in
      guard one.attempt.end == nil else { return one }
      var ended = one
      ended.attempt.end = Attempt.Ending(time: nil, offset: 0, length: 0, outcome: "interrupted")
      return ended
    }
  }
}
