/// All jobs, folded from events. A pure function of them: whoever applies the same events in the
/// same order gets the same state.
final class State {
  /// Entries of the job list, in the file's order; what is no job of any kind we know stays as
  /// text.
  enum Entry {
    case job(JobState)
    case opaque(String)
  }

  private(set) var entries: [Entry] = []
  private var index = [TextKey: JobState]()
  /// The last event that is in it.
  var seq: UInt64 = 0
  /// Of the file that it was read from; 0: none of ours.
  var format: Int64 = 0
  var topMembers: [JSONMember] = []
  var topEdits: [ForeignEdit] = []
  var collisions = Collisions()
  /// Another tool has written into the state file, once at least.
  var hasNeighbours = false
  /// Damaged files that were set aside: name and reason.
  var setAside: [JSONMember] = []
  /// Oldest first.
  var removed: [RemovedJob] = []
  var publication = Publication()
  /// Whether the journal that holds this has a durable name.
  var isNamed = false

  init() {}

  func job(_ id: String) -> JobState? { index[TextKey(text: id)] }

  var jobs: [JobState] {
    var all: [JobState] = []
    for case .job(let job) in entries { all.append(job) }
    return all
  }

  var opaqueEntries: [String] {
    var all: [String] = []
    for case .opaque(let text) in entries { all.append(text) }
    return all
  }

  func add(_ job: JobState) {
    guard index.updateValue(job, forKey: TextKey(text: job.id)) == nil else { return }
    entries.append(.job(job))
  }

  func addOpaque(_ text: String) { entries.append(.opaque(text)) }

  private func removeOpaque(_ text: String) {
    let position = entries.firstIndex { entry in
      if case .opaque(let other) = entry { other == text } else { false }
    }
    if let position { entries.remove(at: position) }
  }

  private func remove(_ job: JobState) {
    job.isRemoved = true
    index[TextKey(text: job.id)] = nil
    entries.removeAll {
      if case .job(let other) = $0 { return other === job }
      return false
    }
  }

  // MARK: The one place where jobs change

  func apply(_ event: Event) throws(JobError) {
    defer { seq = event.seq }
    if event.change.isOthers { hasNeighbours = true }
    switch event.change {
    case .created(let new): create(new, event)
    case .imported(let job):
      job.createdSeq = event.seq
      add(job)
    case .importedOpaque(let text): addOpaque(text)
    case .edited(let theirs, let members, let life):
      guard let job = job(theirs.id) else { return }
      edit(job, from: theirs, members: members, life, event)
    case .removedOpaque(let text): removeOpaque(text)
    case .topEdited(let name, let text):
      let path = MemberPath(name)
      note(&topEdits, name, previous: path.text(in: topMembers), event.seq)
      path.set(text, in: &topMembers)
    case .adopted(let id, let done, let failed): try job(id)?.adopt(done, failed, at: event.time)
    case .refused(let id, let status):
      job(id)?.refusal = Refusal(status: status, seq: event.seq, time: event.time)
    case .collided(let ids): collisions.note(ids, event)
    case .setAside(let name, let why): setAside.set(name, why)
    case .named: isNamed = true
    case .published(let publication): self.publication = publication
    case .removed(let id):
      guard let job = job(id) else { return }
      remember(job, removedAt: event.time)
      remove(job)
    case .reported(let id, let report):
      guard let job = job(id) else { return }
      try job.apply(report, at: event.time, fromOwner: job.owner?.isDetached ?? false)
      job.touch(event)
    case .planned(let id, let items, let mark):
      guard let job = job(id) else { return }
      try job.plan(items, beside: mark)
      job.touch(event)
    case .replanned(let id, let items, let mark):
      guard let job = job(id) else { return }
      try job.replan(items, mark)
      job.touch(event)
    case .configured(let id, let config):
      guard let job = job(id) else { return }
      noteReplaced("config", job.members["config"], by: config, of: job, event.seq)
      job.members.set("config", config)
      job.touch(event)
    case .opened(let id, _, _, _), .closed(let id, _), .detached(let id, _, _),
      .paused(let id, _, _, _), .resumed(let id), .completed(let id, _), .failed(let id, _, _, _),
      .retried(let id), .retriedItems(let id, _):
      guard let job = job(id) else { return }
      let (before, result) = (job.status, job.result)
      job.transition(event)
      if job.result != result { noteReplaced("result", result, by: job.result, of: job, event.seq) }
      if job.status != before { job.history.note(before, until: event.seq) }
      job.touch(event)
    }
  }

  private func create(_ new: NewJob, _ event: Event) {
    let job = JobState(id: new.id, type: new.type, status: .pending)
    job.key = new.key
    job.total = new.total
    job.created = event.time
    job.members = [JSONMember(name: "config", text: new.config)]
    job.createdSeq = event.seq
    job.touch(event)
    add(job)
  }

  private func edit(
    _ job: JobState, from theirs: JobState, members: [String], _ life: Life, _ event: Event
  ) {
    guard job.isOurs else { return job.replace(by: theirs) }
    // The typed value wins, and a member of it is to be changed.
    job.members.set("result", job.result)
    for name in members {
      let path = MemberPath(name)
      if path.member == "progress", let inner = path.inner {
        note(&job.foreignEdits, name, previous: job.progressMembers[inner], event.seq)
        job.progressMembers.set(inner, theirs.progressMembers[inner])
        continue
      }
      note(&job.foreignEdits, name, previous: path.text(in: job.members), event.seq)
      path.set(path.text(in: theirs.members), in: &job.members)
      if path.member == "dependsOn" { job.dependsOn = theirs.dependsOn }
      if path.member == "type" { job.type = theirs.type }
      if path.member == "result" {
        if theirs.result == nil, let rest = job.members["result"], rest == JSONObjectText.empty {
          job.members.set("result", nil)
        }
        job.result = job.members["result"]
      }
    }
    guard life != .nothing else { return }
    // No revision: a writer that has seen its own edit has seen everything.
    job.history.note(job.status, until: event.seq, life: job.lifeChecksum)
    if life == .all { job.takeLife(from: theirs) } else { job.takeStatus(from: theirs) }
  }

  /// A stale copy must not bring back members of what was replaced.
  private func noteReplaced(
    _ name: String, _ before: String?, by after: String?, of job: JobState, _ seq: UInt64
  ) {
    let new = after.flatMap { JSONObjectText.members($0) } ?? []
    for member in before.flatMap({ JSONObjectText.members($0) }) ?? []
    where new[member.name] != member.text {
      let path = MemberPath.text(name, member.name)
      note(&job.foreignEdits, path, previous: member.text, seq, isOurs: true)
    }
  }

  /// Remembers what a foreign edit replaced, so that a stale writer cannot undo it.
  private func note(
    _ edits: inout [ForeignEdit], _ name: String, previous: String?, _ seq: UInt64,
    isOurs: Bool = false
  ) {
    var edit = ForeignEdit(
      name: name, seq: seq, previous: checksum(previous), isTheirs: previous == nil)
    if let position = edits.firstIndex(where: { $0.name == name }) {
      edit.isTheirs = !isOurs && (edit.isTheirs || edits[position].isTheirs)
      edits[position] = edit
    } else {
      if edits.count >= ForeignEdit.most { edits.removeFirst() }
      edits.append(edit)
    }
  }
}

/// Of a member's value; of none at all, 0.
func checksum(_ text: String?) -> UInt32 {
  guard var text else { return 0 }
  return text.withUTF8 { CRC32C.of(UnsafeRawBufferPointer($0)) }
}
