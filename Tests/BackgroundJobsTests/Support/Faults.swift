import Foundation

@testable import BackgroundJobs

/// The seam is one for the whole process and tests run side by side: this hands each operation to
/// the test whose directory it is in.
final class Faults: @unchecked Sendable {
  struct Hook {
    var operation: (FileOperation, String) -> Int32? = { _, _ in nil }
    var write: (Int, String) -> Int = { count, _ in count }
  }

  private static let shared = Faults()
  private let lock = NSLock()
  private var hooks: [String: Hook] = [:]

  /// Set once, before any file of any test is touched.
  static let installed: Void = {
    Seam.onOperation = { operation, name in
      shared.hook(for: name)?.operation(operation, name)
    }
    Seam.onWrite = { count, name in shared.hook(for: name)?.write(count, name) ?? count }
  }()

  private func hook(for name: String) -> Hook? {
    lock.withLock {
      if hooks.isEmpty { return nil }
      return hooks.first { name.hasPrefix($0.key) }?.value
    }
  }

  /// Lets `hook` see every operation in `scratch` while `body` runs.
  static func with<Result>(
    _ hook: Hook, in scratch: Scratch, _ body: () throws -> Result
  ) rethrows -> Result {
    shared.lock.withLock { shared.hooks[scratch.path] = hook }
    defer { shared.lock.withLock { _ = shared.hooks.removeValue(forKey: scratch.path) } }
    return try body()
  }
}

extension FileOperation {
  /// After which a killed process leaves something else than before it.
  var isChange: Bool {
    switch self {
    case .open, .write, .truncate, .rename, .link, .unlink, .makeDirectory, .change: true
    case .stat, .read, .sync, .lock, .list: false
    }
  }
}
