/// How a job stands in the queue, since it was put up for whoever claims one. A class, for what a job
/// has of it is one pointer.
final class QueueEntry {
  static let mostPriority: Int64 = 1000

  /// -1000 to 1000, higher first.
  let priority: Int64
  /// Not before, in milliseconds since 1970; 0: at any time.
  let notBefore: Int64
  /// Jobs of one lane share a limit; nil: it is in none.
  let lane: String?
  /// When it was put up, in milliseconds since 1970.
  let since: Int64

  init(priority: Int64, notBefore: Int64, lane: String?, since: Int64) {
    (self.priority, self.notBefore) = (priority, notBefore)
    (self.lane, self.since) = (lane, since)
  }

  func isSame(as other: QueueEntry) -> Bool {
    priority == other.priority && notBefore == other.notBefore && since == other.since
      && lane?.bytes == other.lane?.bytes
  }

  /// Smallest first. It does not change while time passes: who waits long is overtaken by nobody who
  /// came so much later, so nothing starves. `worth`: milliseconds of waiting that a level of priority
  /// is worth.
  /// What a clock that was ahead has put up counts as put up now.
  func rank(_ worth: Int64, at now: Int64) -> Int64 {
    max(min(since, now), notBefore) &- priority &* worth
  }
}

/// What is asked of the entry of a job; nil: as it is.
package struct QueueRequest {
  package var priority: Int64?
  package var notBefore: Int64?
  /// "": in none.
  package var lane: String?

  package init() {}

  func entry(_ before: QueueEntry?, at now: Int64) -> QueueEntry {
    let lane = lane ?? before?.lane
    return QueueEntry(
      priority: priority ?? before?.priority ?? 0, notBefore: notBefore ?? before?.notBefore ?? 0,
      lane: lane?.isEmpty ?? true ? nil : lane, since: min(before?.since ?? now, now))
  }
}
