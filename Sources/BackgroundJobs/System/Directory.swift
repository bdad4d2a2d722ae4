import CPosix

/// An open directory; every name is relative to it, and no symbolic link is followed.
final class Directory {
  let file: File
  private let trust: Trust
  var name: String { file.name }

  /// For messages.
  @inline(never)
  func path(_ entry: String) -> String { Message("\(name)/\(entry)").text }

  private init(_ file: File, _ trust: Trust) {
    self.file = file
    self.trust = trust
  }

  /// Up to here links are followed: whoever calls names the path.
  static func open(path: String) throws(JobError) -> Directory {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    let low = try posix(.open, path) {
      withCString(path) { Int(cposix_openat(AT_FDCWD, $0, flags, 0)) }
    }
    let file = try File(adopting: Int32(low), name: path)
    return Directory(file, try Trust.project(file))
  }

  func openDirectory(_ entry: String) throws(JobError) -> Directory {
    let file = try open(entry, O_RDONLY | O_DIRECTORY)
    return Directory(file, try trust.entering(file))
  }

  func open(_ entry: String, _ flags: Int32, mode: mode_t = 0o600, isBrief: Bool = false)
    throws(JobError) -> File
  {
    guard let file = try open(entry, flags, mode, isBrief, unless: 0, trust) else {
      throw JobError(.io, Message(path(entry)))
    }
    return file
  }

  /// nil when there is no such file. `source`: the directory that it was moved from.
  func openIfThere(
    _ entry: String, _ flags: Int32, from source: Directory? = nil
  ) throws(JobError) -> File? {
    try open(entry, flags, 0o600, false, unless: ENOENT, (source ?? self).trust)
  }

  private func open(
    _ entry: String, _ flags: Int32, _ mode: mode_t, _ isBrief: Bool, unless answer: Int32,
    _ trust: Trust
  ) throws(JobError) -> File? {
    // A FIFO must not make anyone wait.
    let all = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW
    let low = try posix(.open, path(entry), unless: answer) {
      withCString(entry) { Int(cposix_openat(file.descriptor, $0, all, mode)) }
    }
    guard let low else { return nil }
    let found = try File(adopting: Int32(low), name: entry, in: self, isBrief: isBrief)
    if flags & O_EXCL == 0 { try trust.check(found) }
    return found
  }

  /// nil when there is no such file.
  func status(_ entry: String) throws(JobError) -> cposix_file_status? {
    var status = cposix_file_status()
    let found = try posix(.stat, path(entry), unless: ENOENT) {
      withCString(entry) { Int(cposix_fstatat(file.descriptor, $0, &status)) }
    }
    return found == nil ? nil : status
  }

  func unlink(_ entry: String) throws(JobError) {
    _ = try posix(.unlink, path(entry), unless: ENOENT) {
      withCString(entry) { Int(unlinkat(file.descriptor, $0, 0)) }
    }
  }

  /// Fails with ENOTEMPTY while anything is in it.
  func removeDirectory(_ entry: String) throws(JobError) {
    _ = try posix(.unlink, path(entry)) {
      withCString(entry) { Int(unlinkat(file.descriptor, $0, AT_REMOVEDIR)) }
    }
  }

  /// false: it was there.
  func makeDirectory(_ entry: String, mode: mode_t) throws(JobError) -> Bool {
    let made = try posix(.makeDirectory, path(entry), unless: EEXIST) {
      withCString(entry) { Int(mkdirat(file.descriptor, $0, mode)) }
    }
    return made != nil
  }

  /// Replaces `new` if it is there.
  func rename(_ old: String, to new: String) throws(JobError) {
    _ = try posix(.rename, path(new)) {
      withCString(old) { old in
        withCString(new) { Int(renameat(file.descriptor, old, file.descriptor, $0)) }
      }
    }
  }

  /// Fails with EEXIST when `new` is there. `other`: the directory of `new`, if it is another.
  func link(_ old: String, to new: String, in other: Directory? = nil) throws(JobError) {
    let other = other ?? self
    _ = try posix(.link, other.path(new)) {
      withCString(old) { old in
        withCString(new) { Int(linkat(file.descriptor, old, other.file.descriptor, $0, 0)) }
      }
    }
  }

  func sync() throws(JobError) { try file.sync() }

  func names() throws(JobError) -> [String] {
    if let injected = Seam.fault(.list, name) { throw .system(injected, "list", name) }
    guard let stream = cposix_directory_open(file.descriptor) else {
      throw .system(cposix_errno(), "list", name)
    }
    defer { cposix_directory_close(stream) }
    var names: [String] = []
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { entry in
      guard let base = entry.baseAddress else { return }
      while cposix_directory_next(stream, base) == 1 { names.append(String(nullTerminated: base)) }
    }
    return names
  }
}

/// A name as a C string on the stack: Swift's own conversion allocates.
@inline(never)
func withCString(_ text: String, _ body: (UnsafePointer<CChar>) -> Int) -> Int {
  var text = text
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.byteCount + 1) { room in
    text.withUTF8 { bytes in
      UnsafeMutableRawBufferPointer(room).copyMemory(from: UnsafeRawBufferPointer(bytes))
      room[bytes.count] = 0
    }
    // The room has at least one element.
    return body(UnsafePointer(room.baseAddress.unsafelyUnwrapped))
  }
}
