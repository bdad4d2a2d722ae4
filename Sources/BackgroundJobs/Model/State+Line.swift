// The jobs of the queue in their order, kept from one claim to the next.
extension State {
  /// They are in it: who comes in, goes, or is given another place changes it.
  final class Line {
    fileprivate(set) var jobs: [JobState] = []
    /// How many of them need others: then their order depends on that as well.
    fileprivate var needing = 0
    /// The latest time at which one was put up.
    fileprivate var latest: Int64 = .min
  }

  /// nil: their order depends on who needs whom, or a clock was ahead.
  final func line(at now: Int64) throws(JobError) -> [JobState]? {
    if line == nil {
      let line = Line()
      for job in try jobs({ $0.has(StoredJob.isQueued) }) where job.isQueued {
        insert(job, into: line)
      }
      self.line = line
    }
    guard let line, line.needing == 0, line.latest <= now else { return nil }
    return line.jobs
  }

  private func isBefore(_ one: JobState, _ other: JobState) -> Bool {
    let (rank, others) = (ownRank(of: one), ownRank(of: other))
    return rank == others ? one.createdSeq < other.createdSeq : rank < others
  }

  private func ownRank(of job: JobState) -> Int64 {
    job.queue?.rank(worth < 0 ? Self.strictWorth : worth, at: .max) ?? .max
  }

  /// A change has happened to it; `before`: how it stood in the queue.
  final func keepInLine(_ job: JobState, before: QueueEntry?) {
    guard let line, job.isQueued != (before != nil) || job.queue !== before else { return }
    if before != nil, let place = line.jobs.firstIndex(where: { $0 === job }) {
      line.jobs.remove(at: place)
      if !job.dependsOn.isEmpty { line.needing -= 1 }
    }
    if job.isQueued { insert(job, into: line) }
  }

  private func insert(_ job: JobState, into line: Line) {
    var (low, high) = (0, line.jobs.count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(line.jobs[middle], job) { low = middle + 1 } else { high = middle }
    }
    line.jobs.insert(job, at: low)
    if !job.dependsOn.isEmpty { line.needing += 1 }
    line.latest = max(line.latest, job.queue?.since ?? .min)
  }
}
