import CPosix

// Which jobs are meant by a key, by the beginning of an id, and by a clean-up.
extension State {
  func unfinished(_ type: String, _ key: String) throws(JobError) -> JobState? {
    let (typeSum, keySum) = (checksum(type), checksum(key))
    let jobs = try jobs {
      $0.key_sum == keySum && $0.type_sum == typeSum && !$0.isOne(of: .finished)
    }
    return jobs.first {
      $0.key?.bytes == key.bytes && $0.type.bytes == type.bytes && !$0.status.isFinished
    }
  }

  func unusedID() throws(JobError) -> String {
    while true {
      let id = hex(randomBits() & 0xffff_ffff, digits: 8)
      if try job(id) == nil { return id }
    }
  }

  func find(_ id: String) throws(JobError) -> String {
    if try job(id) != nil { return id }
    let matches = try jobs { $0.mayBegin(with: id) }.filter { begins($0.id, with: id) }
    guard let first = matches.first else { throw notFound(id) }
    guard matches.count == 1 else {
      var some = Message(first.id)
      for place in 1..<min(4, matches.count) { some = "\(some), \(matches[place].id)" }
      throw JobError(
        .ambiguous,
        "\(id) is the beginning of \(matches.count) ids: \(some)"
          + (matches.count > 4 ? ", …" : ""))
    }
    return first.id
  }

  func removals(keep: Int, _ includingFailed: Bool) throws(JobError) -> [JobState] {
    try removals(keep: keep) {
      includingFailed
        ? $0.isOne(of: .finished)
        : $0.isOne(of: .completed) && !$0.has(StoredJob.hasWarnings)
    }
  }

  /// What goes when a job completes.
  func oldJobs(_ options: StorageOptions, now: Int64) throws(JobError) -> [JobState] {
    guard let keep = options.keepCompleted, let seconds = options.keepFor else { return [] }
    let limit = now.clampedAdding(-seconds.clampedSeconds)
    return try removals(keep: keep, endedBy: limit) {
      $0.isOne(of: .completed) && !$0.has(StoredJob.hasWarnings) && $0.has(StoredJob.isOurs)
    }
  }

  /// The oldest of these jobs beyond `keep` that no other job needs.
  private func removals(
    keep: Int, endedBy limit: Int64 = .max, _ isCandidate: (StoredJob) -> Bool
  ) throws(JobError) -> [JobState] {
    var ranks: [cposix_rank] = []
    for position in entries.indices {
      if case .job(let job) = entries[position], !job.status.isFinished { continue }
      guard let facts = facts(at: position), !facts.has(StoredJob.hasOwner), isCandidate(facts)
      else { continue }
      ranks.append(cposix_rank(key: facts.ended, index: UInt32(clamping: position)))
    }
    guard ranks.count > max(0, keep) else { return [] }
    cposix_sort(&ranks, ranks.count)
    let count = entries.count
    let needing = try jobs {
      $0.has(StoredJob.hasDependencies) && !$0.isOne(of: .completed)
    }.filter { !$0.status.isFinished || $0.isFailedByNeed }
    // One that is lost has moved the others: they wait.
    guard entries.count == count else { return [] }
    var removals: [JobState] = []
    for place in 0..<ranks.count - max(0, keep) {
      let rank = ranks[place]
      guard rank.key <= limit, let job = try load(at: Int(rank.index)) else { break }
      let isNeeded = needing.contains { other in
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
