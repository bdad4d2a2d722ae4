// Verbs of a storage, each handed on to the one that is open: changes of a job.
extension Storage {
  /// Asks the life cycle, then `decide`, with the time; nil: nothing is to change. `decide` has no side
  /// effects: it may be called several times, and the last answer counts.
  func transact(
    _ job: JobReference, _ operation: Operation,
    _ decide: (JobSummary, Int64) throws(JobError) -> JobChange?
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.transact(job, operation, decide)
    #if MEMORY_STORAGE
      case .memory(let store): try store.transact(job, operation, decide)
    #endif
    }
  }

  /// The caller becomes the owner.
  /// `anyway`: also where it would have to wait for its place.
  func start(_ job: JobReference, anyway: Bool, isShared: Bool) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.start(job, anyway: anyway, isShared: isShared)
    #if MEMORY_STORAGE
      case .memory(let store): try store.start(job, anyway: anyway, isShared: isShared)
    #endif
    }
  }

  /// Runs without an owner that reports.
  func startDetached(
    _ job: JobReference, watching process: ProcessIdentity?, lockedBy descriptor: Int32?,
    anyway: Bool
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store):
      try store.startDetached(job, watching: process, lockedBy: descriptor, anyway: anyway)
    #if MEMORY_STORAGE
      case .memory(let store):
        try store.startDetached(job, watching: process, lockedBy: descriptor, anyway: anyway)
    #endif
    }
  }

  /// Puts it up for whoever claims one, or changes how it stands there.
  func enqueue(_ job: JobReference, _ request: QueueRequest) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.enqueue(job, request)
    #if MEMORY_STORAGE
      case .memory(let store): try store.enqueue(job, request)
    #endif
    }
  }

  /// It needs another job to end first: the code of an edge; nil: not any more.
  func setEdge(_ job: JobReference, _ id: String, _ code: UInt8?) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.setEdge(job, id, code)
    #if MEMORY_STORAGE
      case .memory(let store): try store.setEdge(job, id, code)
    #endif
    }
  }

  /// The owner stops working on it.
  func leave(_ job: JobReference, _ why: String?) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.leave(job, why)
    #if MEMORY_STORAGE
      case .memory(let store): try store.leave(job, why)
    #endif
    }
  }

  /// Ends it badly.
  func fail(
    _ job: JobReference, _ operation: Operation, _ reason: String, _ why: String?
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.fail(job, operation, reason, why)
    #if MEMORY_STORAGE
      case .memory(let store): try store.fail(job, operation, reason, why)
    #endif
    }
  }

  /// More items of the plan.
  func plan(_ job: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.plan(job, items)
    #if MEMORY_STORAGE
      case .memory(let store): try store.plan(job, items)
    #endif
    }
  }

  /// These are the plan; gives how many open ones were withdrawn.
  func replan(
    _ job: JobReference, _ items: PackedItems
  ) throws(JobError) -> (status: Status, withdrawn: Int) {
    switch self {
    case .files(let store): try store.replan(job, items)
    #if MEMORY_STORAGE
      case .memory(let store): try store.replan(job, items)
    #endif
    }
  }

  /// Another try for these failed items.
  func retry(_ job: JobReference, _ items: PackedItems) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.retry(job, items)
    #if MEMORY_STORAGE
      case .memory(let store): try store.retry(job, items)
    #endif
    }
  }

  /// JSON text in the place of the config before.
  func configure(_ job: JobReference, _ config: String) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.configure(job, config)
    #if MEMORY_STORAGE
      case .memory(let store): try store.configure(job, config)
    #endif
    }
  }
}
