/// What is remembered of a job that is gone, for who still asks for it.
package final class RemovedJob: Equatable {
  /// So many, the latest: a project may see any number of jobs.
  static let most = 100

  package let id: String
  package let type: String
  package let key: String?
  /// The status that it had.
  package let status: JobStatus
  package let failedItems: Int64
  /// When it had ended, in milliseconds since 1970; nil: it had not.
  package let endedMs: Int64?
  /// When it was removed.
  package let removedMs: Int64

  init(
    id: String, type: String, key: String?, status: JobStatus, failedItems: Int64,
    endedMs: Int64?, removedMs: Int64
  ) {
    (self.id, self.type, self.key, self.status) = (id, type, key, status)
    (self.failedItems, self.endedMs, self.removedMs) = (failedItems, endedMs, removedMs)
  }

  /// "job 5f1c was removed on 2026-11-27T17:11:01.000Z; it had completed".
  package var sentence: String {
    let how: Message =
      switch status {
      case .completed where failedItems > 0: "had completed, with \(failedItems) failed items"
      case .completed: "had completed"
      case .failed: "had failed"
      default: "was \(status.name)"
      }
    return Message("job \(id) was removed on \(DateText.format(removedMs)); it \(how)").text
  }

  package static func == (a: RemovedJob, b: RemovedJob) -> Bool {
    a.id.bytes == b.id.bytes && a.type.bytes == b.type.bytes && a.key?.bytes == b.key?.bytes
      && a.status == b.status && a.failedItems == b.failedItems && a.endedMs == b.endedMs
      && a.removedMs == b.removedMs
  }
}

extension State {
  func remember(_ job: JobState, removedAt time: Int64) {
    if removed.count >= RemovedJob.most { removed.removeFirst() }
    removed.append(
      RemovedJob(
        id: job.id, type: job.type, key: job.key, status: job.status,
        failedItems: Int64(job.items.failedCount), endedMs: job.completed, removedMs: time))
  }

  /// Of this id, or the only ones whose id begins so.
  func removedJob(_ id: String) -> RemovedJob? {
    if let same = removed.last(where: { $0.id.bytes == id.bytes }) { return same }
    guard let last = removed.last(where: { begins($0.id, with: id) }),
      removed.allSatisfy({ $0.id.bytes == last.id.bytes || !begins($0.id, with: id) })
    else { return nil }
    return last
  }

  /// What to say of a job that is not there.
  func notFound(_ id: String) -> JobError {
    JobError(.notFound, removedJob(id).map { Message($0.sentence) } ?? "there is no job \(id)")
  }
}
