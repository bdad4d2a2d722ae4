/// Edits that were displaced by a publication and taken in late.
struct Collisions: Equatable {
  final class Entry: Equatable {
    let job: String
    /// Who has not seen this event has not seen the edit.
    let seq: UInt64

    init(job: String, seq: UInt64) { (self.job, self.seq) = (job, seq) }

    static func == (a: Entry, b: Entry) -> Bool {
      a.job.bytes == b.job.bytes && a.seq == b.seq
    }
  }

  static let most = 16

  var count: Int64 = 0
  /// Milliseconds since 1970.
  var last: Int64 = 0
  /// The jobs of the last ones.
  var entries: [Entry] = []

  mutating func note(_ jobs: [String], _ moment: Moment) {
    count = count.clampedAdding(1)
    last = moment.time
    for job in jobs {
      var others: [Entry] = []
      for entry in entries where entry.job.bytes != job.bytes { others.append(entry) }
      if others.count >= Self.most { others.removeFirst() }
      others.append(Entry(job: job, seq: moment.seq))
      entries = others
    }
  }

  /// 0: none of this job.
  func seq(of job: String) -> UInt64 { entries.first { $0.job.bytes == job.bytes }?.seq ?? 0 }
}
