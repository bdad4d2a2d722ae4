/// What the queue is at one moment: who runs, who may, and in which order.
final class Queue {
  /// A job that is queued or runs.
  final class Member {
    let job: JobState
    /// It runs, or will go on by itself, and somebody who lives has it.
    let isRunning: Bool
    /// Nobody works on it, and nobody has paused it.
    let isFree: Bool

    /// `isAlive`: its owner; nil: it has none, or nobody can tell.
    init(_ job: JobState, isAlive: Bool?, now: Int64) {
      self.job = job
      let isOwned = job.owner != nil && isAlive != false
      let isLimited = job.resumeAt != nil && job.reason?.bytes == Reason.rateLimit.bytes
      switch job.status {
      case .pending: (isRunning, isFree) = (false, true)
      case .running: (isRunning, isFree) = (isOwned, job.owner != nil && !isOwned)
      case .paused:
        isRunning = isOwned && (isLimited || !job.isPauseAcknowledged)
        isFree = !isOwned && (job.resumeAt != nil || job.reason?.bytes == Reason.interrupted.bytes)
      case .completed, .failed, .other: (isRunning, isFree) = (false, false)
      }
    }
  }

  /// What keeps a job from being started now. `until`: in milliseconds since 1970.
  enum Block {
    case time(until: Int64)
    /// Its own.
    case pause(until: Int64)
    case rateLimit(until: Int64, of: Provider)
    case limit(QueueLimit)

    var until: Int64? {
      switch self {
      case .time(let until), .pause(let until), .rateLimit(let until, _): until
      case .limit: nil
      }
    }
  }

  let members: [Member]
  private let limits: [QueueLimit]
  private let providers: [Provider]
  let worth: Int64
  let now: Int64

  /// Providers are known as configs have them.
  init(_ state: State, _ members: [Member], now: Int64) {
    (self.members, self.now) = (members, now)
    (limits, worth) = (state.limits, state.worth < 0 ? State.strictWorth : state.worth)
    providers = state.providers.filter { $0.limit(at: now) > now }
    for limit in limits { limit.running = [] }
    for member in members where member.isRunning {
      for limit in limits where limit.covers(member.job) { limit.running.append(member.job) }
    }
  }

  /// Whether a job may be started for all that is asked of any. A job that was never put up has no
  /// time.
  func blocks(_ job: JobState) -> [Block] {
    var blocks: [Block] = []
    if let queue = job.queue, queue.notBefore > now { blocks.append(.time(until: queue.notBefore)) }
    if job.status == .paused, let resumeAt = job.resumeAt, resumeAt > now {
      blocks.append(.pause(until: resumeAt))
    }
    for provider in providers where job.provider.bytes == provider.text.bytes {
      blocks.append(.rateLimit(until: provider.limit(at: now), of: provider))
    }
    for limit in limits where limit.isFull && limit.covers(job) {
      if !limit.running.contains(where: { $0 === job }) { blocks.append(.limit(limit)) }
    }
    return blocks
  }

  /// Whether one of them is to be started before the other.
  func isBefore(_ one: JobState, _ other: JobState) -> Bool {
    let (a, b) = (one.queue?.rank(worth) ?? .max, other.queue?.rank(worth) ?? .max)
    return a == b ? one.createdSeq < other.createdSeq : a < b
  }

  /// The first one that is ready; if none is, the first one that waits. `isEmpty`: there is none, and
  /// none runs.
  func next(
    _ isWanted: (JobState) -> Bool
  ) -> (ready: JobState?, waiting: JobState?, isEmpty: Bool) {
    var (ready, waiting): (JobState?, JobState?)
    var isEmpty = true
    for member in members where member.job.isQueued && (member.isFree || member.isRunning) {
      let job = member.job
      if isEmpty, isWanted(job) { isEmpty = false }
      guard member.isFree, ready.map({ isBefore(job, $0) }) ?? true, isWanted(job) else { continue }
      if blocks(job).isEmpty {
        ready = job
      } else if waiting.map({ isBefore(job, $0) }) ?? true {
        waiting = job
      }
    }
    return (ready, waiting, isEmpty)
  }

  /// All that are queued, the first one first.
  var inOrder: [Member] {
    var ordered = members.filter { $0.job.isQueued }
    // An insertion from behind: most stand in their order already.
    for place in ordered.indices {
      var place = place
      while place > 0, isBefore(ordered[place].job, ordered[place - 1].job) {
        ordered.swapAt(place, place - 1)
        place -= 1
      }
    }
    return ordered
  }

  /// How many ready ones are before it.
  func countBefore(_ job: JobState) -> Int {
    var count = 0
    for member in members where member.isFree && member.job.isQueued && isBefore(member.job, job) {
      if blocks(member.job).isEmpty { count += 1 }
    }
    return count
  }
}
