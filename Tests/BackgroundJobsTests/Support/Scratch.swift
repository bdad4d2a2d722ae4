import Foundation
import Testing

@testable import BackgroundJobs

/// A project directory for one test, deleted with it. Whoever touches files makes one first: that
/// puts the fault hook in place, so that no other test ever sees it change.
final class Scratch: Sendable {
  let path: String

  init() throws {
    _ = Faults.installed
    let memory = "/dev/shm"
    let isThere = FileManager.default.isWritableFile(atPath: memory)
    let base = isThere ? memory : NSTemporaryDirectory()
    path = "\(base)/bgjobs-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var state: String { "\(path)/.specweave/state" }
  var stateFile: String { "\(state)/background-jobs.json" }
  var files: String { "\(state)/background-jobs.d" }
  var journal: String { "\(files)/journal" }

  /// What a machine would find after every process was killed now: files without locks.
  func copy() throws -> Scratch {
    let copy = try Scratch()
    try Self.copy(path, to: copy.path)
    return copy
  }

  private static func copy(_ from: String, to: String) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: from) {
      let (old, new) = ("\(from)/\(name)", "\(to)/\(name)")
      var status = stat()
      guard lstat(old, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        mkdir(new, status.st_mode & 0o7777)
        try copy(old, to: new)
      } else {
        // Not by name: the file may be in use, but nothing of it is locked for readers.
        try Data(contentsOf: URL(fileURLWithPath: old)).write(to: URL(fileURLWithPath: new))
      }
    }
  }

  func manager(_ change: (inout JobManager.Options) -> Void = { _ in }) throws -> JobManager {
    var options = JobManager.Options()
    options.keepCompleted = nil
    options.lockTimeoutMs = 2000
    change(&options)
    return try JobManager(project: path, options: options)
  }

  func logs() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: files)
      .filter { $0.hasPrefix("log-") }.map { "\(files)/\($0)" }.sorted()
  }

  /// As another tool does it: in place, and not a byte of ours in it.
  func writeStateFile(_ text: String) throws {
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: stateFile))
  }

  func stateObject() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: stateFile))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Absent, or one whole JSON object.
  var hasWholeStateFile: Bool {
    guard FileManager.default.fileExists(atPath: stateFile) else { return true }
    return (try? stateObject()) != nil
  }
}

func readBytes(at path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

func writeBytes(_ bytes: some Sequence<UInt8>, at path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

extension JobManager {
  func withFiles<Result>(
    _ body: (FileStore) throws(JobError) -> Result
  ) throws(JobError) -> Result {
    try with { storage throws(JobError) in
      switch storage {
      case .files(let store): try body(store)
      case .memory: throw JobError(.unsupported, "there are no files")
      }
    }
  }
}
