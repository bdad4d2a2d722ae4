/// The jobs of a store of files: with what only such a store knows of, and what other tools write into
/// its document.
final class FileState: State {
  /// Of the file that it was read from; 0: none of ours.
  var format: Int64 = 0
  var topMembers: [JSONMember] = []
  var topEdits: [ForeignEdit] = []
  var collisions = Collisions()
  /// Another tool has written into the state file, once at least.
  var hasNeighbours = false
  /// Damaged files that were set aside: name and reason.
  var setAside: [JSONMember] = []
  var publication = Publication()
  /// Whether the journal that holds this has a durable name.
  var isNamed = false
  /// The last event that the readers of the state file are to see.
  var lastNews: UInt64 = 0
  /// Milliseconds since 1970 of the first transition that they have not seen.
  var unseenTransition: Int64?

  var isUnpublished: Bool { lastNews > publication.paid }

  /// PROTOCOL R3: what was written, as each reader of it sees it.
  func apply(_ change: Change, at moment: Moment) throws(JobError) {
    if change.isOthers { (hasNeighbours, mayOwe) = (true, true) }
    switch change {
    case .job(let id, let change): try apply(change, to: id, at: moment)
    case .store(let change): try apply(change, at: moment)
    case .queue(let change): apply(change, at: moment)
    }
    if let id = change.jobID { known(id)?.entry = nil }
  }

  private func apply(_ change: StoreChange, at moment: Moment) throws(JobError) {
    defer { seq = moment.seq }
    switch change {
    case .rolled(let id, _, let salt, let worker):
      guard let job = try job(id) else { return }
      job.roll(to: moment.seq, salt, worker)
      job.touch(moment)
    case .imported(let job):
      job.createdSeq = moment.seq
      add(job)
    case .importedOpaque(let text): addOpaque(text)
    case .removedOpaque(let text): removeOpaque(text)
    case .edited(let theirs, let members, let life):
      guard let job = try job(theirs.id) else { return }
      edit(job, from: theirs, members: members, life, moment)
      line = nil
    case .topEdited(let name, let text):
      let path = MemberPath(name)
      note(&topEdits, name, previous: path.text(in: topMembers), moment.seq)
      path.set(text, in: &topMembers)
    case .adopted(let id, let done, let failed):
      try job(id)?.adopt(done, failed, at: moment.time)
    case .refused(let id, let status):
      try job(id)?.refusal = Refusal(status: status, seq: moment.seq, time: moment.time)
    case .collided(let ids): collisions.note(ids, moment)
    case .setAside(let name, let why): setAside.set(name, why)
    case .named: isNamed = true
    case .published(let publication):
      self.publication = publication
      if !isUnpublished { unseenTransition = nil }
    }
  }

  private func edit(
    _ job: JobState, from theirs: JobState, members: [String], _ life: Life, _ moment: Moment
  ) {
    guard job.isOurs else { return job.replace(by: theirs) }
    // The typed value wins, and a member of it is to be changed.
    job.members.set("result", job.result)
    for name in members {
      let path = MemberPath(name)
      if path.member.bytes == "progress", let inner = path.inner {
        note(&job.foreignEdits, name, previous: job.progressMembers[inner], moment.seq)
        job.progressMembers.set(inner, theirs.progressMembers[inner])
        continue
      }
      note(&job.foreignEdits, name, previous: path.text(in: job.members), moment.seq)
      path.set(path.text(in: theirs.members), in: &job.members)
      // What is no list says nothing of what it needs.
      if path.member.bytes == "dependsOn",
        theirs.members["dependsOn"].map({ begins($0, with: "[") }) ?? true
      {
        job.dependsOn = theirs.dependsOn
        job.after = job.after.filter { theirs.dependsOn.has($0.needs) }
      }
      if path.member.bytes == "type" { job.type = theirs.type }
      if path.member.bytes == "result" {
        if theirs.result == nil, let rest = job.members["result"],
          rest.bytes == JSONObjectText.empty.bytes
        {
          job.members.set("result", nil)
        }
        job.result = job.members["result"]
      }
    }
    guard life != .nothing else { return }
    // No revision: a writer that has seen its own edit has seen everything.
    job.history.note(job.status, until: moment.seq, life: job.lifeChecksum)
    if life == .all { job.takeLife(from: theirs) } else { job.takeStatus(from: theirs) }
  }
}
