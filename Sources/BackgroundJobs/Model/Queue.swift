extension State {
  /// Whether a version that knows no queue would lose something of a job.
  final var hasQueue: Bool {
    entries.contains {
      switch $0 {
      case .job(let job): job.needsQueue
      case .stored(let entry): shelf?[entry].has(StoredJob.isQueued) ?? false
      case .opaque: false
      }
    }
  }
}

/// What the queue is at one moment: who runs, who may, and in which order.
final class Queue {
  /// A job that is queued or runs.
  final class Member {
    let job: JobState
    /// It runs, or will go on by itself, and somebody who lives has it.
    let isRunning: Bool
    /// Nobody works on it, and nobody has paused it.
    let isFree: Bool
    let obstacles: [Obstacle]
    /// Smallest first; who is needed has at most that of who needs it.
    var rank: Int64 = .max

    /// `isAlive`: its owner; nil: it has none, or nobody can tell.
    init(_ job: JobState, isAlive: Bool?, _ obstacles: [Obstacle]) {
      (self.job, self.obstacles) = (job, obstacles)
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
  final class Block {
    enum Kind { case obstacle, time, retry, pause, rateLimit, limit }

    let kind: Kind
    let until: Int64?
    /// Of these, what it is about.
    let obstacle: Obstacle?
    let limit: QueueLimit?
    /// The id of a job, a scope, or a provider.
    let name: String?

    init(
      _ kind: Kind, _ name: String? = nil, until: Int64? = nil, _ obstacle: Obstacle? = nil,
      _ limit: QueueLimit? = nil
    ) {
      (self.kind, self.name, self.until) = (kind, name, until)
      (self.obstacle, self.limit) = (obstacle, limit)
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
    rankMembers()
    for limit in limits { limit.running = [] }
    for member in members where member.isRunning {
      for limit in limits where limit.covers(member.job) { limit.running.append(member.job) }
    }
  }

  /// Who is needed is usually older: from the youngest on, one turn is enough.
  private func rankMembers() {
    for member in members {
      member.rank = member.job.queue?.rank(worth, at: now) ?? .max
      member.job.member = member
    }
    defer { for member in members { member.job.member = nil } }
    var isChanged = true
    while isChanged {
      isChanged = false
      for member in members.reversed() {
        for obstacle in member.obstacles {
          guard let needed = obstacle.job?.member, needed.rank > member.rank else { continue }
          needed.rank = member.rank
          isChanged = true
        }
      }
    }
  }

  /// What keeps a job from its start. A job that was never put up has no time.
  func blocks(_ member: Member) -> [Block] {
    let job = member.job
    var blocks: [Block] = []
    for one in member.obstacles { blocks.append(Block(.obstacle, one.edge.needs, one)) }
    if let time = job.queue?.notBefore, time > now { blocks.append(Block(.time, until: time)) }
    if let time = job.queue?.retryAt, time > now, job.status == .pending {
      blocks.append(Block(.retry, until: time))
    }
    if job.status == .paused, let time = job.resumeAt, time > now {
      blocks.append(Block(.pause, until: time))
    }
    for provider in providers where job.provider.bytes == provider.text.bytes {
      blocks.append(Block(.rateLimit, provider.name, until: provider.limit(at: now)))
    }
    for limit in limits where limit.isFull && limit.covers(job) && !limit.has(job) {
      blocks.append(Block(.limit, limit.text, nil, limit))
    }
    return blocks
  }

  /// Whether one of them is to be started before the other.
  func isBefore(_ one: Member, _ other: Member) -> Bool {
    one.rank == other.rank
      ? one.job.createdSeq < other.job.createdSeq : one.rank < other.rank
  }

  /// The first one that is ready; if none is, the first one that waits. `isEmpty`: there is none, and
  /// none runs.
  struct Found {
    var ready: Member?
    var waiting: Member?
    var isEmpty = true
  }

  /// Of those that are wanted, in their order. true: it is the one.
  func take(_ member: Member, _ found: inout Found) -> Bool {
    guard member.isFree || member.isRunning else { return false }
    found.isEmpty = false
    guard member.isFree else { return false }
    if blocks(member).isEmpty {
      found.ready = member
    } else if found.waiting == nil {
      found.waiting = member
    }
    return found.ready != nil
  }

  /// In any order.
  func next(_ isWanted: (JobState) -> Bool) -> Found {
    var found = Found()
    for member in members where member.job.isQueued && (member.isFree || member.isRunning) {
      if found.isEmpty, isWanted(member.job) { found.isEmpty = false }
      guard member.isFree, found.ready.map({ isBefore(member, $0) }) ?? true, isWanted(member.job)
      else { continue }
      if blocks(member).isEmpty {
        found.ready = member
      } else if found.waiting.map({ isBefore(member, $0) }) ?? true {
        found.waiting = member
      }
    }
    return found
  }

  /// All that are queued, the first one first.
  var inOrder: [Member] {
    var ordered = members.filter { $0.job.isQueued }
    // An insertion from behind: most stand in their order already.
    for place in ordered.indices {
      var place = place
      while place > 0, isBefore(ordered[place], ordered[place - 1]) {
        ordered.swapAt(place, place - 1)
        place -= 1
      }
    }
    return ordered
  }

  func member(_ job: JobState) -> Member? { members.first { $0.job === job } }

  /// How many ready ones are before it.
  func countBefore(_ member: Member) -> Int {
    var count = 0
    for one in members where one.isFree && one.job.isQueued && isBefore(one, member) {
      if blocks(one).isEmpty { count += 1 }
    }
    return count
  }
}
