import CPosix

/// What identifies a state of a file: two different contents that are not racy never share it.
struct FileStamp: Equatable {
  var inode: UInt64 = 0
  var size: Int64 = -1
  var modified: Int64 = 0
  var changed: Int64 = 0
}

/// An open descriptor, numbered from 256 on and closed in forked children.
final class File {
  let descriptor: Int32
  /// Its own, without the directory's.
  private let entry: String
  private let parent: Directory?
  private var isOurs = true
  /// It could not be opened for writing.
  var isForReading = false
  /// In a forked child this number is closed, and may have been given to another file of ours.
  private let forkGeneration = cposix_fork_generation()

  /// The whole path, for messages.
  var name: String { parent?.path(entry) ?? entry }

  /// `isBrief`: it is closed before the call ends, so the host cannot come across its low number.
  init(
    adopting low: Int32, name entry: String, in parent: Directory? = nil, isBrief: Bool = false
  ) throws(JobError) {
    descriptor = isBrief ? low : cposix_move_high(low)
    self.entry = entry
    self.parent = parent
    if cposix_fork_register(descriptor) != 0 {
      isOurs = false
      close(descriptor)
      throw JobError(.noMemory, "no memory for one more file", osError: ENOMEM)
    }
  }

  /// For reading, and only for the time of a call. The path may be anybody's: nothing but a regular
  /// file is opened.
  static func open(path: String) throws(JobError) -> File {
    let low = try posix(.open, path) { withCString(path) { Int(cposix_open_regular($0)) } }
    return try File(adopting: Int32(low), name: path, isBrief: true)
  }

  /// The path and status of a file that the host has open.
  static func identify(
    _ descriptor: Int32
  ) throws(JobError) -> (path: String, status: cposix_file_status) {
    var status = cposix_file_status()
    let name: Message = "descriptor \(descriptor)"
    guard cposix_fstat(descriptor, &status) == 0 else {
      throw JobError(.invalid, "\(name) is not open", osError: cposix_errno())
    }
    guard status.links > 0, status.is_regular != 0 else {
      throw JobError(.invalid, "\(name) is no regular file that has a name")
    }
    let link = Message("/proc/self/fd/\(descriptor)").text
    let path = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      guard let base = room.baseAddress?.assumingMemoryBound(to: CChar.self) else { return "" }
      let length = withCString(link) { readlink($0, base, 4096) }
      let text = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<max(0, length)])
      return isUTF8(text) && text.count < 4096 ? String(bytes: text) : ""
    }
    guard begins(path, with: "/") else {
      throw JobError(.invalid, "the path of \(name) is not known, or is not UTF-8")
    }
    return (path, status)
  }

  deinit {
    guard isOurs, isOfThisProcess, cposix_fork_unregister(descriptor) == 1 else { return }
    close(descriptor)
  }

  private var isOfThisProcess: Bool { forkGeneration == cposix_fork_generation() }

  /// The host closed our numbers, and may have given them to files of its own: never touch them
  /// again.
  func abandon() {
    guard isOurs else { return }
    isOurs = false
    if isOfThisProcess { _ = cposix_fork_unregister(descriptor) }
    parent?.file.abandon()
  }

  func status() throws(JobError) -> cposix_file_status {
    var status = cposix_file_status()
    _ = try posix(.stat, name) { Int(cposix_fstat(descriptor, &status)) }
    return status
  }

  /// Reads up to `count` bytes at `offset` onto the end of `buffer`; fewer only at the end of the
  /// file.
  func read(_ count: Int, at offset: Int64, into buffer: Buffer) throws(JobError) {
    try buffer.reserve(count)
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer.room.prefix(count))
    buffer.grow(by: try read(room, at: offset))
  }

  /// Fills the room from `offset` on. Gives how much it read: less only at the end of the file.
  func read(_ room: UnsafeMutableRawBufferPointer, at offset: Int64) throws(JobError) -> Int {
    var done = 0
    while done < room.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: room[done...])
      let got = try posix(.read, name) {
        pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + done)
      }
      if got == 0 { break }
      done += got
    }
    return done
  }

  /// Writes all bytes at `offset`, or fails; a failure may leave a part of them behind.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64, limit: Int64) throws(JobError) {
    try checkLimit(offset, bytes.count, limit)
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let wanted = min(Seam.limit(rest.count, name), rest.count)
      let put = try posix(.write, name) {
        pwrite(descriptor, rest.baseAddress, wanted, off_t(offset + Int64(done)))
      }
      if put == 0 { throw .system(ENOSPC, "write", name) }
      done += put
    }
  }

  /// Writes at the descriptor's own position: one write(2) if all goes well. Gives how much was
  /// written: less than all of it means that the disk is full.
  @inline(__always)
  func writeNext(_ bytes: UnsafeRawBufferPointer) throws(JobError) -> Int {
    let wanted = min(Seam.limit(bytes.count, name), bytes.count)
    return try posix(.write, name) { CPosix.write(descriptor, bytes.baseAddress, wanted) }
  }

  func seek(to offset: Int64) throws(JobError) {
    _ = try posix(.read, name) { Int(lseek(descriptor, off_t(offset), SEEK_SET)) }
  }

  func truncate(to size: Int64) throws(JobError) {
    _ = try posix(.truncate, name) { Int(ftruncate(descriptor, off_t(size))) }
  }

  /// So many that stay open are not to take the last descriptors: other calls need some.
  func requireOthers(beside many: Int) throws(JobError) {
    _ = try posix(.open, name) { Int(cposix_has_descriptors(Int64(many))) }
  }

  /// Data and what is needed to read it again. Never call it again after it failed: the kernel then
  /// says OK although the data is gone.
  func syncData() throws(JobError) {
    _ = try posix(.sync, name) { Int(fdatasync(descriptor)) }
  }

  func sync() throws(JobError) {
    _ = try posix(.sync, name) { Int(fsync(descriptor)) }
  }

  /// The kernel kills a process that writes past RLIMIT_FSIZE with SIGXFSZ, so we look before.
  private func checkLimit(_ offset: Int64, _ count: Int, _ limit: Int64) throws(JobError) {
    if offset > limit - Int64(count) { throw .system(EFBIG, "write", name) }
  }
}

extension cposix_file_status {
  var stamp: FileStamp {
    FileStamp(inode: inode, size: size, modified: modified_ns, changed: changed_ns)
  }
}
