/// Where a job stands. A status that another tool wrote and we do not know is shown and kept.
public enum JobStatus: Sendable, Equatable {
  case pending, running, paused, completed, failed
  case other(String)

  public init(name: String) {
    switch name {
    case "pending": self = .pending
    case "running": self = .running
    case "paused": self = .paused
    case "completed": self = .completed
    case "failed": self = .failed
    default: self = .other(name)
    }
  }

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

  public var isFinished: Bool { self == .completed || self == .failed }
}

/// A set of statuses.
public struct JobStatusSet: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let pending = JobStatusSet(rawValue: 0x02)
  public static let running = JobStatusSet(rawValue: 0x04)
  public static let paused = JobStatusSet(rawValue: 0x08)
  public static let completed = JobStatusSet(rawValue: 0x10)
  public static let failed = JobStatusSet(rawValue: 0x20)
  public static let other = JobStatusSet(rawValue: 0x40)
  public static let active: JobStatusSet = [.running, .paused]
  public static let finished: JobStatusSet = [.completed, .failed]
  public static let all = JobStatusSet(rawValue: 0x7e)

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
}
