/// What an operation gives back: the numbers of `bgj_status`, append only.
///
/// 0 is success; 1 to 9 are success with news; from 10 on nothing was changed.
public enum Status: Int32, Sendable {
  case ok = 0
  /// Kept, but the job is paused.
  case paused = 1
  /// The job was resumed before its owner could leave it.
  case resumed = 2
  /// There is no further item.
  case end = 3
  case finished = 10
  case invalid = 11
  case notFound = 12
  case ambiguous = 13
  case illegalTransition = 14
  case busy = 15
  case timeout = 16
  case damaged = 17
  case io = 18
  case noSpace = 19
  case noMemory = 20
  case unsupported = 21
  case forked = 22
}

/// Why an operation changed nothing.
public struct JobError: Error, Sendable {
  /// 10 or above.
  public let status: Status
  /// `errno` of the system call that failed, else 0.
  public let osError: Int32
  /// One sentence: what, where, and what to do if that is known.
  public let message: String

  package init(_ status: Status, _ message: String, osError: Int32 = 0) {
    self.status = status
    self.message = message
    self.osError = osError
  }
}
