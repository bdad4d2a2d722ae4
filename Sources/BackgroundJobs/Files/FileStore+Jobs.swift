import CPosix

// Jobs: made, found, listed, removed.
extension FileStore {
  /// The id of the unfinished job of this type and key, else of a new one.
  func create(_ new: NewJob) throws(JobError) -> String {
    try transact { () throws(JobError) -> String in
      if let key = new.key, let job = try state.unfinished(new.type, key) { return job.id }
      // What a version before has left out there comes with the next job.
      _ = try places.make()
      let id = try state.unusedID()
      try append(.job(id, .created(new)), durable: true)
      return id
    }
  }

  func infos(_ statuses: JobStatusSet, type: String?) throws(JobError) -> [JobInfo] {
    var infos: [JobInfo] = []
    let typeSum = checksum(type)
    try reading { () throws(JobError) in
      _ = try state.jobs { $0.isOne(of: statuses) && (type == nil || $0.type_sum == typeSum) }
      try foldLogs()
    }
    for case .job(let job) in state.entries where type == nil || job.type.bytes == type?.bytes {
      try requireMemory()
      let info = try infoWithoutEstimate(job)
      guard statuses.contains(info.status) else { continue }
      estimate(job, info)
      infos.append(info)
    }
    return infos
  }

  func removals(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    var jobs: [JobState] = []
    try reading { () throws(JobError) in jobs = try state.removals(keep: keep, includingFailed) }
    return try infos(jobs)
  }

  func removeFinished(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    try transact { () throws(JobError) -> [JobInfo] in
      try closeDeadOwners()
      let jobs = try state.removals(keep: keep, includingFailed)
      let infos = try infos(jobs)
      try remove(jobs)
      return infos
    }
  }

  private func infos(_ jobs: [JobState]) throws(JobError) -> [JobInfo] {
    var infos: [JobInfo] = []
    for job in jobs {
      try requireMemory()
      infos.append(try info(job))
    }
    return infos
  }

  func info(_ job: JobState) throws(JobError) -> JobInfo {
    let info = try infoWithoutEstimate(job)
    estimate(job, info)
    return info
  }

  private func estimate(_ job: JobState, _ info: JobInfo) {
    info.estimate(job, at: clock.realtimeMs) { state.prior(for: job) }
  }

  private func infoWithoutEstimate(_ job: JobState) throws(JobError) -> JobInfo {
    let isAlive = try isOwnerAlive(job)
    let info = JobInfo(job.summary, isAlive: isAlive, isOwned: ownedLog(of: job) != nil)
    if isAlive != false || job.status != .running { info.activeMs = activeTime(of: job) }
    return info
  }

  /// Milliseconds of work until now, where the owner's clock can be read.
  private func activeTime(of job: JobState) -> Int64 {
    guard job.clock.mark != nil, let owner = job.owner else { return job.clock.total }
    if owner.isDetached || job.isShared { return job.clock.reading(at: clock.realtimeMs) }
    if let mine = ownedLog(of: job) { return job.clock.reading(at: clock.awakeMs &- mine.base) }
    guard let reader = logs.reader(owner.log), reader.header.owner.boot == process.boot else {
      return job.clock.total
    }
    return job.clock.reading(at: clock.awakeMs &- reader.header.base)
  }

  func find(_ id: String) throws(JobError) -> String {
    var found = ""
    try reading { () throws(JobError) in found = try state.find(id) }
    return found
  }

  func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
    try refresh()
    return state.removedJob(id)
  }

  // MARK: One job

  func info(_ reference: JobReference) throws(JobError) -> JobInfo {
    try info(try seen(reference))
  }

  func config(_ reference: JobReference) throws(JobError) -> String? {
    try seen(reference).members["config"]
  }

  func cursor(_ reference: JobReference) throws(JobError) -> String? {
    try seen(reference).cursorText
  }

  func json(_ reference: JobReference) throws(JobError) -> Buffer {
    try StateDocument.text(of: try seenWhole(reference))
  }
}
