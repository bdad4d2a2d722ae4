/// All jobs, folded from events. A pure function of them: whoever applies the same events in the
/// same order gets the same state.
class State {
  /// Entries of the job list, in the file's order; what is no job of any kind we know stays as
  /// text.
  enum Entry {
    case job(JobState)
    /// It comes into memory when it is asked for.
    case stored(Int)
    indirect case opaque(String)
  }

  final private(set) var entries: [Entry] = []
  /// Those in memory, by their ids.
  final private var index = ObjectTable { checksum(unsafeDowncast($0, to: JobState.self).id) }
  /// The last event that is in it.
  final var seq: UInt64 = 0
  /// Oldest first.
  final var removed: [RemovedJob] = []
  final var providers: [Provider] = []
  final var limits: [QueueLimit] = []
  /// So many milliseconds of waiting a level of priority is worth; negative: any time.
  final var worth = usualWorth { didSet { line = nil } }
  /// Whether something may follow from ends, for which there is no event yet.
  final var mayOwe = true
  /// Those of the queue; nil: it is made anew when somebody asks.
  final var line: Line?
  /// Where the stored ones are.
  final var shelf: JobShelf?

  static let usualWorth: Int64 = 600_000
  /// Longer than any job waits.
  static let strictWorth: Int64 = 1 << 43

  init() {}

  // MARK: Jobs

  /// One in memory, as every job is that has an owner.
  final func known(_ id: String) -> JobState? {
    index.find(checksum(id)) { unsafeDowncast($0, to: JobState.self).id.bytes == id.bytes }
      .map { unsafeDowncast($0, to: JobState.self) }
  }

  final func job(_ id: String) throws(JobError) -> JobState? {
    if let job = known(id) { return job }
    var from = 0
    while let entry = shelf?.find(id, from: from) {
      from = entry + 1
      let position = entries.firstIndex { if case .stored(entry) = $0 { true } else { false } }
      if let position, let job = try load(at: position), job.id.bytes == id.bytes { return job }
    }
    return nil
  }

  /// Those in memory.
  final var known: [JobState] {
    var all: [JobState] = []
    for case .job(let job) in entries { all.append(job) }
    return all
  }

  /// Those in memory, and stored ones that are wanted.
  final func jobs(
    _ isWanted: (StoredJob) -> Bool = { _ in true }
  ) throws(JobError) -> [JobState] {
    var all: [JobState] = []
    var position = 0
    while position < entries.count {
      switch entries[position] {
      case .job(let job): all.append(job)
      case .stored(let entry) where shelf.map({ isWanted($0[entry]) }) ?? false:
        guard let job = try load(at: position) else { continue }
        all.append(job)
      case .stored, .opaque: break
      }
      position += 1
    }
    return all
  }

  /// nil: it is lost, and the next entry is in its place.
  final func load(at position: Int) throws(JobError) -> JobState? {
    if case .job(let job) = entries[position] { return job }
    guard case .stored(let entry) = entries[position] else { return nil }
    guard let job = try shelf?.job(entry) else {
      entries.remove(at: position)
      return nil
    }
    enter(job)
    entries[position] = .job(job)
    return job
  }

  @inline(never)
  final private func enter(_ job: JobState) {
    index.put(job) { unsafeDowncast($0, to: JobState.self).id.bytes == job.id.bytes }
  }

  /// What is known of an entry without bringing it into memory; nil: it is no job.
  final func facts(at position: Int) -> StoredJob? {
    switch entries[position] {
    case .job(let job): StoredJob(job)
    case .stored(let entry): shelf?[entry]
    case .opaque: nil
    }
  }

  /// Another object for a job that is in memory; nothing of it is stored.
  final func replace(by job: JobState) {
    line = nil
    (job.entry, job.itemsName) = (nil, 0)
    enter(job)
    for position in entries.indices {
      if case .job(let other) = entries[position], other.id.bytes == job.id.bytes {
        entries[position] = .job(job)
      }
    }
  }

  /// The same entries, stored elsewhere.
  final func take(_ entries: [Entry], on shelf: JobShelf?) {
    line = nil
    (self.entries, self.shelf) = (entries, shelf)
    for case .job(let job) in entries { enter(job) }
  }

  final var opaqueEntries: [String] {
    var all: [String] = []
    for case .opaque(let text) in entries { all.append(text) }
    return all
  }

  final func add(_ job: JobState) {
    let isNew = known(job.id) == nil
    enter(job)
    if isNew { entries.append(.job(job)) }
  }

  final func addOpaque(_ text: String) { entries.append(.opaque(text)) }

  final func removeOpaque(_ text: String) {
    let position = entries.firstIndex { entry in
      if case .opaque(let other) = entry { other.bytes == text.bytes } else { false }
    }
    if let position { entries.remove(at: position) }
  }

  final private func remove(_ job: JobState) {
    job.isRemoved = true
    index.remove(checksum(job.id)) { $0 === job }
    entries.removeAll {
      if case .job(let other) = $0 { return other === job }
      return false
    }
  }

  // MARK: The one place where jobs change

  final func apply(_ change: JobChange, to id: String, at moment: Moment) throws(JobError) {
    defer { seq = moment.seq }
    if case .created(let new) = change { return create(new, id, moment) }
    guard let job = try job(id) else { return }
    let (before, result) = (job.status, job.result)
    let place = job.isQueued ? job.queue : nil
    switch change {
    case .completed, .failed, .attempted, .retried, .removed, .needs, .reinstated, .resumed:
      mayOwe = true
    default: break
    }
    var config: String?
    if case .configured = change { config = job.members["config"] }
    if case .removed = change {
      remember(job, removedAt: moment.time)
      if place != nil { line = nil }
      return remove(job)
    }
    var needed: String?
    if case .needs = change {
      needed = job.members["dependsOn"]
      line = nil
    }
    try job.apply(change, at: moment)
    keepInLine(job, before: place)
    if case .needs = change {
      note(&job.foreignEdits, "dependsOn", previous: needed, moment.seq, isOurs: true)
    }
    if job.result?.bytes != result?.bytes {
      noteReplaced("result", result, by: job.result, of: job, moment.seq)
    }
    if case .configured(let new) = change {
      noteReplaced("config", config, by: new, of: job, moment.seq)
    }
    if job.status != before { job.history.note(before, until: moment.seq) }
    job.touch(moment)
  }

  final private func create(_ new: NewJob, _ id: String, _ moment: Moment) {
    let job = JobState(id: id, type: new.type, status: .pending)
    job.key = new.key
    job.total = new.total
    job.created = moment.time
    job.members = [JSONMember(name: "config", text: new.config)]
    job.createdSeq = moment.seq
    job.touch(moment)
    add(job)
  }

  /// A stale copy must not bring back members of what was replaced.
  final private func noteReplaced(
    _ name: String, _ before: String?, by after: String?, of job: JobState, _ seq: UInt64
  ) {
    let new = after.flatMap { JSONObjectText.members($0) } ?? []
    for member in before.flatMap({ JSONObjectText.members($0) }) ?? []
    where new[member.name]?.bytes != member.text.bytes {
      let path = MemberPath.text(name, member.name)
      note(&job.foreignEdits, path, previous: member.text, seq, isOurs: true)
    }
  }

  /// Remembers what a foreign edit replaced, so that a stale writer cannot undo it.
  final func note(
    _ edits: inout [ForeignEdit], _ name: String, previous: String?, _ seq: UInt64,
    isOurs: Bool = false
  ) {
    let position = edits.firstIndex { $0.name.bytes == name.bytes }
    var isTheirs = previous == nil
    if let position { isTheirs = !isOurs && (isTheirs || edits[position].isTheirs) }
    let edit = ForeignEdit(
      name: name, seq: seq, previous: checksum(previous), isTheirs: isTheirs)
    if let position {
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
