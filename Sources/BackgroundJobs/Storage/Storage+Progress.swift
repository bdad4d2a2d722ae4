// Verbs of a storage, each handed on to the one that is open: reports, and waiting for what others do.
extension Storage {
  /// Keeps a report, or throws.
  @inline(__always)
  func report(_ job: JobReference, _ report: inout Report) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.report(job, &report)
    #if MEMORY_STORAGE
      case .memory(let store): try store.report(job, &report)
    #endif
    }
  }

  /// The usual report; nil: something else is to be done first, by `report`. Nothing has happened.
  @inline(__always)
  func reportQuickly(
    _ job: JobReference, done item: UnsafeRawBufferPointer, currentItem: UnsafeRawBufferPointer?
  ) -> Status? {
    switch self {
    case .files(let store): store.reportQuickly(job, done: item, currentItem: currentItem)
    #if MEMORY_STORAGE
      case .memory(let store): store.reportQuickly(job, done: item, currentItem: currentItem)
    #endif
    }
  }

  /// The status now; the owner acknowledges a pause and ends a rate limit that has passed. nil:
  /// removed.
  func lookForChange(
    _ job: JobReference
  ) throws(JobError) -> (status: JobStatus, isInterrupted: Bool)? {
    switch self {
    case .files(let store): try store.lookForChange(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.lookForChange(job)
    #endif
    }
  }
}
