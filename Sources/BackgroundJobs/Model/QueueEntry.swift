/// How a job stands in the queue, since it was put up for whoever claims one. A class, for what a job
/// has of it is one pointer. It is never changed, but for a copy that nobody has seen yet.
final class QueueEntry {
  static let mostPriority: Int64 = 1000
  static let mostAttempts: Int64 = 1000
  static let mostBackoff: Int64 = 31 * 86_400_000
  /// When so many processes have ended while they worked on a job, with no report between, and the last
  /// one began so many milliseconds after the first or later, it waits for somebody to look at it.
  /// Whoever kills workers at random meets a job five times in a row, too, but not for a minute.
  static let mostDeaths: Int64 = 5
  static let deathSpan: Int64 = 60_000

  /// -1000 to 1000, higher first.
  var priority: Int64 = 0
  /// Not before, in milliseconds since 1970; 0: at any time.
  var notBefore: Int64 = 0
  /// Jobs of one lane share a limit; nil: it is in none.
  var lane: String?
  /// When it was put up, in milliseconds since 1970.
  var since: Int64
  /// How often it may be tried in all.
  var attempts: Int64 = 1
  /// Milliseconds to wait after its first failure; twice as long after each other one, up to the
  /// second.
  var backoff: Int64 = 1000
  var mostBackoff: Int64 = 3_600_000
  /// How often it has failed.
  var failures: Int64 = 0
  /// When it is tried again, in milliseconds since 1970; 0: it does not wait for that.
  var retryAt: Int64 = 0
  /// How many processes have ended while they worked on it, with no report between.
  var deaths: Int64 = 0
  /// When the first of these began, in milliseconds since 1970.
  var firstDead: Int64 = 0

  init(since: Int64) { self.since = since }

  func copy() -> QueueEntry {
    let copy = QueueEntry(since: since)
    (copy.priority, copy.notBefore, copy.lane) = (priority, notBefore, lane)
    (copy.attempts, copy.backoff, copy.mostBackoff) = (attempts, backoff, mostBackoff)
    (copy.failures, copy.retryAt) = (failures, retryAt)
    (copy.deaths, copy.firstDead) = (deaths, firstDead)
    return copy
  }

  /// One more has ended, which began then.
  func afterDeath(begun: Int64) -> QueueEntry {
    let copy = copy()
    if deaths == 0 { copy.firstDead = begun }
    copy.deaths = deaths.clampedAdding(1)
    return copy
  }

  /// `begun`: when the last one began.
  func isPoison(begun: Int64) -> Bool {
    deaths >= Self.mostDeaths && begun.clampedAdding(-firstDead) >= Self.deathSpan
  }

  /// Of what somebody asks for; the rest happens to it.
  func isSame(as other: QueueEntry) -> Bool {
    priority == other.priority && notBefore == other.notBefore && since == other.since
      && attempts == other.attempts && backoff == other.backoff && mostBackoff == other.mostBackoff
      && retryAt == other.retryAt && lane?.bytes == other.lane?.bytes
  }

  /// Smallest first. It does not change while time passes: who waits long is overtaken by nobody who
  /// came so much later, so nothing starves. `worth`: milliseconds of waiting that a level of priority
  /// is worth. A failure does not change it either.
  /// What a clock that was ahead has put up counts as put up now.
  func rank(_ worth: Int64, at now: Int64) -> Int64 {
    max(min(since, now), notBefore) &- priority &* worth
  }

  /// When to try it once more after a failure; nil: this was the last attempt. Half of the wait is
  /// random, so that those that failed together do not come back together.
  func retry(at now: Int64, random: UInt64) -> Int64? {
    guard failures + 1 < attempts else { return nil }
    var wait = backoff
    for _ in 0..<failures where wait < mostBackoff { wait *= 2 }
    wait = min(wait, mostBackoff)
    return now.clampedAdding(wait - Int64(random % UInt64(wait / 2 + 1)))
  }
}

/// What is asked of the entry of a job; nil: as it is.
package final class QueueRequest {
  package var priority: Int64?
  package var notBefore: Int64?
  /// "": in none.
  package var lane: String?
  package var attempts: Int64?
  package var backoff: Int64?
  package var mostBackoff: Int64?

  package init() {}

  func check() throws(JobError) {
    let mostPriority = QueueEntry.mostPriority
    try require(priority, "priority", -mostPriority, mostPriority)
    try require(
      notBefore, "the time not before which it starts, in ms since 1970,", 0, .largestJSON)
    try require(attempts, "attempts", 1, QueueEntry.mostAttempts)
    try require(backoff, "the wait in ms", 0, QueueEntry.mostBackoff)
    try require(mostBackoff, "the longest wait in ms", 0, QueueEntry.mostBackoff)
    guard let lane, !lane.isEmpty else { return }
    try withBytes(of: lane) { bytes throws(JobError) in try Limits.checkName(bytes, "the lane") }
  }

  @inline(never)
  private func require(
    _ number: Int64?, _ what: StaticString, _ least: Int64, _ most: Int64
  ) throws(JobError) {
    guard let number, number < least || number > most else { return }
    throw JobError(.invalid, "\(what) is \(number); it must be \(least) to \(most)")
  }

  func entry(_ before: QueueEntry?, at now: Int64) -> QueueEntry {
    let entry = before?.copy() ?? QueueEntry(since: now)
    entry.since = min(entry.since, now)
    if let priority { entry.priority = priority }
    // Who says when also says so of the next attempt.
    if let notBefore { (entry.notBefore, entry.retryAt) = (notBefore, 0) }
    if let lane { entry.lane = lane.isEmpty ? nil : lane }
    if let attempts { entry.attempts = attempts }
    if let backoff { entry.backoff = backoff }
    if let mostBackoff { entry.mostBackoff = mostBackoff }
    return entry
  }
}
