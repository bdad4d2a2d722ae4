/// What a state file that another tool wrote means for our state. It speaks only about what its
/// writer had seen: the event number that we had put into the file it read.
struct Merge {
  let state: State
  let theirs: State
  /// The last event that the writer had seen; nil: it had not seen a file of this store.
  let seen: UInt64?

  init(_ state: State, with document: StateDocument.Decoded, epoch: StateDocument.Epoch) {
    self.state = state
    theirs = document.state
    seen = document.epoch == epoch ? document.seq : nil
  }

  /// It was published after events that our journal does not have: they were there and are gone.
  var provesLoss: Bool {
    guard let seen else { return false }
    // What is above the file's own number is no number of ours.
    return theirs.jobs.contains { $0.revision > state.seq && $0.revision <= seen }
  }

  /// In the order in which they are to happen.
  func changes() throws(JobError) -> [Change] {
    var changes: [Change] = []
    for job in theirs.jobs {
      if let ours = state.job(job.id) {
        if let change = try edit(ours, job) { changes.append(change) }
      } else if !(job.isOurs && seen != nil) {
        changes.append(.imported(job))
      }
    }
    let known = state.opaqueEntries
    for text in theirs.opaqueEntries where !known.contains(text) {
      changes.append(.importedOpaque(text))
    }
    for ours in state.jobs where theirs.job(ours.id) == nil {
      guard let seen, seen >= ours.createdSeq, ours.log == nil else { continue }
      changes.append(.removed(job: ours.id))
    }
    for name in changed(state.topMembers, theirs.topMembers, state.topEdits, except: ["jobs"]) {
      changes.append(.topEdited(name: name, text: theirs.topMembers[name]))
    }
    return changes
  }

  private func edit(_ ours: JobState, _ job: JobState) throws(JobError) -> Change? {
    guard ours.isOurs else {
      guard try text(ours) != text(job) else { return nil }
      return .edited(job, members: [], takesStatus: true)
    }
    let known = [
      "id", "type", "status", "progress", "startedAt", "updatedAt", "completedAt", "error",
      "result",
      "bgjobs",
    ]
    var members = changed(ours.members, job.members, ours.foreignEdits, except: known)
    if !job.type.isEmpty, job.type != ours.type { members.append("type") }
    let isFresh = ours.log == nil && (seen.map { $0 >= ours.revision } ?? false)
    let takesStatus = isFresh && differs(ours, job)
    guard takesStatus || !members.isEmpty else { return nil }
    return .edited(job, members: members, takesStatus: takesStatus)
  }

  /// Members whose value is theirs now. A stale writer that brings back the value which a newer
  /// foreign edit replaced does not win.
  private func changed(
    _ ours: [JSONMember], _ theirs: [JSONMember], _ edits: [ForeignEdit], except known: [String]
  ) -> [String] {
    var names: [String] = []
    for name in theirs.map({ $0.name }) + ours.map({ $0.name })
    where !known.contains(name) && !names.contains(name) && ours[name] != theirs[name] {
      if let edit = edits.first(where: { $0.name == name }), (seen ?? 0) < edit.seq,
        checksum(theirs[name]) == edit.previous
      {
        continue
      }
      names.append(name)
    }
    return names
  }

  private func text(_ job: JobState) throws(JobError) -> String {
    let buffer = Buffer()
    try StateDocument.encodeForeign(job, JSONText(buffer))
    return String(decoding: buffer.bytes, as: UTF8.self)
  }

  private func differs(_ a: JobState, _ b: JobState) -> Bool {
    a.status != b.status || a.current != b.current || a.total != b.total || a.error != b.error
      || a.result != b.result || a.completed != b.completed
      || (b.started != nil && b.started != a.started ?? a.created)
      || unknownMembers(a) != unknownMembers(b)
      || !a.currentItem.bytes.elementsEqual(b.currentItem.bytes)
      || itemsChecksum(a) != itemsChecksum(b)
  }

  /// What another tool has put into the progress.
  private func unknownMembers(_ job: JobState) -> [JSONMember] {
    job.progressMembers.filter { !StateDocument.progressOrder.contains($0.name) }
  }

  /// Their order does not count: an owner and its helpers report in two files.
  private func itemsChecksum(_ job: JobState) -> UInt64 {
    var sum: UInt64 = 0
    func mix(_ item: UnsafeRawBufferPointer, _ salt: UInt64) {
      var hash = UInt64(CRC32C.of(item)) &* 0x9e37_79b9_7f4a_7c15 ^ salt
      hash = (hash ^ hash >> 32) &* 0xd6e8_feb8_6659_fd93
      sum &+= hash ^ hash >> 29
    }
    try? job.items.forEachDone { item throws(JobError) in mix(item, 1) }
    job.items.forEachFailed { _, item throws(Never) in mix(item, 2) }
    return sum
  }
}
