import CPosix

/// A mutex; Embedded Swift has none of its own.
final class Mutex {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  private init(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) { self.mutex = mutex }

  /// Not an initialiser: one that throws before it has initialised leaves its object allocated.
  static func make() throws(JobError) -> Mutex {
    guard let mutex = cposix_mutex_new() else {
      throw JobError(.noMemory, "no memory for a manager", osError: ENOMEM)
    }
    return Mutex(mutex)
  }

  deinit { cposix_mutex_free(mutex) }

  @inline(__always) func lock() { pthread_mutex_lock(mutex) }
  @inline(__always) func unlock() { pthread_mutex_unlock(mutex) }
}
