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
    try out.beginObject()
    var hasJobs = false
    for member in state.topMembers where member.name.bytes != "bgjobs" {
      if member.name.bytes == "jobs" {
        hasJobs = true
        try encodeJobs(state, withJobs, out)
      } else {
        try out.member(member.name, raw: member.text)
      }
    }
    if !hasJobs, withJobs { try encodeJobs(state, true, out) }
    try encodeTop(state, epoch, out)
    try out.endObject()
  }

  private static func encodeJobs(
    _ state: FileState, _ withJobs: Bool, _ out: JSONText
  ) throws(JobError) {
    try out.name("jobs")
    try out.beginArray()
    for position in state.entries.indices where withJobs {
      switch state.entries[position] {
      case .job(let job):
        try out.next()
        try encode(job, out)
      case .stored(let entry):
        if let text = try state.shelf?.text(of: entry) {
          try out.next()
          try out.buffer.append(text)
        } else if let job = try state.shelf?.job(entry) {
          try out.next()
          try encode(job, out)
        }
      case .opaque(let text):
        try out.next()
        try out.raw(text)
      }
    }
    try out.endArray()
  }

  private static func encodeTop(_ state: FileState, _ epoch: Epoch, _ out: JSONText)
    throws(JobError)
  {
    try out.name("bgjobs")
    try out.beginObject()
    try out.member("format", format(of: state))
    try out.name("epoch")
    try out.buffer.append(UInt8(ascii: "\""))
    try out.hexadecimal(epoch.high)
    try out.hexadecimal(epoch.low)
    try out.buffer.append(UInt8(ascii: "\""))
    try out.member("seq", Int64(clamping: state.seq))
    try out.name("logs")
    try out.beginArray()
    for case .job(let job) in state.entries {
      guard let log = job.log else { continue }
      try out.next()
      try out.numbers(
        Int64(clamping: log.number), Int64(clamping: log.index), log.offset,
        Int64(clamping: log.synced), log.sum.map { Int64($0) } ?? -1)
    }
    try out.endArray()
    if !state.setAside.isEmpty {
      try out.name("setAside")
      try out.beginObject()
      for file in state.setAside { try out.member(file.name, file.text) }
      try out.endObject()
    }
    try encodeRemoved(state, out)
    try encodeQueue(of: state, out)
    try encodeOthers(of: state, out)
    try out.endObject()
  }
}
