import CPosix

/// Open file description locks: they belong to the descriptor, not to the process, die with it, and
/// are not lost when the process closes another descriptor of the same file.
extension File {
  /// Takes the write lock if nobody has it.
  func tryLock() throws(JobError) -> Bool {
    if let injected = Seam.fault(.lock, name) { throw .system(injected, "lock", name) }
    while cposix_ofd_lock(descriptor) != 0 {
      let number = cposix_errno()
      if number == EAGAIN || number == EACCES { return false }
      if number != EINTR { throw .system(number, "lock", name) }
    }
    return true
  }

  /// A lock on one byte of a file that the host has open: exclusive if it may write to it.
  static func tryLock(_ descriptor: Int32, at byte: Int64) throws(JobError) -> Bool {
    while cposix_ofd_lock_byte(descriptor, off_t(byte)) != 0 {
      let number = cposix_errno()
      if number == EAGAIN || number == EACCES { return false }
      if number != EINTR { throw .system(number, "lock", Message("descriptor \(descriptor)").text) }
    }
    return true
  }

  /// Whether anyone holds the lock on that byte through another open file description.
  func isLockedByAnother(at byte: Int64) throws(JobError) -> Bool {
    try posix(.lock, name) { Int(cposix_ofd_test_byte(descriptor, off_t(byte))) } == 1
  }

  func unlock() { _ = cposix_ofd_unlock(descriptor) }

  /// Whether another open file description holds the lock. Works on a read-only descriptor.
  func isLockedByAnother() throws(JobError) -> Bool {
    try posix(.lock, name) { Int(cposix_ofd_test(descriptor)) } == 1
  }
}
