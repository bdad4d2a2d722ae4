// Verbs of a storage, each handed on to the one that is open: the items of a job.
extension Storage {
  /// Each item of these states: see `Job.forEachItem`.
  func forEachItem(
    _ job: JobReference, _ states: ItemStateSet,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    switch self {
    case .files(let store): try store.forEachItem(job, states, body)
    #if MEMORY_STORAGE
      case .memory(let store): try store.forEachItem(job, states, body)
    #endif
    }
  }

  /// As of the last look.
  func isDone(_ job: JobReference, _ item: UnsafeRawBufferPointer) throws(JobError) -> Bool {
    switch self {
    case .files(let store): try store.isDone(job, item)
    #if MEMORY_STORAGE
      case .memory(let store): try store.isDone(job, item)
    #endif
    }
  }

  /// How often work on it has begun, and how often of these nobody told an end; nil: it is not
  /// known.
  func attempts(
    _ job: JobReference, _ item: UnsafeRawBufferPointer
  ) throws(JobError) -> (all: Int64, unended: Int64)? {
    switch self {
    case .files(let store): try store.attempts(job, item)
    #if MEMORY_STORAGE
      case .memory(let store): try store.attempts(job, item)
    #endif
    }
  }

  /// Gives an open item to `take`; `.end`, `.paused`: there is none now.
  func next(
    _ job: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.next(job, take)
    #if MEMORY_STORAGE
      case .memory(let store): try store.next(job, take)
    #endif
    }
  }

  /// `next` is to give it out again.
  func takeBack(_ job: JobReference, _ item: UnsafeRawBufferPointer) throws(JobError) {
    switch self {
    case .files(let store): try store.takeBack(job, item)
    #if MEMORY_STORAGE
      case .memory(let store): try store.takeBack(job, item)
    #endif
    }
  }
}
