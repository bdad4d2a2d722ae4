import CPosix

/// What a state file that another tool wrote means for our state. It speaks only about what its
/// writer had seen: the event number that we had put into the file it read.
struct Merge {
  let state: FileState
  let theirs: FileState
  /// The last event that the writer had seen; nil: it had not seen a file of this store.
  let seen: UInt64?
  /// There is no list in it: not an empty one.
  private let saysNoJobs: Bool
  /// It took the place of the file that we know, and its writer had read that: with what other tools
  /// have written into it since we published it.
  let isRewrite: Bool
  /// nil: nobody can tell.
  private let isOwnerAlive: (JobState) -> Bool?

  init(
    _ state: FileState, with document: StateDocument.Decoded, epoch: StateDocument.Epoch,
    isCurrent: Bool = false, isOwnerAlive: @escaping (JobState) -> Bool?
  ) {
    self.state = state
    theirs = document.state
    seen = document.epoch == epoch ? document.seq : nil
    saysNoJobs = theirs.topMembers["jobs"] == nil
    isRewrite = isCurrent && seen == state.publication.fileSeq
    self.isOwnerAlive = isOwnerAlive
  }

  /// It was published after events that our journal does not have: they were there and are gone.
  var provesLoss: Bool {
    guard let seen else { return false }
    // What is above the file's own number is no number of ours.
    return theirs.known.contains { $0.revision > state.seq && $0.revision <= seen }
  }

  /// In the order in which they are to happen.
  func changes() throws(JobError) -> [Change] {
    var changes: [Change] = []
    for job in theirs.known {
      if let ours = try state.job(job.id) {
        try addEdits(of: ours, job, to: &changes)
      } else if seen.map({ $0 < state.collisions.seq(of: job.id) }) ?? false {
        // Its removal was displaced, and this writer had not seen it.
        continue
      } else if !(job.isOurs && seen != nil) || isCopy(job) {
        changes.append(.store(.imported(job)))
      }
    }
    let known = state.opaqueEntries
    // It had read them all: what it has not is changed, or gone.
    if isRewrite {
      for text in known where !theirs.opaqueEntries.has(text) {
        changes.append(.store(.removedOpaque(text)))
      }
    }
    for text in theirs.opaqueEntries where !known.has(text) {
      changes.append(.store(.importedOpaque(text)))
    }
    for ours in try state.jobs() where theirs.known(ours.id) == nil && hasLeftOut(ours) {
      if mayRemove(ours) {
        changes.append(.job(ours.id, .removed))
      } else if let refusal = refusal(of: "removed", ours) {
        changes.append(refusal)
      }
    }
    for path in changed(state.topMembers, theirs.topMembers, state.topEdits, except: ["jobs"]) {
      let text = MemberPath(path).text(in: theirs.topMembers)
      changes.append(.store(.topEdited(name: path, text: text)))
    }
    return changes
  }

  /// Of a job of ours, or that job under a new id; else we have removed it.
  private func isCopy(_ job: JobState) -> Bool {
    state.entries.indices.contains { position in
      guard let facts = state.facts(at: position) else { return false }
      return facts.has(StoredJob.isOurs) && facts.created == job.createdSeq
    }
  }

  private func hasLeftOut(_ ours: JobState) -> Bool {
    guard let seen, !saysNoJobs else { return false }
    return seen >= ours.createdSeq || (isRewrite && !ours.isOurs)
  }

  private func mayRemove(_ ours: JobState) -> Bool {
    guard ours.log == nil else { return false }
    return ours.owner == nil || isOwnerAlive(ours) == false
  }

  // MARK: A job

  private func addEdits(
    of ours: JobState, _ job: JobState, to changes: inout [Change]
  ) throws(JobError) {
    guard ours.isOurs else {
      if seen ?? 0 < state.collisions.seq(of: ours.id) { try keepItems(of: ours, in: job) }
      if try text(ours).bytes != text(job).bytes {
        changes.append(.store(.edited(job, members: [], takes: .all)))
      }
      return
    }
    // As with its type: what is left out says nothing.
    if job.statusName.isEmpty { (job.status, job.statusWord) = (ours.status, ours.statusWord) }
    let known = [
      "id", "type", "status", "progress", "startedAt", "updatedAt", "completedAt", "error",
      "result", "bgjobs",
    ]
    var members = changed(ours.members, job.members, ours.foreignEdits, except: known)
    if !job.type.isEmpty, job.type.bytes != ours.type.bytes { members.append("type") }
    members += mergeResult(ours, job)
    for name in names(ours.unknownProgress, job.unknownProgress)
    where ours.progressMembers[name]?.bytes != job.progressMembers[name]?.bytes {
      let path = MemberPath.text("progress", name)
      if isTheirs(path, job.progressMembers[name], ours.foreignEdits) { members.append(path) }
    }
    var taken = Life.nothing
    switch word(on: ours, job) {
    case .takes(let life): taken = life
    case .request(let change): changes.append(change)
    }
    if taken != .nothing || !members.isEmpty {
      changes.append(.store(.edited(job, members: members, takes: taken)))
    }
    let areFailuresMeant = seen != nil && job.attempts == ours.attempts
    if taken != .all,
      let items = try job.itemsEnded(unknownTo: ours, alsoFailed: areFailuresMeant)
    {
      changes.append(
        .store(.adopted(job: ours.id, done: items.done, failed: items.failed)))
    }
  }

  /// An edit that this writer has not seen brought them.
  private func keepItems(of ours: JobState, in job: JobState) throws(JobError) {
    let before = job.counted
    try job.addItems(of: ours)
    guard job.counted != before, let current = job.progressMembers["current"].flatMap(wholeNumber)
    else { return }
    let now = current.clampedAdding(job.counted.clampedAdding(-before))
    job.progressMembers.set("current", Message("\(now)").text)
  }

  /// What a file says of a job's life.
  private enum Word {
    case takes(Life)
    /// It is for the owner to follow, or is refused.
    case request(Change)
  }

  private func word(on ours: JobState, _ job: JobState) -> Word {
    guard let seen else { return .takes(.nothing) }
    let unseen = unseenChanges(of: ours, seen)
    let isFresh = seen >= ours.revision
    if job.statusName.bytes == ours.statusName.bytes {
      // Beside an open log the progress is its owner's.
      guard ours.log == nil, isFresh, differs(ours, job) else { return .takes(.nothing) }
      // What another tool's edit replaced since is an old copy.
      let isOld = unseen?.contains { $0.life == job.lifeChecksum } ?? false
      return .takes(isOld ? .nothing : .all)
    }
    // A status that it may have read is none that it gives.
    guard let unseen, !mayHaveRead(job.status, unseen) else { return .takes(.nothing) }
    let isAlive = isOwnerAlive(ours)
    if isAlive == true { return request(of: job, ours) }
    guard ours.log == nil else { return .takes(.nothing) }
    // It says what is so, for its owner is dead. Taken as a pause, nobody could start it.
    if ours.owner != nil, isAlive == false, job.status == .paused {
      return .request(.job(ours.id, .left(why: job.error)))
    }
    if isFresh { return .takes(unseen.isEmpty ? .all : .status) }
    // Of an owner's death we know more.
    return .takes(ours.reason?.bytes == Reason.interrupted.bytes ? .nothing : .status)
  }

  /// What it had before the first change that the writer does not know of; or what another tool has
  /// written since.
  private func mayHaveRead(_ status: JobStatus, _ unseen: [StatusHistory.Entry]) -> Bool {
    for place in unseen.indices where unseen[place].status == status {
      // Another tool's change: it stood in the file before we knew of it, and gave it a number.
      if place == 0 || unseen[place].life != nil || unseen[place - 1].life != nil { return true }
    }
    return false
  }

  /// The changes of a job's status that the writer does not know of; nil: more than is remembered.
  private func unseenChanges(of ours: JobState, _ seen: UInt64) -> [StatusHistory.Entry]? {
    guard let changes = ours.history.changes(since: seen) else {
      // All that is remembered came later. Where the file was not written for long, some are ours.
      return isRewrite && ours.history.isOthersOnly ? [] : nil
    }
    return changes.filter { !isRewrite || $0.life == nil }
  }

  private func request(of job: JobState, _ ours: JobState) -> Word {
    switch (ours.status, job.status) {
    case (.running, .paused):
      return .request(
        .job(ours.id, .paused(reason: Reason.asked, error: job.error, resumeAt: nil)))
    case (.paused, .running): return .request(.job(ours.id, .resumed))
    default: return refusal(of: job.statusName, ours).map { .request($0) } ?? .takes(.nothing)
    }
  }

  /// Once for each that has seen what came of the last.
  private func refusal(of status: String, _ ours: JobState) -> Change? {
    if let last = ours.refusal, last.status.bytes == status.bytes, last.seq > seen ?? 0 {
      return nil
    }
    return .store(.refused(job: ours.id, status: status))
  }

  /// Objects are merged member by member; gives the paths that are theirs, and leaves all of it in
  /// `job`.
  private func mergeResult(_ ours: JobState, _ job: JobState) -> [String] {
    let empty = JSONObjectText.empty
    let (before, after) = (ours.result ?? empty, job.result ?? empty)
    guard before.bytes != after.bytes, JSONObjectText.members(before) != nil,
      JSONObjectText.members(after) != nil
    else { return [] }
    let name = "result"
    let isFresh = seen.map { $0 >= ours.revision } ?? false
    var merged = [JSONMember(name: name, text: before)]
    let theirs = [JSONMember(name: name, text: after)]
    let paths = changed(merged, theirs, ours.foreignEdits, except: []).filter {
      let path = MemberPath($0)
      // A result that has changed since is ours where both have a value.
      return isFresh || (path.text(in: merged) == nil && path.text(in: theirs) != nil)
    }
    for path in paths {
      let path = MemberPath(path)
      path.set(path.text(in: theirs), in: &merged)
    }
    let isNone = merged[name]?.bytes == empty.bytes && (ours.result == nil || job.result == nil)
    job.result = isNone ? nil : merged[name]
    job.members.set(name, job.result)
    return paths
  }
}
