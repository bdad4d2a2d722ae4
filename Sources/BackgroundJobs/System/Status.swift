/// What an operation gives back: the numbers of `bgj_status`, append only.
///
/// 0 is success; 1 to 9 are success with news; from 10 on nothing was changed.
public enum Status: Int32, Sendable {
  /// Done, or there was nothing to do.
  case ok = 0
  /// Kept, but the job is paused.
  case paused = 1
  /// The job was resumed before its owner could leave it.
  case resumed = 2
  /// There is no further item.
  case end = 3
  /// Not yet: something must come first.
  case waiting = 4
  /// Kept: this attempt has failed, and the job is tried again later.
  case retrying = 5
  /// The job is completed or failed: it takes no more.
  case finished = 10
  /// An argument is out of its range.
  case invalid = 11
  /// There is no such job.
  case notFound = 12
  /// The id is the beginning of several ids.
  case ambiguous = 13
  /// The job's status does not allow this.
  case illegalTransition = 14
  /// Another live process owns the job, or holds the writer lock for too long.
  case busy = 15
  /// The time given to ``Job/wait(for:timeoutMs:)`` has passed.
  case timeout = 16
  /// A file is damaged.
  case damaged = 17
  /// The operating system refused: see ``JobError/osError``.
  case io = 18
  /// The disk is full, a quota exceeded, or RLIMIT_FSIZE reached.
  case noSpace = 19
  /// A large buffer could not be allocated.
  case noMemory = 20
  /// This file system, kernel, version of the format or read-only manager cannot do it.
  case unsupported = 21
  /// The manager came through `fork`: a child opens one of its own.
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
  package init(_ status: Status, _ message: Message, osError: Int32) {
    detail = Detail(status, message.text, osError)
  }

  @inline(never)
  package init(_ status: Status, _ message: Message) {
    self.init(status, message, osError: 0)
  }

  /// 10 or above.
  public var status: Status { detail.status }
  /// `errno` of the system call that failed, else 0.
  public var osError: Int32 { detail.osError }
  /// One sentence: what, where, and what to do if that is known.
  public var message: String { detail.message }
}

extension JobError: CustomStringConvertible {
  /// The message.
  public var description: String { message }
}
