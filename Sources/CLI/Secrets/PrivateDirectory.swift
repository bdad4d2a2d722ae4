import BackgroundJobs
import Glibc

/// A directory of ours (mode 0700), for files that nobody else may read or have written.
struct PrivateDirectory: ~Copyable {
  private let directory: OutputDirectory
  private let descriptor: Int32
  private var path: String { directory.path }

  init(_ directory: OutputDirectory) throws {
    self.directory = directory
    descriptor = try directory.duplicate()
  }

  deinit { close(descriptor) }

  /// nil: there is no such file.
  func read(_ name: String) throws -> [UInt8]? {
    guard let file = try directory.open(name, O_RDONLY) else { return nil }
    defer { close(file) }
    try check(file, name)
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = Glibc.read(file, &room, room.count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw Self.failure("read", "\(path)/\(name)") }
      if got == 0 { return bytes }
      bytes += room[..<got]
    }
  }

  /// Puts the file there whole, mode 0600, so that it survives a power cut. `replaces`: else the
  /// one that is there stays, and this gives false.
  @discardableResult
  func write(_ bytes: [UInt8], as name: String, replaces: Bool) throws -> Bool {
    let draft = "\(name).new-\(getpid())"
    unlinkat(descriptor, draft, 0)
    let file = openat(
      descriptor, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.failure("write", "\(path)/\(name)") }
    defer { close(file) }
    do {
      try takeOver(file)
      try fill(file, bytes, name)
      if replaces {
        guard renameat(descriptor, draft, descriptor, name) == 0 else {
          throw Self.failure("rename", "\(path)/\(name)")
        }
      } else {
        let isNew = linkat(descriptor, draft, descriptor, name, 0) == 0
        guard isNew || errno == EEXIST else { throw Self.failure("link", "\(path)/\(name)") }
        unlinkat(descriptor, draft, 0)
        if !isNew { return false }
      }
    } catch {
      unlinkat(descriptor, draft, 0)
      throw error
    }
    try sync()
    return true
  }

  /// Adds whole lines, so that they survive a power cut. What a kill has left of a line before is
  /// ended first.
  func append(_ lines: [UInt8], to name: String) throws {
    var file = openat(
      descriptor, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    let isNew = file >= 0
    if !isNew { file = try directory.open(name, O_RDWR | O_APPEND) ?? -1 }
    guard file >= 0 else { throw Self.failure("write", "\(path)/\(name)") }
    defer { close(file) }
    if isNew { try takeOver(file) } else { try check(file, name) }
    var last: UInt8 = 0
    let end = lseek(file, 0, SEEK_END)
    let isCut = end > 0 && pread(file, &last, 1, end - 1) == 1 && last != UInt8(ascii: "\n")
    try fill(file, (isCut ? [UInt8(ascii: "\n")] : []) + lines, name)
    if isNew, fsync(descriptor) != 0 { throw Self.failure("sync", path) }
  }

  /// Alone among the processes that call this for this directory.
  func alone<Result>(_ body: () throws -> Result) throws -> Result {
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw Self.failure("lock", path) }
    }
    defer { flock(descriptor, LOCK_UN) }
    return try body()
  }

  private func fill(_ file: Int32, _ bytes: [UInt8], _ name: String) throws {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else { throw Self.failure("write", "\(path)/\(name)") }
      done += put
    }
    guard fchmod(file, 0o600) == 0, fsync(file) == 0 else {
      throw Self.failure("write", "\(path)/\(name)")
    }
  }

  /// The directory and the two above it, which may be as new as the file.
  private func sync() throws {
    guard fsync(descriptor) == 0 else { throw Self.failure("sync", path) }
    for above in ["..", "../.."] {
      let file = openat(descriptor, above, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard file >= 0 else { throw Self.failure("sync", "\(path)/\(above)") }
      defer { close(file) }
      guard fsync(file) == 0 else { throw Self.failure("sync", "\(path)/\(above)") }
    }
  }

  /// A command that somebody else could have written is not to be run.
  private func check(_ file: Int32, _ name: String) throws {
    var (mine, own) = (stat(), stat())
    guard fstat(file, &own) == 0, fstat(descriptor, &mine) == 0 else {
      throw Self.failure("read", "\(path)/\(name)")
    }
    guard own.st_mode & S_IFMT == S_IFREG else {
      throw RunError("cannot read \(path)/\(name): it is no file")
    }
    guard own.st_uid == mine.st_uid || own.st_uid == 0, own.st_mode & 0o022 == 0 else {
      throw RunError("will not read \(path)/\(name): somebody else may have written it")
    }
  }

  /// `sudo` must not lock the owner out.
  private func takeOver(_ file: Int32) throws {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard fstat(descriptor, &status) == 0, fchown(file, status.st_uid, status.st_gid) == 0 else {
      throw Self.failure("change the owner of a file in", path)
    }
  }

  private static func failure(_ verb: String, _ path: String) -> RunError {
    RunError("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
  }
}
