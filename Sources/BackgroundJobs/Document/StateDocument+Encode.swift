/// The state file's text, which is also the journal's snapshot.
struct StateDocument {
  /// The newest that we know.
  static let format: Int64 = 2

  /// Random, for the store's life; tells files of this store from copies of others.
  struct Epoch: Equatable {
    var high: UInt64
    var low: UInt64
  }

  /// `withJobs`: else its list of jobs is empty, as what a snapshot begins with.
  static func encode(
    _ state: FileState, epoch: Epoch, withJobs: Bool = true, into out: JSONText
  ) throws(JobError) {
    out.beginObject()
    var hasJobs = false
    for member in state.topMembers where member.name.bytes != "bgjobs" {
      if member.name.bytes == "jobs" {
        hasJobs = true
        try encodeJobs(state, withJobs, out)
      } else {
        out.member(member.name, raw: member.text)
      }
    }
    if !hasJobs, withJobs { try encodeJobs(state, true, out) }
    encodeTop(state, epoch, out)
    out.endObject()
  }

  private static func encodeJobs(
    _ state: FileState, _ withJobs: Bool, _ out: JSONText
  ) throws(JobError) {
    out.name("jobs")
    out.beginArray()
    for position in state.entries.indices where withJobs {
      switch state.entries[position] {
      case .job(let job):
        out.next()
        try encode(job, out)
      case .stored(let entry):
        if let text = try state.shelf?.text(of: entry) {
          out.next()
          out.buffer.append(text)
        } else if let job = try state.shelf?.job(entry) {
          out.next()
          try encode(job, out)
        }
      case .opaque(let text):
        out.next()
        out.raw(text)
      }
    }
    out.endArray()
  }

  private static func encodeTop(_ state: FileState, _ epoch: Epoch, _ out: JSONText) {
    out.name("bgjobs")
    out.beginObject()
    out.member("format", format(of: state))
    out.name("epoch")
    out.buffer.append(UInt8(ascii: "\""))
    out.hexadecimal(epoch.high)
    out.hexadecimal(epoch.low)
    out.buffer.append(UInt8(ascii: "\""))
    out.member("seq", Int64(clamping: state.seq))
    out.name("logs")
    out.beginArray()
    for case .job(let job) in state.entries {
      for log in job.logs {
        out.next()
        out.numbers(
          Int64(clamping: log.number), Int64(clamping: log.index), log.offset,
          Int64(clamping: log.synced), log.sum.map { Int64($0) } ?? -1)
      }
    }
    out.endArray()
    if !state.setAside.isEmpty {
      out.name("setAside")
      out.beginObject()
      for file in state.setAside { out.member(file.name, file.text) }
      out.endObject()
    }
    encodeRemoved(state, out)
    encodeQueue(of: state, out)
    encodeOthers(of: state, out)
    out.endObject()
  }
}
