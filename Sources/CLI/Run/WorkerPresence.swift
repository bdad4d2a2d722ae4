import BackgroundJobs
import CProcess
import Glibc

/// Tells that somebody works on the queue: a lock on a file of ours, shared by all who do. It goes
/// with the process, however that ends.
struct WorkerPresence {
  private static let name = "workers"
  private let descriptor: Int32

  init(_ manager: JobManager) throws {
    descriptor = try Self.open(manager)
    _ = flock(descriptor, LOCK_SH | LOCK_NB)
  }

  func end() { close(descriptor) }

  /// Somebody does; nil: that cannot be told.
  static func isThere(_ manager: JobManager) -> Bool? {
    guard let descriptor = try? open(manager) else { return nil }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return false }
    return errno == EWOULDBLOCK ? true : nil
  }

  private static func open(_ manager: JobManager) throws -> Int32 {
    let directory = try manager.privateDirectory()
    if let known = try directory.open(name, O_RDWR) { return known }
    // Of two who make it at once, both take the one that is there first.
    try PrivateDirectory(directory).write([], as: name, replaces: false)
    guard let made = try directory.open(name, O_RDWR) else {
      throw RunError("\(directory.path)/\(name) is gone")
    }
    return made
  }
}

/// Wakes who waits for the queue, when somebody writes into the journal.
struct JournalWatch {
  let descriptor: Int32

  init(_ manager: JobManager) throws {
    descriptor = cprocess_watch(try manager.privateDirectory().path)
    guard descriptor >= 0 else {
      throw RunError("cannot watch the queue: \(String(cString: strerror(errno)))")
    }
  }

  /// What has come is known.
  func clear() {
    var room = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &room, room.count) > 0 {}
  }
}
