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

  func unlock() { _ = cposix_ofd_unlock(descriptor) }

  /// Whether another open file description holds the lock. Works on a read-only descriptor.
  func isLockedByAnother() throws(JobError) -> Bool {
    try posix(.lock, name) { Int(cposix_ofd_test(descriptor)) } == 1
  }
}
