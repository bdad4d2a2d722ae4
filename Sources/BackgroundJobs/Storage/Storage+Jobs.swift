// Verbs of a storage, each handed on to the one that is open: jobs, made, found, told and removed.
extension Storage {
  /// The id of the unfinished job of this type and key, else of a new one.
  func create(_ new: NewJob) throws(JobError) -> String {
    switch self {
    case .files(let store): try store.create(new)
    #if MEMORY_STORAGE
      case .memory(let store): try store.create(new)
    #endif
    }
  }

  /// The id that this is, or the only one that begins so.
  func find(_ id: String) throws(JobError) -> String {
    switch self {
    case .files(let store): try store.find(id)
    #if MEMORY_STORAGE
      case .memory(let store): try store.find(id)
    #endif
    }
  }

  /// What is remembered of a job that was removed, by its id or the beginning of that.
  func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
    switch self {
    case .files(let store): try store.removedJob(id)
    #if MEMORY_STORAGE
      case .memory(let store): try store.removedJob(id)
    #endif
    }
  }

  /// Of the jobs that have these statuses for who asks, and this type; nil: any. In their order.
  func infos(_ statuses: JobStatusSet, type: String?) throws(JobError) -> [JobInfo] {
    switch self {
    case .files(let store): try store.infos(statuses, type: type)
    #if MEMORY_STORAGE
      case .memory(let store): try store.infos(statuses, type: type)
    #endif
    }
  }

  /// What `removeFinished` would remove now.
  func removals(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    switch self {
    case .files(let store): try store.removals(keep: keep, includingFailed: includingFailed)
    #if MEMORY_STORAGE
      case .memory(let store): try store.removals(keep: keep, includingFailed: includingFailed)
    #endif
    }
  }

  /// Removes the oldest beyond `keep` that ended well, or at all, and that no other job needs.
  func removeFinished(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    switch self {
    case .files(let store): try store.removeFinished(keep: keep, includingFailed: includingFailed)
    #if MEMORY_STORAGE
      case .memory(let store):
        try store.removeFinished(keep: keep, includingFailed: includingFailed)
    #endif
    }
  }

  /// Looks at the job now.
  func info(_ job: JobReference) throws(JobError) -> JobInfo {
    switch self {
    case .files(let store): try store.info(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.info(job)
    #endif
    }
  }

  /// JSON text of the config; nil: none.
  func config(_ job: JobReference) throws(JobError) -> String? {
    switch self {
    case .files(let store): try store.config(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.config(job)
    #endif
    }
  }

  /// JSON text of the cursor; nil: none.
  func cursor(_ job: JobReference) throws(JobError) -> String? {
    switch self {
    case .files(let store): try store.cursor(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.cursor(job)
    #endif
    }
  }

  /// The job as it would stand in the state file.
  func json(_ job: JobReference) throws(JobError) -> Buffer {
    switch self {
    case .files(let store): try store.json(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.json(job)
    #endif
    }
  }
}
