/// That a job needs another one to have ended first, and how.
final class Edge {
  /// With which end of the other one it is content.
  enum Policy: UInt8 {
    case success = 1
    case clean, end, failure
  }

  let needs: String
  let policy: Policy
  /// Where it can no longer be met, the job waits: else it fails.
  let holds: Bool

  init(needs: String, _ policy: Policy, holds: Bool) {
    (self.needs, self.policy, self.holds) = (needs, policy, holds)
  }

  /// Policy and hold in a byte.
  var code: UInt8 { policy.rawValue | (holds ? Self.hold : 0) }
  static let hold: UInt8 = 0x10

  init?(needs: String, code: UInt8) {
    guard let policy = Policy(rawValue: code & ~Self.hold) else { return nil }
    (self.needs, self.policy, holds) = (needs, policy, code & Self.hold != 0)
  }

  enum Outcome { case met, open, impossible }

  /// What the other one is to do.
  var verb: StaticString {
    switch policy {
    case .success: "complete"
    case .clean: "complete without failed items"
    case .end: "end"
    case .failure: "fail"
    }
  }

  /// Of the other one as it is. nil: it is gone, and nothing is known of it.
  func outcome(_ status: JobStatus?, failedItems: Int) -> Outcome {
    switch (status, policy) {
    case (.completed?, .success), (.completed?, .end), (.failed?, .end), (.failed?, .failure): .met
    case (.completed?, .clean): failedItems == 0 ? .met : .impossible
    case (.completed?, .failure), (.failed?, .success), (.failed?, .clean): .impossible
    case (nil, .end): .met
    case (nil, _): .impossible
    default: .open
    }
  }
}

extension JobState {
  static let mostEdges = 1000

  /// It has not begun: what it needs has to come first.
  var isBeforeItsStart: Bool {
    status == .pending || (status == .paused && started == nil && owner == nil)
  }

  var isFailedByNeed: Bool { status == .failed && reason?.bytes == Reason.dependency.bytes }

  func edge(_ id: String) -> Edge? { after.first { $0.needs.bytes == id.bytes } }

  /// Another tool names only ids: it is content with success, and does not want the job to fail.
  func edge(at place: Int) -> Edge {
    let id = dependsOn[place]
    // Both lists have mostly the same order.
    if place < after.count, after[place].needs.bytes == id.bytes { return after[place] }
    return edge(id) ?? Edge(needs: id, .success, holds: true)
  }

  /// nil: none any more.
  func setEdge(_ id: String, _ edge: Edge?) {
    after = after.filter { $0.needs.bytes != id.bytes }
    dependsOn = dependsOn.filter { $0.bytes != id.bytes }
    if let edge {
      after.append(edge)
      dependsOn.append(id)
    }
    members.set("dependsOn", dependsOn.isEmpty ? nil : Self.text(ofNeeds: dependsOn))
  }

  /// JSON; of ids that need no escape, which alone are taken.
  static func text(ofNeeds ids: [String]) -> String {
    let text = Buffer()
    for id in ids {
      text.append(UInt8(ascii: text.count == 0 ? "[" : ","))
      text.append(UInt8(ascii: "\""))
      text.append(id)
      text.append(UInt8(ascii: "\""))
    }
    text.append(UInt8(ascii: "]"))
    return String(bytes: text.bytes)
  }

  /// Whether the file has ids and nothing else there, that we could write again.
  var hasPlainNeeds: Bool {
    guard let text = members["dependsOn"] else { return true }
    return text.bytes == "[]" || text.bytes == Self.text(ofNeeds: dependsOn).bytes
  }
}

/// An edge that keeps a job from its start.
final class Obstacle {
  let edge: Edge
  let isImpossible: Bool
  /// The other job; nil: it is gone.
  let job: JobState?
  /// What is to be said of it.
  let text: String

  init(_ edge: Edge, _ job: JobState?, isImpossible: Bool, _ text: Message) {
    (self.edge, self.job, self.isImpossible) = (edge, job, isImpossible)
    self.text = text.text
  }
}

extension State {
  /// nil: it is met.
  final func obstacle(_ edge: Edge, of job: JobState) throws(JobError) -> Obstacle? {
    let id = edge.needs
    if let other = try self.job(id) {
      let outcome = edge.outcome(
        other.status, failedItems: other.items.failedCount)
      if outcome == .met { return nil }
      // Of a long chain, not all of it.
      let reason = other.isFailedByNeed ? other.reason : other.error ?? other.reason
      let why = reason.map { Message(": \($0)") } ?? ""
      return Obstacle(
        edge, other, isImpossible: outcome == .impossible,
        "it needs job \(id) (\(other.statusName)\(why)) to \(edge.verb)")
    }
    let gone = removedJob(id).flatMap { $0.id.bytes == id.bytes ? $0 : nil }
    let end = gone.flatMap { $0.status.isFinished ? $0.status : nil }
    let outcome = edge.outcome(end, failedItems: Int(gone?.failedItems ?? 0))
    if outcome == .met { return nil }
    if let gone {
      return Obstacle(edge, nil, isImpossible: true, "it needs what is gone: \(gone.sentence)")
    }
    // What another tool names may come.
    return Obstacle(
      edge, nil, isImpossible: job.edge(id) != nil, "it needs job \(id), and there is no such job")
  }

  final func obstacles(of job: JobState) throws(JobError) -> [Obstacle] {
    var obstacles: [Obstacle] = []
    if !job.isBeforeItsStart, !job.isFailedByNeed { return obstacles }
    for place in job.dependsOn.indices {
      if let one = try obstacle(job.edge(at: place), of: job) { obstacles.append(one) }
    }
    return obstacles
  }

  /// Those that the end of another one may change.
  final var dependents: [JobState] {
    get throws(JobError) {
      try jobs {
        $0.has(StoredJob.hasDependencies) && $0.has(StoredJob.isOurs) && !$0.isOne(of: .completed)
      }.filter { $0.isOurs && (!$0.after.isEmpty || $0.isFailedByNeed) }
    }
  }

  /// What follows for a job from the ends of others, and has no event yet; nil: nothing. When its need
  /// can no longer be met, it fails; it is as before when that has changed, for it never ran.
  final func consequence(for job: JobState) throws(JobError) -> JobChange? {
    // One that somebody has paused waits for him.
    guard job.isFailedByNeed || job.status == .pending else { return nil }
    for place in job.dependsOn.indices {
      guard let one = try obstacle(job.edge(at: place), of: job), one.isImpossible, !one.edge.holds
      else { continue }
      if job.isFailedByNeed { return nil }
      return .failed(reason: Reason.dependency, error: one.text, ownerIsToSee: false)
    }
    return job.isFailedByNeed ? .reinstated : nil
  }

  /// The ids from a job to one that it waits for, however far; nil: it does not.
  final func path(from job: JobState, to id: String) throws(JobError) -> [String]? {
    var (path, places, seen): ([JobState], [Int], [JobState]) = ([job], [0], [job])
    while let last = path.last, let place = places.last {
      guard place < last.dependsOn.count else {
        path.removeLast()
        places.removeLast()
        continue
      }
      places[places.count - 1] += 1
      let next = last.dependsOn[place]
      if next.bytes == id.bytes {
        var ids: [String] = []
        for job in path { ids.append(job.id) }
        return ids + [id]
      }
      guard let other = try self.job(next), !seen.contains(where: { $0 === other }) else {
        continue
      }
      seen.append(other)
      path.append(other)
      places.append(0)
    }
    return nil
  }
}
