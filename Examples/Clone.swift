// Clone PROJECT LIST: examples/clone.c again, as a Swift program. Either goes on with the other's
// job: start with one, kill it, go on with the next.
import BackgroundJobs
import Foundation

@main
struct Clone {
  static func main() {
    guard CommandLine.arguments.count == 3 else { quit("usage: Clone PROJECT LIST", 2) }
    do {
      let list = CommandLine.arguments[2]
      let text = try String(contentsOfFile: list, encoding: .utf8)
      let urls = text.split(whereSeparator: \.isNewline).map { String($0) }
      guard FileManager.default.changeCurrentDirectoryPath(CommandLine.arguments[1]) else {
        quit("there is no directory \(CommandLine.arguments[1])", 2)
      }
      let clone = Clone(urls: Dictionary(urls.map { (name(of: $0), $0) }) { first, _ in first })
      try clone.run(key: (list as NSString).lastPathComponent, names: urls.map { name(of: $0) })
    } catch let error as JobError {
      quit(error.message, 1)
    } catch {
      quit("\(error)", 1)
    }
  }

  let urls: [String: String]

  private func run(key: String, names: [String]) throws {
    let manager = try JobManager(project: ".")
    defer { try? manager.close() }  // whatever is thrown: what was done is published
    let job = try manager.ensure("clone-repos", key: key, config: config(names))
    try job.plan(names)
    while try job.start() == .paused { _ = try job.wait(for: .pending) }

    let halfMade = ".half-made.\(job.id)"
    try removeHalfMade(of: halfMade)
    var failed = 0
    for name in try job.remaining() {
      try job.setCurrentItem(name)
      try manager.sync()  // a clone is a long silence: show now what it is
      if let why = try clone(name, by: "\(halfMade).\(getpid())") {
        failed += 1
        try job.itemFailed(name, why: why)
      } else {
        try job.itemDone(name)
      }
    }
    try job.complete()
    try manager.close()  // by hand: what ends the program runs no defer
    exit(failed == 0 ? 0 : 1)
  }

  /// nil, or why there is no clone. It gets its name when it is whole, so a name that is there is.
  private func clone(_ name: String, by halfMade: String) throws -> String? {
    guard let url = urls[name] else { return "it is no longer in the list" }
    if FileManager.default.fileExists(atPath: name) { return nil }
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    // A git that outlived this program would write into a directory that the next run deletes.
    git.arguments = ["--pdeathsig", "KILL", "git", "clone", "--quiet", "--", url, halfMade]
    try git.run()
    git.waitUntilExit()
    if git.terminationStatus == 0, rename(halfMade, name) == 0 { return nil }
    try? FileManager.default.removeItem(atPath: halfMade)
    return "git clone failed"
  }

  /// What earlier runs have left: only the owner of the job comes here.
  private func removeHalfMade(of prefix: String) throws {
    for entry in try FileManager.default.contentsOfDirectory(atPath: ".")
    where entry.hasPrefix("\(prefix).") {
      try FileManager.default.removeItem(atPath: entry)
    }
  }

  /// The config that other tools expect of this type of job.
  private func config(_ names: [String]) throws -> String {
    let config: [String: Any] = [
      "type": "clone-repos", "repositories": names,
      "projectPath": FileManager.default.currentDirectoryPath,
    ]
    return String(decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
  }

  private static func name(of url: String) -> String {
    let last = (url as NSString).lastPathComponent
    return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
  }
}

private func quit(_ message: String, _ code: Int32) -> Never {
  FileHandle.standardError.write(Data("Clone: \(message)\n".utf8))
  exit(code)
}
