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
    var name: String { Message("background-jobs.d/\(LogFormat.name(log))").text }
  }

  /// A pack of which a text is damaged.
  struct DamagedPack {
    var number: UInt64
    var why: Message
    var name: String { Message("background-jobs.d/\(Pack.name(number))").text }
  }

  private(set) var entries: [Entry] = []
  private(set) var packs: [DamagedPack] = []
  var hasPacks: Bool { !packs.isEmpty }
  var isEmpty: Bool { entries.isEmpty && packs.isEmpty }

  /// `job`: that is taken from the state file instead.
  mutating func note(pack number: UInt64, at offset: Int64, _ job: String?) {
    if packs.contains(where: { $0.number == number }) { return }
    let rest: Message =
      job.map { "job \($0) is taken from the state file" } ?? "what it says is lost"
    packs.append(DamagedPack(number: number, why: "byte \(offset): a text is damaged; \(rest)"))
  }

  mutating func note(_ job: JobState, _ position: LogPosition, _ end: LogEnd) {
    entries.append(
      Entry(job: job.id, log: position.number, left: position.index, had: end.records))
  }

  /// A damaged file was told.
  mutating func forget(_ name: String) {
    entries.removeAll { $0.name.bytes == name.bytes }
    packs.removeAll { $0.name.bytes == name.bytes }
  }

  mutating func forgetAll() { (entries, packs) = ([], []) }
}
