import CPosix

extension JobError {
  /// The one place where errno becomes an error of ours.
  static func system(_ number: Int32, _ action: String, _ name: String) -> JobError {
    let status: Status
    switch number {
    case ENOSPC, EDQUOT, EFBIG: status = .noSpace
    case ENOMEM: status = .noMemory
    default: status = .io
    }
    return JobError(status, "\(action) \(name): \(errorText(number))", osError: number)
  }
}

private func errorText(_ number: Int32) -> String {
  // What opening without following says of a link: ENOTDIR where a directory is wanted.
  if number == ELOOP { return "it is a symbolic link, which is not followed" }
  if number == ENOTDIR { return "it is no directory; a symbolic link to one is not followed" }
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
    guard let base = text.baseAddress else { return "error" }
    cposix_error_text(number, base, 128)
    return String(nullTerminated: base)
  }
}

/// Calls a POSIX function until it is not interrupted; -1 becomes an error.
@inline(__always)
func posix(
  _ operation: FileOperation, _ name: @autoclosure () -> String, _ call: () -> Int
) throws(JobError) -> Int {
  try posix(operation, name(), unless: 0, call) ?? 0
}

/// As `posix`, but one errno is an answer and no error: nil.
@inline(__always)
func posix(
  _ operation: FileOperation, _ name: @autoclosure () -> String, unless answer: Int32,
  _ call: () -> Int
) throws(JobError) -> Int? {
  if let injected = Seam.fault(operation, name()) {
    throw .system(injected, operation.verb, name())
  }
  while true {
    let result = call()
    if result >= 0 { return result }
    let number = cposix_errno()
    if number == answer { return nil }
    if number != EINTR { throw .system(number, operation.verb, name()) }
  }
}
