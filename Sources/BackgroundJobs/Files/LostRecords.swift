/// Closed logs of which less was read than they had: damage that nobody has told yet.
struct LostRecords {
  struct Entry {
    var job: String
    var log: UInt64
    var left: UInt64
    var had: UInt64

    /// What is told of it.
    var finding: Message {
      left < had
        ? "\(left) of \(had) records of job \(job) are left"
        : "the records of job \(job) are not those that were written"
    }

    /// Under which a damaged log is told.
    var name: String { LostRecords.name(of: LogFormat.name(log)) }
  }

  static func name(of file: String) -> String { Message("background-jobs.d/\(file)").text }

  private(set) var entries: [Entry] = []
  /// Damaged files that a snapshot refers to, and why.
  private(set) var parts: [JSONMember] = []
  var isEmpty: Bool { entries.isEmpty && parts.isEmpty }

  func has(_ part: String) -> Bool { parts[part] != nil }

  mutating func note(_ part: String, _ why: String) {
    if !has(part) { parts.append(JSONMember(name: part, text: why)) }
  }

  mutating func note(_ job: JobState, _ position: LogPosition, _ end: LogEnd) {
    entries.append(
      Entry(job: job.id, log: position.number, left: position.index, had: end.records))
  }

  /// A damaged file was told.
  mutating func forget(_ name: String) {
    entries.removeAll { $0.name.bytes == name.bytes }
    parts = parts.filter { Self.name(of: $0.name).bytes != name.bytes }
  }

  mutating func forgetAll() { (entries, parts) = ([], []) }
}
