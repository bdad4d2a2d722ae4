import CJansson

// What the merge must remember of other tools' edits, under `bgjobs`.
extension StateDocument {
  static func encodeOthers(of job: JobState, _ out: JSONText) {
    encode(edits: job.foreignEdits, out)
    encode(job.history, out)
    guard let refusal = job.refusal else { return }
    out.name("refused")
    out.beginObject()
    out.member("status", refusal.status)
    out.member("seq", Int64(clamping: refusal.seq))
    out.date("at", refusal.time)
    out.endObject()
  }

  static func encodeOthers(of state: FileState, _ out: JSONText) {
    encode(edits: state.topEdits, out)
    if state.hasNeighbours { out.member("neighbours", raw: "true") }
    guard state.collisions.count > 0 else { return }
    out.name("collisions")
    out.beginObject()
    out.member("count", state.collisions.count)
    out.date("last", state.collisions.last)
    out.name("jobs")
    out.beginObject()
    for entry in state.collisions.entries {
      out.member(entry.job, Int64(clamping: entry.seq))
    }
    out.endObject()
    out.endObject()
  }

  /// Each on a line: id, type, key, status, failed items, when it ended, when it went.
  static func encodeRemoved(_ state: FileState, _ out: JSONText) {
    guard !state.removed.isEmpty else { return }
    let (separator, null): (StaticString, StaticString) = (", ", "null")
    out.name("removed")
    out.beginArray()
    for job in state.removed {
      out.next()
      out.buffer.append(UInt8(ascii: "["))
      for text in [job.id, job.type, job.key, job.status.name] {
        if let text { out.string(text) } else { out.buffer.append(null) }
        out.buffer.append(separator)
      }
      out.integer(job.failedItems)
      out.buffer.append(separator)
      if let ended = job.endedMs { out.integer(ended) } else { out.buffer.append(null) }
      out.buffer.append(separator)
      out.integer(job.removedMs)
      out.buffer.append(UInt8(ascii: "]"))
    }
    out.endArray()
  }

  static func decodeRemoved(_ removed: JSONValue, _ state: FileState) {
    for position in 0..<removed.count where state.removed.count < RemovedJob.most {
      let entry = removed.at(position)
      guard let id = entry.at(0).string,
        let type = entry.at(1).string, let status = entry.at(3).string,
        let failed = entry.at(4).integer, let time = entry.at(6).integer
      else { continue }
      state.removed.append(
        RemovedJob(
          id: id, type: type, key: entry.at(2).string, status: JobStatus(name: status),
          failedItems: max(0, failed), endedMs: entry.at(5).integer, removedMs: time))
    }
  }

  private static func encode(edits: [ForeignEdit], _ out: JSONText) {
    guard !edits.isEmpty else { return }
    out.name("theirs")
    out.beginObject()
    for edit in edits {
      out.name(edit.name)
      let (seq, previous) = (Int64(clamping: edit.seq), Int64(edit.previous))
      // Where nothing was before, it is plain.
      if edit.isTheirs, previous != 0 {
        out.numbers(seq, previous, 1)
      } else {
        out.numbers(seq, previous)
      }
    }
    out.endObject()
  }

  /// On one line.
  private static func encode(_ history: StatusHistory, _ out: JSONText) {
    guard !history.entries.isEmpty else { return }
    let separator: StaticString = ", "
    out.name("was")
    out.buffer.append(UInt8(ascii: "["))
    for position in history.entries.indices {
      let entry = history.entries[position]
      if position > 0 { out.buffer.append(separator) }
      out.buffer.append(UInt8(ascii: "["))
      out.integer(Int64(clamping: entry.seq))
      out.buffer.append(separator)
      out.string(entry.status.name)
      if let life = entry.life {
        out.buffer.append(separator)
        out.integer(Int64(life))
      }
      out.buffer.append(UInt8(ascii: "]"))
    }
    out.buffer.append(UInt8(ascii: "]"))
  }

  static func decodeOthers(_ ours: JSONValue, _ job: JobState) {
    job.foreignEdits = edits(ours["theirs"])
    let was = ours["was"]
    for position in 0..<was.count {
      let entry = was.at(position)
      guard let seq = entry.at(0).unsigned, let status = entry.at(1).string else { continue }
      job.history.note(
        JobStatus(name: status), until: seq,
        life: entry.at(2).unsigned.map { UInt32(truncatingIfNeeded: $0) })
    }
    let refused = ours["refused"]
    guard let status = refused["status"].string else { return }
    job.refusal = Refusal(
      status: status, seq: refused["seq"].unsigned ?? 0,
      time: refused["at"].date ?? 0)
  }

  static func decodeOthers(_ ours: JSONValue, _ state: FileState) {
    state.topEdits = edits(ours["theirs"])
    state.hasNeighbours = ours["neighbours"].kind == JSON_TRUE
    let collisions = ours["collisions"]
    guard let count = collisions["count"].integer, count > 0 else { return }
    state.collisions.count = count
    state.collisions.last = collisions["last"].date ?? 0
    try? collisions["jobs"].forEachMember { name, seq throws(JobError) in
      guard let seq = seq.unsigned, state.collisions.entries.count < Collisions.most else { return }
      state.collisions.entries.append(Collisions.Entry(job: name, seq: seq))
    }
  }

  private static func edits(_ value: JSONValue) -> [ForeignEdit] {
    var edits: [ForeignEdit] = []
    try? value.forEachMember { name, entry throws(JobError) in
      guard edits.count < ForeignEdit.most, let seq = entry.at(0).unsigned,
        let previous = entry.at(1).unsigned
      else { return }
      edits.append(
        ForeignEdit(
          name: name, seq: seq, previous: UInt32(truncatingIfNeeded: previous),
          isTheirs: previous == 0 || entry.count > 2))
    }
    return edits
  }
}
