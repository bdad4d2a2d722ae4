import ArgumentParser
import BackgroundJobs
import Glibc

struct ProjectOptions: ParsableArguments {
  @Option(
    name: .customShort("C"),
    help: ArgumentHelp(
      "Do all of it in this directory; the search for the project, too, begins there.",
      valueName: "dir"), completion: .directory)
  var directory: String?

  @Option(
    help: ArgumentHelp("The project: this directory and no other.", valueName: "dir"),
    completion: .directory)
  var project: String?

  @Flag(help: "Accept a file system that is not known to be safe: NFS, for instance.")
  var anyFileSystem = false

  /// What -C says, for `enterDirectory`. The program has one thread.
  nonisolated(unsafe) private static var said: String?

  func validate() throws {
    if directory?.isEmpty ?? false { throw ValidationError("-C: the directory is empty") }
    // Not here: what is parsed may be parsed once more.
    if let directory { Self.said = directory }
  }

  /// `-C DIR` is a `cd`, before anything else.
  static func enterDirectory() throws {
    guard let said, chdir(said) != 0 else { return }
    let number = errno
    throw RunError(
      "cannot go to \(said): \(String(cString: strerror(number)))",
      number == ENOENT ? .notFound : .failure)
  }

  /// Where the state is: said, upwards from the directory that was said, in the environment, upwards
  /// from here, or here.
  var path: String {
    if let project { return project }
    // Who names a directory means it, whoever has put a project into it.
    if directory != nil {
      return Self.hasProject(".") ? currentDirectory() : Self.nearest() ?? currentDirectory()
    }
    if let project = environment("BGJOBS_PROJECT"), !project.isEmpty { return project }
    return Self.nearest() ?? "."
  }

  /// The same from any directory.
  var absolute: ProjectOptions {
    var options = self
    options.project = path.hasPrefix("/") ? path : "\(currentDirectory())/\(path)"
    return options
  }

  /// There are jobs already.
  var isThere: Bool { Self.hasProject(path) }

  private static func hasProject(_ path: String) -> Bool {
    var status = stat()
    return lstat("\(path)/.specweave", &status) == 0
  }

  /// The same for another bgjobs in this directory.
  var arguments: [String] {
    ["--project", path] + (anyFileSystem ? ["--any-file-system"] : [])
  }

  /// We are root, and it belongs to somebody else.
  var isOfAnother: Bool {
    var status = stat()
    return geteuid() == 0 && stat(path, &status) == 0 && status.st_uid != 0
  }

  func open() throws -> JobManager {
    var options = JobManager.Options()
    if let keep = try Keep.said() {
      options.keepCompleted = keep.number == .max ? nil : keep.number
    }
    options.acceptsAnyFileSystem = anyFileSystem
    return try JobManager(project: path, options: options)
  }

  private static func nearest() -> String? {
    var path = "."
    // No file system is deeper than its paths are long.
    for _ in 0..<256 {
      var status = stat()
      // A link is no project, but opening it says so: passing it by would take another project.
      var here = stat()
      var above = stat()
      if lstat("\(path)/.specweave", &status) == 0, stat(path, &here) == 0,
        [S_IFDIR, S_IFLNK].contains(status.st_mode & S_IFMT),
        isTrusted(status, in: here)
      {
        return path
      }
      let parent = path == "." ? ".." : "\(path)/.."
      guard stat(path, &here) == 0, stat(parent, &above) == 0,
        here.st_ino != above.st_ino || here.st_dev != above.st_dev
      else { return nil }
      path = parent
    }
    return nil
  }
}

extension ProjectOptions {
  /// Not one that a stranger has put into a directory where everybody may, as /tmp: whoever works
  /// below it would hand him all that he does. Who wants it names it.
  fileprivate static func isTrusted(_ state: stat, in directory: stat) -> Bool {
    let isOpen = directory.st_mode & S_IWOTH != 0
    return state.st_uid == geteuid() || state.st_uid == directory.st_uid
      || (!isOpen && directory.st_uid != 0)
  }
}

extension ProjectOptions {
  /// Runs `body`, and closes the manager however that ends: an exit code like 8 is an error here,
  /// and what was reported before it is to be published all the same.
  @discardableResult
  func withManager<Result>(_ body: (JobManager) throws -> Result) throws -> Result {
    let manager = try open()
    defer { leave(manager) }
    return try body(manager)
  }

  /// As `close`, but what is not to be published yet is left to another process: the next command
  /// must not wait for the file that this one has written.
  func leave(_ manager: JobManager) {
    do {
      try manager.close { wait, directory in
        PublishOwed.start(self, after: wait, directory)
      }
    } catch { Self.complain(error) }
  }

  static func close(_ manager: JobManager) {
    do { try manager.close() } catch { complain(error) }
  }

  /// What was done is kept whatever happens here: only other tools see it later.
  private static func complain(_ error: JobError) {
    Output.complain("what was done is kept, but not in the state file yet: \(error.message)")
  }

  @discardableResult
  func withJob<Result>(
    _ id: String, _ body: (Job, JobManager) throws -> Result
  ) throws -> Result {
    try withManager { manager in try body(try manager.find(id), manager) }
  }
}

extension ProjectOptions {
  /// Behind what was read: while a damaged file or a copy of one is there, it may lack something.
  func tellOfDamage(_ manager: JobManager) {
    guard manager.hasDamage else { return }
    Output.note("bgjobs: a file is damaged, or was: something may be missing. See bgjobs check")
  }
}
