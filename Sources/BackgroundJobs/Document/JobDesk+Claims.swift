/// Which job somebody would work on.
package struct ClaimRequest {
  /// nil: of any type.
  package var types: [String]?
  /// Its config has this member; nil: whatever it has.
  package var configMember: String?
  #if !hasFeature(Embedded)
    /// Not these.
    var except: Set<TextBytes> = []
  #endif

  package init() {}

  func wants(_ job: JobState) -> Bool {
    #if !hasFeature(Embedded)
      if except.contains(TextBytes(job.id)) { return false }
    #endif
    if let types, !types.has(job.type) { return false }
    guard let configMember else { return true }
    let config = job.members["config"].flatMap { JSONObjectText.members($0) }
    return config?[configMember] != nil
  }
}

/// What came of a claim.
final class ClaimOutcome {
  /// The job; nil: none is ready.
  let id: String?
  /// What the first one waits for, in words; nil: none waits.
  let why: String?
  /// There is none that may become ready, and none runs.
  let isEmpty: Bool

  init(_ id: String?, why: String?, isEmpty: Bool) {
    (self.id, self.why, self.isEmpty) = (id, why, isEmpty)
  }
}

// Who is next, in what is the same for each storage.
extension JobDesk {
  func enqueue(_ reference: JobReference, _ request: QueueRequest) throws(JobError) -> Status {
    try admit(.enqueue, reference) { job throws(JobError) in
      let entry = request.entry(job.queue, at: clock.realtimeMs)
      return job.queue?.isSame(as: entry) ?? false ? nil : .queued(entry)
    }
  }

  /// `claims`: the job is the caller's then; else this only looks.
  func claim(
    _ request: ClaimRequest, _ state: State, claims: Bool
  ) throws(JobError) -> ClaimOutcome {
    let (queue, found) = try next(request, state)
    if let member = found.ready {
      let id = member.job.id
      if claims {
        guard member.job.owner == nil else {
          // With its end the job may be no longer free.
          try closeIfOwnerIsDead(member.job)
          return try claim(request, jobs, claims: true)
        }
        try takeOwnership(of: member.job, isShared: false)
        dispensers[TextBytes(id)] = nil
      }
      return ClaimOutcome(id, why: nil, isEmpty: false)
    }
    var why: String?
    if let member = found.waiting, let block = queue.blocks(member).first {
      why = Message("job \(member.job.id): \(text(of: block, member.job))").text
    }
    return ClaimOutcome(nil, why: why, isEmpty: found.isEmpty)
  }

  func claim(_ request: ClaimRequest) throws(JobError) -> ClaimOutcome {
    try alone { () throws(JobError) in try claim(request, jobs, claims: true) }
  }

  /// In the order of the line where that is enough: then few of a long queue are looked at.
  private func next(
    _ request: ClaimRequest, _ state: State
  ) throws(JobError) -> (Queue, Queue.Found) {
    guard let line = try state.line(at: clock.realtimeMs) else {
      let queue = try queue(of: state)
      return (queue, queue.next { request.wants($0) })
    }
    // Who runs is asked for the limits.
    let queue = try queue(of: state, onlyOwned: true)
    var found = Queue.Found()
    for job in line where request.wants(job) {
      let isAlive = job.owner == nil ? nil : try isOwnerAlive(job)
      if queue.take(Queue.Member(job, isAlive: isAlive, []), &found) { break }
    }
    return (queue, found)
  }

  /// `onlyOwned`: without those that nobody works on.
  func queue(of state: State, onlyOwned: Bool = false) throws(JobError) -> Queue {
    let now = clock.realtimeMs
    for provider in state.providers where provider.text.isEmpty {
      provider.text = try quoted(provider.name)
    }
    for limit in state.limits where limit.json.isEmpty { limit.json = try quoted(limit.name) }
    var members: [Queue.Member] = []
    let isNeeded = StoredJob.hasOwner | StoredJob.isQueued
    if onlyOwned, state.limits.isEmpty { return Queue(state, [], now: now) }
    for job in try state.jobs({ $0.has(isNeeded) })
    where job.owner != nil || (job.needsQueue && !onlyOwned) {
      let isAlive = try isOwnerAlive(job)
      members.append(Queue.Member(job, isAlive: isAlive, try state.obstacles(of: job)))
    }
    return Queue(state, members, now: now)
  }

  /// Also of one that is in no queue.
  func member(
    _ job: JobState, _ queue: Queue, _ state: State
  ) throws(JobError) -> Queue.Member {
    if let member = queue.member(job) { return member }
    return Queue.Member(job, isAlive: try isOwnerAlive(job), try state.obstacles(of: job))
  }

  /// Throws `.waiting` if a job that nobody runs has to wait.
  func requirePlace(for job: JobState) throws(JobError) {
    if job.queue == nil, job.dependsOn.isEmpty, jobs.limits.isEmpty { return }
    let queue = try queue(of: jobs)
    guard let block = queue.blocks(try member(job, queue, jobs)).first else { return }
    throw JobError(.waiting, "job \(job.id): \(text(of: block, job))")
  }

  /// nil: it is not needed any more.
  func setEdge(
    _ reference: JobReference, _ id: String, _ code: UInt8?
  ) throws(JobError) -> Status {
    try admit(.depend, reference) { job throws(JobError) in
      guard job.hasPlainNeeds else {
        throw JobError(
          .invalid,
          "another tool has put into dependsOn of job \(job.id) what is no plain id: change it there"
        )
      }
      if code == nil, job.dependsOn.has(id) { return .needs(id, nil) }
      let other = try jobs.find(id)
      guard let code else { return job.dependsOn.has(other) ? .needs(other, nil) : nil }
      if job.edge(other)?.code == code { return nil }
      try check(other, for: job)
      return .needs(other, Edge(needs: other, code: code))
    }
  }

  private func check(_ id: String, for job: JobState) throws(JobError) {
    guard let other = try jobs.job(id) else { throw jobs.notFound(id) }
    if other === job { throw JobError(.invalid, "job \(id) would wait for itself") }
    guard job.dependsOn.count < JobState.mostEdges || job.dependsOn.has(id) else {
      throw JobError(.invalid, "job \(job.id) needs \(JobState.mostEdges) jobs already")
    }
    guard isPlain(id) else {
      throw JobError(.invalid, "the id \(id) has characters that JSON would have to escape")
    }
    guard let path = try jobs.path(from: other, to: job.id) else { return }
    var circle = Message(job.id)
    for id in path { circle = "\(circle) waits for \(id)" }
    throw JobError(.invalid, "that would be a circle: \(circle)")
  }

  private func isPlain(_ id: String) -> Bool {
    var id = id
    return id.withUTF8 { JSONText.isPlain(UnsafeRawBufferPointer($0)) }
  }

  func setLimit(_ scope: String, _ most: Int64) throws(JobError) {
    try alone { () throws(JobError) in
      let known = jobs.limits.first { $0.text.bytes == scope.bytes }
      if most < 0 ? known == nil : known?.allowed == most { return }
      guard known != nil || jobs.limits.count < QueueLimit.most else {
        throw JobError(.invalid, "there are \(QueueLimit.most) limits; no more are possible")
      }
      try settle(.limited(scope: scope, most: most), durable: true)
    }
  }

  func setWorth(_ worth: Int64) throws(JobError) {
    try alone { () throws(JobError) in
      if jobs.worth != worth { try settle(.valued(worth: worth), durable: true) }
    }
  }
}
