// Verbs of a storage, each handed on to the one that is open: the handle itself.
extension Storage {
  /// This is a child of the process that opened it (PROTOCOL R16).
  @inline(__always)
  var isForked: Bool {
    switch self {
    case .files(let store): store.isForked
    #if MEMORY_STORAGE
      case .memory(let store): store.isForked
    #endif
    }
  }

  /// Throws where no call can do anything: after a fork, say.
  func checkUsable() throws(JobError) {
    switch self {
    case .files(let store): try store.checkUsable()
    #if MEMORY_STORAGE
      case .memory(let store): try store.checkUsable()
    #endif
    }
  }

  /// Sees what others have done; writes nothing.
  func refresh() throws(JobError) {
    switch self {
    case .files(let store): try store.refresh()
    #if MEMORY_STORAGE
      case .memory(let store): try store.refresh()
    #endif
    }
  }

  /// Makes everything reported so far survive a power cut, and tells others.
  func sync() throws(JobError) {
    switch self {
    case .files(let store): try store.sync()
    #if MEMORY_STORAGE
      case .memory(let store): try store.sync()
    #endif
    }
  }

  /// Leaves all jobs of this handle. It is of no use afterwards, whatever happens.
  func close() throws(JobError) {
    switch self {
    case .files(let store): try store.close()
    #if MEMORY_STORAGE
      case .memory(let store): try store.close()
    #endif
    }
  }

  /// Verifies what is stored and mends nothing; a line for each part. `firstFinding`: the first
  /// that tells of damage.
  func check() throws(JobError) -> (firstFinding: String?, report: String) {
    switch self {
    case .files(let store): try store.check()
    #if MEMORY_STORAGE
      case .memory(let store): try store.check()
    #endif
    }
  }
}
