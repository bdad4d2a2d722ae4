/// Where a job stands. A status that another tool wrote and we do not know is shown and kept.
public enum JobStatus: Sendable, Equatable {
  /// Nobody has started it yet, or it was resumed or retried and waits to be started.
  case pending
  /// It is worked on.
  case running
  /// Somebody paused it, it waits for a rate limit, or its owner died: ``JobInfo/reason`` says which.
  case paused
  /// It has ended well; some of its items may have failed.
  case completed
  /// It has ended badly, or was cancelled.
  case failed
  /// What another tool wrote that is none of these.
  indirect case other(String)

  static let completedWithWarnings = "completed_with_warnings"

  /// The status that has this name in the state file; `completed_with_warnings` is `.completed`.
  public init(name: String) {
    switch name.bytes {
    case "pending": self = .pending
    case "running": self = .running
    case "paused": self = .paused
    // As other tools of this format end a job that has failed items.
    case "completed", Self.completedWithWarnings.bytes: self = .completed
    case "failed": self = .failed
    default: self = .other(name)
    }
  }

  public static func == (a: JobStatus, b: JobStatus) -> Bool {
    if case .other(let a) = a, case .other(let b) = b { return a.bytes == b.bytes }
    return JobStatusSet(a).rawValue == JobStatusSet(b).rawValue
  }

  /// As it stands in the state file.
  public var name: String {
    switch self {
    case .pending: "pending"
    case .running: "running"
    case .paused: "paused"
    case .completed: "completed"
    case .failed: "failed"
    case .other(let name): name
    }
  }

  /// Whether it is completed or failed: only a retry changes that.
  public var isFinished: Bool { self == .completed || self == .failed }
}

/// A set of statuses, to list jobs or to wait for.
public struct JobStatusSet: OptionSet, Sendable {
  /// The bits of `BGJ_MASK_…` in the C API.
  public let rawValue: UInt32
  /// The set with these bits; others than those of ``all`` mean nothing.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// ``JobStatus/pending``.
  public static let pending = JobStatusSet(rawValue: 0x02)
  /// ``JobStatus/running``.
  public static let running = JobStatusSet(rawValue: 0x04)
  /// ``JobStatus/paused``.
  public static let paused = JobStatusSet(rawValue: 0x08)
  /// ``JobStatus/completed``.
  public static let completed = JobStatusSet(rawValue: 0x10)
  /// ``JobStatus/failed``.
  public static let failed = JobStatusSet(rawValue: 0x20)
  /// ``JobStatus/other(_:)``, whatever its name.
  public static let other = JobStatusSet(rawValue: 0x40)
  /// Running or paused.
  public static let active: JobStatusSet = [.running, .paused]
  /// Completed or failed.
  public static let finished: JobStatusSet = [.completed, .failed]
  /// Every status there is.
  public static let all = JobStatusSet(rawValue: 0x7e)

  /// Whether the status is one of the set.
  public func contains(_ status: JobStatus) -> Bool { !isDisjoint(with: JobStatusSet(status)) }

  /// The set of one status.
  public init(_ status: JobStatus) {
    switch status {
    case .pending: self = .pending
    case .running: self = .running
    case .paused: self = .paused
    case .completed: self = .completed
    case .failed: self = .failed
    case .other: self = .other
    }
  }
}

/// Why a job is paused or failed, for programs. Hosts may use words of their own for a pause.
enum Reason {
  static let asked = "asked"
  static let rateLimit = "rate-limit"
  static let interrupted = "interrupted"
  static let error = "error"
  static let cancelled = "cancelled"
  static let dependency = "dependency"
  static let poison = "poison"
  static let retrying = "retrying"
}
