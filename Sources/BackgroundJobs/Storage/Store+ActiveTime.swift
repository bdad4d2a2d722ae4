extension Store {
  /// Milliseconds of work until now, where the owner's clock can be read.
  func activeTime(of job: JobState) -> Int64 {
    guard job.clock.mark != nil, let owner = job.owner else { return job.clock.total }
    if owner.isDetached { return job.clock.reading(at: clock.realtimeMs) }
    if let mine = ownedLog(of: job) { return job.clock.reading(at: clock.awakeMs &- mine.base) }
    guard let reader = readers[owner.log], reader.header.owner.boot == process.boot else {
      return job.clock.total
    }
    return job.clock.reading(at: clock.awakeMs &- reader.header.base)
  }
}
