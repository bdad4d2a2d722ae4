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

  /// Gives an open item to `take`; `.end`, `.paused`: there is none now. When `take` throws, it is
  /// given back.
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

  /// Work on an item begins, as the report says; gives how often so far, and how often of these nobody
  /// told an end.
  func begin(
    _ job: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
    switch self {
    case .files(let store): try store.begin(job, item, &report)
    #if MEMORY_STORAGE
      case .memory(let store): try store.begin(job, item, &report)
    #endif
    }
  }

  /// An item is given back, as the report says: `next` is to give it out again.
  func giveBack(
    _ job: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.giveBack(job, item, &report)
    #if MEMORY_STORAGE
      case .memory(let store): try store.giveBack(job, item, &report)
    #endif
    }
  }
}
