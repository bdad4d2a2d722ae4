/// The last changes of a job's status, for the merge: what a writer that has not seen them believes.
struct StatusHistory: Equatable {
  final class Entry: Equatable {
    /// Up to this event, exclusive, the job had the status.
    let seq: UInt64
    let status: JobStatus
    /// Another tool made the change: the checksum of all that it replaced. nil: one of ours.
    let life: UInt32?

    init(seq: UInt64, status: JobStatus, life: UInt32?) {
      (self.seq, self.status, self.life) = (seq, status, life)
    }

    static func == (a: Entry, b: Entry) -> Bool {
      a.seq == b.seq && a.status == b.status && a.life == b.life
    }
  }

  /// More than a writer can miss that reads and writes at once; more would make the file larger.
  static let most = 8

  private(set) var entries: [Entry] = []

  mutating func note(_ status: JobStatus, until seq: UInt64, life: UInt32? = nil) {
    if entries.count >= Self.most { entries.removeFirst() }
    entries.append(Entry(seq: seq, status: status, life: life))
  }

  /// Only other tools have made the changes that are remembered.
  @inline(never)
  var isOthersOnly: Bool {
    for entry in entries where entry.life == nil { return false }
    return true
  }

  /// What happened behind `seen`. nil: more than is remembered.
  func changes(since seen: UInt64) -> [Entry]? {
    if entries.count >= Self.most, entries[0].seq > seen { return nil }
    var changes: [Entry] = []
    for entry in entries where !changes.isEmpty || entry.seq > seen { changes.append(entry) }
    return changes
  }
}

/// A status that another tool gave a job in vain, because its owner lives.
final class Refusal {
  let status: String
  let seq: UInt64
  /// Milliseconds since 1970.
  let time: Int64

  init(status: String, seq: UInt64, time: Int64) {
    (self.status, self.seq, self.time) = (status, seq, time)
  }
}
