import CPosix

// PROTOCOL R6: the logs of owners, read beside the journal.
extension FileStore {
  /// PROTOCOL R6: first the rest of the log, then its end.
  func finishLog(_ job: JobState, _ place: Int, _ end: LogEnd?) throws(JobError) {
    try foldLog(job, at: place)
    guard let log = job.log(at: place) else { return }
    // One that went away with its journal is read again with the new one.
    if let end, !mustRestart {
      // Of ours, somebody may have found less than we wrote.
      let mine = logs.ownLog(log.number)
      let isClosedEarly = mine.map { $0.index > end.records && $0.kept == nil } ?? false
      if isClosedEarly || !end.isReached(by: log) { lost.note(job, log, end) }
    }
    logs.close(log.number, log.offset)
  }

  /// PROTOCOL R6: first what the event's writer had read of the log.
  func foldLog(before change: Change) throws(JobError) {
    if let mark = change.mark, let id = change.jobID, let job = try state.job(id) {
      try foldLog(job, upTo: mark)
    }
  }

  @inline(never)
  func foldLogs() throws(JobError) {
    for case .job(let job) in state.entries where job.log != nil { try foldLog(job) }
  }

  /// Whatever is new in a job's log, up to a number of records; of a shared job, in all its logs.
  func foldLog(_ job: JobState, upTo limit: UInt64 = .max) throws(JobError) {
    for place in 0..<job.workerCount { try foldLog(job, at: place, upTo: limit) }
  }

  private func foldLog(
    _ job: JobState, at worker: Int, upTo limit: UInt64 = .max
  ) throws(JobError) {
    guard var position = job.log(at: worker), position.index < limit else { return }
    let file: File
    var offset = position.offset
    if let mine = logs.ownLog(position.number) {
      if position.index == mine.index { return }
      file = mine.file
      if offset == 0 { offset = try LogFormat.decode(file)?.size ?? mine.end }
    } else {
      guard let reader = try logReader(position) else { return }
      file = reader.file
      if offset == 0 { offset = reader.header.size }
    }
    var index = position.index
    // Events with a mark come one after the other: what one left in the buffer is for the next.
    var place = logs.place(of: offset, in: position.number)
    var size = Int64.max
    while true {
      let before = index
      while index < limit,
        let payload = logs.record(at: place, salt: position.salt, index: index)
      {
        var reader = Reader(payload)
        guard let report = Report(&reader) else {
          throw JobError(
            .unsupported,
            "\(LogFormat.name(position.number)) has a report of an unknown kind: written by a newer"
              + " version?")
        }
        try job.apply(report, ofLogAt: worker)
        let count = Int64(LogFormat.recordSize(payload.count))
        (place, offset) = (place + count, offset + count)
        index &+= 1
        position = job.log(at: worker) ?? position
        (position.index, position.offset) = (index, offset)
        if let sum = position.sum { position.sum = sum &+ LogFormat.checksum(of: payload) }
        job.setLog(position, at: worker)
      }
      if index >= limit || offset >= size || (size != .max && index == before) { return }
      size = try file.status().size
      guard size > offset else { return }
      try logs.fill(from: file, position.number, at: offset, count: size - offset)
      place = 0
    }
  }

  /// nil: there is none; its owner is dead then, and it wrote nothing that was acknowledged.
  func logReader(_ position: LogPosition) throws(JobError) -> LogReader? {
    if let reader = logs.reader(position.number) { return reader }
    let name = LogFormat.name(position.number)
    guard let files = places.files else { return nil }
    guard let file = try files.openIfThere(name, O_RDONLY),
      let header = try LogFormat.decode(file), header.salt == position.salt
    else {
      if try journal?.file.status().links == 0 { mustRestart = true }
      return nil
    }
    let reader = LogReader(file, header)
    logs.keep(reader)
    return reader
  }
}
