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
  /// One pointer: every throwing function hands it on, and few ever make one.
  private final class Detail: Sendable {
    let status: Status
    let osError: Int32
    let message: String

    init(_ status: Status, _ message: String, _ osError: Int32) {
      self.status = status
      self.message = message
      self.osError = osError
    }
  }

  private let detail: Detail

  @inline(never)
  package init(_ status: Status, _ message: String, osError: Int32 = 0) {
    detail = Detail(status, message, osError)
  }

  /// 10 or above.
  public var status: Status { detail.status }
  /// `errno` of the system call that failed, else 0.
  public var osError: Int32 { detail.osError }
  /// One sentence: what, where, and what to do if that is known.
  public var message: String { detail.message }
}

extension JobError: CustomStringConvertible {
  public var description: String { message }
}
