import CPosix

/// The lock that other tools of this format take while they read, change and write the state file: a
/// file beside it that only one of them can create. We hold it for the moment of an exchange, so
/// that no edit of theirs is displaced unseen.
///
/// Their rules: its text is a pid and the milliseconds of its creation, in a line each; it is taken
/// over when it is 30 s old, or waited for 5 s.
struct LockFile {
  static let name = "background-jobs.lock"
  /// The same file in our own directory: making the lock is a link, which is there at once with all
  /// that is in it.
  private static let source = "lock"
  private static let staleMs: UInt64 = 30_000
  /// After so many milliseconds it is stale: ours is nearly as old as that from the beginning, so that
  /// a kill costs others no more. Not less than a busy disk takes: two of them that take over a stale
  /// lock at once both have it.
  private static let shortest: Int64 = 90
  private static let longest: Int64 = 500
  /// Younger ones are not judged: their holder may be in another PID namespace, or not have written
  /// its text yet.
  private static let youngMs: UInt64 = 10
  /// Room for two numbers.
  private static let textSize = 32

  private let state: Directory
  private let files: Directory
  /// Milliseconds after which it is stale.
  private let life: Int64
  private let begin: Int64

  /// Under the writer lock, which tells apart the holders among ourselves. nil: another tool has it,
  /// for more than some milliseconds. `holding`: for so many nanoseconds it may be held.
  static func takeSoon(
    _ places: StateDirectory, pid: Int64, holding: Int64 = 0
  ) throws(JobError) -> LockFile? {
    guard let state = places.state, let files = places.files else { return nil }
    let life = min(max(shortest, holding / 1_000_000), longest)
    for _ in 0..<8 {
      let lock = LockFile(state: state, files: files, life: life, begin: Clock.machine)
      if try lock.make(places, pid) { return lock }
      cposix_sleep(500_000)
    }
    return nil
  }

  /// Whether another tool has it, and lives.
  static func isHeld(_ places: StateDirectory) throws(JobError) -> Bool {
    guard let state = places.state, let files = places.files else { return false }
    let lock = LockFile(state: state, files: files, life: shortest, begin: 0)
    return try !lock.isFree()
  }

  private func make(_ places: StateDirectory, _ pid: Int64) throws(JobError) -> Bool {
    let (file, status) = try source(places)
    if status.links > 1, try !isFree() { return false }
    let now = cposix_realtime()
    let created = now / 1_000_000 - Int64(Self.staleMs) + life
    let text = Buffer()
    text.append(Message("\(pid)\n\(created)").text)
    // As long as any, so that there is nothing to cut off.
    for _ in text.count..<Self.textSize { text.append(UInt8(ascii: " ")) }
    try text.requireWhole()
    try file.write(text.bytes, at: 0, limit: cposix_file_size_limit())
    _ = try posix(.change, file.name) {
      Int(cposix_set_modified(file.descriptor, created * 1_000_000))
    }
    for _ in 0..<2 {
      do throws(JobError) {
        try files.link(Self.source, to: Self.name, in: state)
        return true
      } catch {
        guard error.osError == EEXIST else { throw error }
        // Of one of us that was killed: the writer lock says that it is no more.
        if try state.status(Self.name)?.inode == status.inode { return true }
        guard try isFree() else { return false }
        guard try remove() else { return false }
      }
    }
    return false
  }

  private func source(
    _ places: StateDirectory
  ) throws(JobError) -> (File, cposix_file_status) {
    if let file = try files.openIfThere(Self.source, O_RDWR) {
      let status = try file.status()
      if status.is_regular != 0 { return (file, status) }
    }
    let file = try places.create(Self.source, in: files, mode: 0o644, isBrief: true)
    return (file, try file.status())
  }

  /// One that holds nobody off. False: a directory that something is in.
  private func remove() throws(JobError) -> Bool {
    do throws(JobError) { try state.unlink(Self.name) } catch {
      guard error.osError == EISDIR else { throw error }
      return (try? state.removeDirectory(Self.name)) != nil
    }
    return true
  }

  /// What is in its place and nobody takes away; nil: nothing.
  static func obstacle(_ state: Directory) throws(JobError) -> Message? {
    guard let status = try state.status(name), status.is_regular == 0 else { return nil }
    let age = (cposix_realtime() - status.modified_ns).magnitude / 1_000_000
    return age < staleMs
      ? nil : "is not a regular file, and nobody may publish beside it: delete it"
  }

  /// Whether the lock that is there holds nobody off: its process is dead, or it is stale.
  private func isFree() throws(JobError) -> Bool {
    guard let status = try state.status(Self.name) else { return true }
    let now = cposix_realtime() / 1_000_000
    // A clock may have been set back.
    let age = (now - status.modified_ns / 1_000_000).magnitude
    guard age > Self.youngMs else { return false }
    guard status.is_regular != 0, let file = try state.openIfThere(Self.name, O_RDONLY) else {
      return age >= Self.staleMs
    }
    let text = Buffer()
    try file.read(64, at: 0, into: text)
    let end = text.bytes.firstIndex(of: UInt8(ascii: "\n")) ?? text.bytes.count
    let created = end < text.bytes.count ? number(text.bytes[(end + 1)...]) : nil
    if max(age, (now - (created ?? now)).magnitude) >= Self.staleMs { return true }
    guard let pid = number(text.bytes[..<end]), pid > 0, pid <= Int64(pid_t.max) else {
      return false
    }
    return kill(pid_t(pid), 0) != 0 && cposix_errno() == ESRCH
  }

  private func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int64? {
    var number: Int64 = 0
    for digit in digits where digit != UInt8(ascii: " ") {
      guard digit >= 0x30, digit <= 0x39, number < 1 << 53 else { return nil }
      number = number &* 10 &+ Int64(digit &- 0x30)
    }
    return digits.isEmpty ? nil : number
  }

  func release() {
    // After the time it was good for, somebody else may hold it.
    if Clock.machine &- begin > life * 500_000 {
      let mine = try? files.status(Self.source)
      guard let mine, let there = try? state.status(Self.name), mine.inode == there.inode else {
        return
      }
    }
    try? state.unlink(Self.name)
  }
}
