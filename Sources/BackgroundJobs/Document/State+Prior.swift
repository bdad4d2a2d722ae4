import CPosix

// What finished jobs of the same type have taken, if their configs name the same provider and the
// same command, and as many of it at a time: all jobs of `bgjobs run` are of one type, and tell
// nothing of each other's commands.
extension State {
  /// No more than this many, newest first: older ones ran on older machines.
  private static let mostJobs = 5
  /// Jobs differ by about a half, even where two happen to agree.
  private static let leastVariance = 0.2

  /// nil: there is none, or the job has enough of its own.
  func prior(for job: JobState) -> Prior? {
    var events: Int64 = 0
    for bucket in job.estimator.buckets {
      events = events.clampedAdding(bucket.events)
      if events >= Prior.enough { return nil }
    }
    let typeSum = checksum(job.type)
    var wanted: String?
    var levels: [Double] = []
    var position = entries.count
    while position > 0, levels.count < Self.mostJobs {
      position -= 1
      guard let facts = facts(at: position), facts.isOne(of: .completed),
        facts.type_sum == typeSum, facts.has(StoredJob.hasPace)
      else { continue }
      let kind = wanted ?? self.kind(of: job)
      wanted = kind
      if case .stored = entries[position], facts.kind_sum != checksum(kind) { continue }
      guard let other = (try? load(at: position)) ?? nil, other !== job,
        other.type.bytes == job.type.bytes, let level = level(of: other),
        self.kind(of: other).bytes == kind.bytes
      else { continue }
      levels.append(level)
    }
    guard !levels.isEmpty else { return nil }
    let count = Double(levels.count)
    let mean = levels.reduce(0, +) / count
    let spread = levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return Prior(mean: exp(mean), variance: max(spread, Self.leastVariance))
  }

  /// ln of the seconds of an item.
  private func level(of job: JobState) -> Double? {
    let items = job.estimator.buckets.reduce(0) { $0 + $1.items }
    let seconds = job.estimator.buckets.reduce(0) { $0 + $1.seconds }
    guard items >= 2, seconds > 0, (items / seconds).isFinite, (seconds / items).isFinite else {
      return nil
    }
    return log(seconds / items)
  }

  /// What of the config must be equal, as JSON text.
  func kind(of job: JobState) -> String {
    guard var config = job.members["config"] else { return "" }
    return config.withUTF8 { bytes in
      guard let json = try? JSON.parse(UnsafeRawBufferPointer(bytes)) else { return "" }
      let root = JSONValue(raw: json.value)
      guard root.isObject else { return "" }
      func text(_ value: JSONValue) -> String {
        value.isMissing ? "" : (try? value.text()) ?? ""
      }
      let (provider, command) = (text(root["provider"]), text(root["command"]))
      return Message("\(provider) \(command) \(text(root["jobs"]))").text
    }
  }
}
