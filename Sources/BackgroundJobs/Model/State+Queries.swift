import CPosix

// Which jobs are meant by a key, by the beginning of an id, and by a clean-up.
extension State {
  func unfinished(_ type: String, _ key: String) -> JobState? {
    jobs.first {
      $0.key?.bytes == key.bytes && $0.type.bytes == type.bytes && !$0.status.isFinished
    }
  }

  func unusedID() -> String {
    while true {
      let id = hex(randomBits() & 0xffff_ffff, digits: 8)
      if job(id) == nil { return id }
    }
  }

  func find(_ id: String) throws(JobError) -> String {
    if job(id) != nil { return id }
    let matches = jobs.filter { begins($0.id, with: id) }
    guard let first = matches.first else { throw notFound(id) }
    guard matches.count == 1 else {
      var some = Message(first.id)
      for match in matches.dropFirst().prefix(3) { some = "\(some), \(match.id)" }
      throw JobError(
        .ambiguous,
        "\(id) is the beginning of \(matches.count) ids: \(some)"
          + (matches.count > 4 ? ", …" : ""))
    }
    return first.id
  }

  func removals(keep: Int, _ includingFailed: Bool) -> [JobState] {
    removals(keep: keep) {
      includingFailed ? $0.status.isFinished : $0.status == .completed && !$0.hasWarnings
    }
  }

  /// What goes when a job completes.
  func oldJobs(_ options: StorageOptions, now: Int64) -> [JobState] {
    guard let keep = options.keepCompleted, let seconds = options.keepFor else { return [] }
    let limit = now.clampedAdding(-seconds.clampedSeconds)
    let old = removals(keep: keep) { $0.status == .completed && !$0.hasWarnings && $0.isOurs }
    return old.filter { $0.endedMs <= limit }
  }

  /// The oldest of these jobs beyond `keep` that no other job needs.
  func removals(keep: Int, _ isCandidate: (JobState) -> Bool) -> [JobState] {
    let jobs = self.jobs
    let finished = jobs.filter { $0.owner == nil && isCandidate($0) }
    guard finished.count > max(0, keep) else { return [] }
    var ranks = finished.indices.map { index in
      cposix_rank(key: finished[index].endedMs, index: UInt32(clamping: index))
    }
    cposix_sort(&ranks, ranks.count)
    var removals: [JobState] = []
    for rank in ranks.prefix(finished.count - max(0, keep)) {
      let job = finished[Int(rank.index)]
      let isNeeded = jobs.contains { other in
        other !== job && other.dependsOn.contains { $0.bytes == job.id.bytes }
      }
      if !isNeeded { removals.append(job) }
    }
    return removals
  }
}

extension JobState {
  /// For the order of those that have ended.
  var endedMs: Int64 { completed ?? updated ?? 0 }
}
