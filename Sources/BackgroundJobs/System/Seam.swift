/// A kind of file operation, as tests see them.
enum FileOperation: Sendable {
  case open, stat, read, write, truncate, sync, lock, rename, link, unlink, makeDirectory, list
  case change

  var verb: String {
    switch self {
    case .open: "open"
    case .stat: "look at"
    case .read: "read"
    case .write: "write"
    case .truncate: "truncate"
    case .sync: "sync"
    case .lock: "lock"
    case .rename: "rename"
    case .link: "link"
    case .unlink: "delete"
    case .makeDirectory: "create directory"
    case .list: "list"
    case .change: "change owner or time of"
    }
  }
}

/// Where tests observe and fail every file operation. The shipped library has no seam: its faults
/// are injected from outside.
enum Seam {
  #if hasFeature(Embedded)
    @inline(__always)
    static var isWatched: Bool { false }
    @inline(__always)
    static func fault(_ operation: FileOperation, _ name: @autoclosure () -> String) -> Int32? {
      nil
    }
    @inline(__always)
    static func limit(_ count: Int, _ name: @autoclosure () -> String) -> Int { count }
  #else
    /// Sees an operation before it happens; gives an errno to fail it with.
    nonisolated(unsafe) static var onOperation: ((FileOperation, String) -> Int32?)?
    /// Sees the size of a write; gives how much of it may happen.
    nonisolated(unsafe) static var onWrite: ((Int, String) -> Int)?

    static var isWatched: Bool { onOperation != nil || onWrite != nil }

    static func fault(_ operation: FileOperation, _ name: @autoclosure () -> String) -> Int32? {
      guard let onOperation else { return nil }
      return onOperation(operation, name())
    }
    static func limit(_ count: Int, _ name: @autoclosure () -> String) -> Int {
      guard let onWrite else { return count }
      return onWrite(count, name())
    }
  #endif
}
