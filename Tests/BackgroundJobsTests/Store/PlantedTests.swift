import Foundation
import Testing

@testable import BackgroundJobs

/// What a user plants in the very moment in which root publishes, root does not read to him. The
/// other shapes are in Tests/CLI/test_planted.py.
@Suite(.enabled(if: geteuid() == 0, "needs root, to be two users")) struct PlantedTests {
  /// In a project of that user, or in one of root's where all may write.
  @Test(arguments: [61234, 0] as [uid_t], [false, true])
  func whatIsExchangedIsNotBelieved(_ user: uid_t, _ isJSON: Bool) throws {
    let scratch = try Scratch()
    let secret = "\(scratch.path).secret"
    let token = "secretoftheroot"
    let text = isJSON ? "{\"jobs\": [{\"id\": \"\(token)\", \"type\": \"\(token)\"}]}" : token
    try Data(text.utf8).write(to: URL(fileURLWithPath: secret))
    defer { unlink(secret) }
    chmod(secret, 0o600)
    try scratch.writeStateFile("{\"jobs\": []}")
    for path in ["", "/.specweave", "/.specweave/state", "/.specweave/state/background-jobs.json"] {
      chown(scratch.path + path, user, user)
    }
    if user == 0 { chmod(scratch.state, 0o777) }
    let manager = try scratch.manager()
    _ = try manager.create("before")
    var isPlanted = false
    let hook = Faults.Hook(operation: { operation, name in
      if operation == .rename, name == scratch.stateFile, !isPlanted {
        isPlanted = true
        unlink(scratch.stateFile)
        link(secret, scratch.stateFile)
        var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        utimensat(AT_FDCWD, scratch.stateFile, &times, 0)
      }
      return nil
    })
    Faults.with(hook, in: scratch) {
      _ = try? manager.create("after")
      try? manager.sync()
    }
    #expect(isPlanted)
    try? manager.close()
    let names = try FileManager.default.subpathsOfDirectory(atPath: scratch.path)
    for path in names.map({ "\(scratch.path)/\($0)" }) {
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      // Neither the planter's own, nor for all to read.
      if status.st_uid == 0, status.st_mode & 0o004 == 0 { continue }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(bytes.range(of: Data(token.utf8)) == nil, "\(path)")
    }
  }
}
