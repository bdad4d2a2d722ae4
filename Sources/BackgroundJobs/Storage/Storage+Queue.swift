// Verbs of a storage, each handed on to the one that is open: the queue.
extension Storage {
  /// At most so many requests in a period; 0: no limit any more.
  func setRate(_ provider: String, _ count: Int64, _ periodMs: Int64) throws(JobError) {
    switch self {
    case .files(let store): try store.setRate(provider, count, periodMs)
    #if MEMORY_STORAGE
      case .memory(let store): try store.setRate(provider, count, periodMs)
    #endif
    }
  }

  /// `.waiting`: nothing was permitted.
  func permit(
    _ provider: String, _ requests: Int64
  ) throws(JobError) -> (status: Status, waitMs: Int64) {
    switch self {
    case .files(let store): try store.permit(provider, requests)
    #if MEMORY_STORAGE
      case .memory(let store): try store.permit(provider, requests)
    #endif
    }
  }

  /// A provider told a job to slow down. `wait`: gives the milliseconds from now, which it gets.
  func rateLimited(
    _ job: JobReference, _ provider: String?, _ wait: (Int64) throws(JobError) -> Int64
  ) throws(JobError) -> Status {
    switch self {
    case .files(let store): try store.rateLimited(job, provider, wait)
    #if MEMORY_STORAGE
      case .memory(let store): try store.rateLimited(job, provider, wait)
    #endif
    }
  }

  /// The same of all jobs of a provider, in milliseconds; 0: it is over.
  func rateLimited(_ provider: String, _ wait: Int64) throws(JobError) {
    switch self {
    case .files(let store): try store.rateLimited(provider, wait)
    #if MEMORY_STORAGE
      case .memory(let store): try store.rateLimited(provider, wait)
    #endif
    }
  }

  /// The next ready job: the caller owns it then.
  func claim(_ request: ClaimRequest) throws(JobError) -> ClaimOutcome {
    switch self {
    case .files(let store): try store.claim(request)
    #if MEMORY_STORAGE
      case .memory(let store): try store.claim(request)
    #endif
    }
  }

  /// What a claim would find now.
  func lookForClaim(_ request: ClaimRequest) throws(JobError) -> ClaimOutcome {
    switch self {
    case .files(let store): try store.lookForClaim(request)
    #if MEMORY_STORAGE
      case .memory(let store): try store.lookForClaim(request)
    #endif
    }
  }

  /// What a job waits for, as JSON text.
  func waits(_ job: JobReference) throws(JobError) -> Buffer {
    switch self {
    case .files(let store): try store.waits(job)
    #if MEMORY_STORAGE
      case .memory(let store): try store.waits(job)
    #endif
    }
  }

  /// At most so many jobs of a scope run at once; negative: no limit any more.
  func setLimit(_ scope: String, _ most: Int64) throws(JobError) {
    switch self {
    case .files(let store): try store.setLimit(scope, most)
    #if MEMORY_STORAGE
      case .memory(let store): try store.setLimit(scope, most)
    #endif
    }
  }

  /// What a level of priority is worth, in milliseconds of waiting; negative: any time.
  func setWorth(_ worth: Int64) throws(JobError) {
    switch self {
    case .files(let store): try store.setWorth(worth)
    #if MEMORY_STORAGE
      case .memory(let store): try store.setWorth(worth)
    #endif
    }
  }

  /// JSON text.
  func queue() throws(JobError) -> Buffer {
    switch self {
    case .files(let store): try store.queue()
    #if MEMORY_STORAGE
      case .memory(let store): try store.queue()
    #endif
    }
  }
}
