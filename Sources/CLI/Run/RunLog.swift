import Glibc

/// What the commands of a job print, in one file: for each item a line that begins it, its output,
/// and a line that ends it. Commands side by side write to files of their own, which are added
/// whole.
struct RunLog {
  static let name = "output.log"
  private static let partial = "running-"

  let directory: String
  private let descriptor: Int32
  /// One command at a time writes into the log itself: it can be followed.
  let isDirect: Bool

  init(_ directory: String, isDirect: Bool) throws {
    self.directory = directory
    self.isDirect = isDirect
    let path = "\(directory)/\(Self.name)"
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure(path) }
    // `sudo` must not lock the owner out.
    var owner = stat()
    if geteuid() == 0, stat(directory, &owner) == 0 {
      _ = fchown(descriptor, owner.st_uid, owner.st_gid)
    }
    try endInterrupted()
    try takeUpLeftovers()
  }

  /// An item in the lines that begin and end its output.
  static func shown(_ item: String) -> String { SafeText.shown(Redaction.item(item)) }

  /// Where a command is to write. Its first line is there already.
  func begin(_ tag: UInt32, _ item: String, attempt: Int) throws -> String {
    let count = attempt > 1 ? " (attempt \(attempt))" : ""
    let line = "==> \(Self.shown(item))\(count)\n"
    guard !isDirect else {
      try write(Array(line.utf8), to: descriptor)
      return "\(directory)/\(Self.name)"
    }
    let path = "\(directory)/\(Self.partial)\(tag)"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.failure(path) }
    defer { close(file) }
    try write(Array(line.utf8), to: file)
    return path
  }

  /// How much is in a file, so that the output from there on can be read.
  func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The last of what was printed from `offset` on, at most 64 KiB.
  func output(_ path: String, from offset: Int) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    let begin = max(offset, size(of: path) - (64 << 10))
    var room = [UInt8](repeating: 0, count: 64 << 10)
    let got = pread(file, &room, room.count, off_t(begin))
    return Array(room.prefix(max(0, got)))
  }

  func end(_ path: String, _ item: String, _ result: String) throws {
    let line = "<== \(Self.shown(item)): \(result)\n"
    guard !isDirect else {
      try endLine()
      return try write(Array(line.utf8), to: descriptor)
    }
    try append(path)
    try write(Array(line.utf8), to: descriptor)
    unlink(path)
  }

  /// What a command wrote last may be no whole line.
  private func endLine() throws {
    let last = tail(1)
    if let byte = last.first, byte != UInt8(ascii: "\n") {
      try write([UInt8(ascii: "\n")], to: descriptor)
    }
  }

  /// A runner that was killed leaves the log without the line that ends its command.
  private func endInterrupted() throws {
    let last = tail(1 << 16).split(separator: UInt8(ascii: "\n")).last
    guard let last, !last.starts(with: Array("<== ".utf8)) else { return }
    try endLine()
    try write(Array("<== interrupted\n".utf8), to: descriptor)
  }

  /// The end of the log, at most `count` bytes.
  private func tail(_ count: Int) -> [UInt8] {
    let end = lseek(descriptor, 0, SEEK_END)
    var room = [UInt8](repeating: 0, count: min(count, max(0, Int(end))))
    let got = pread(descriptor, &room, room.count, end - off_t(room.count))
    return Array(room.prefix(max(0, got)))
  }

  /// A runner that was killed leaves the files of what was under way.
  private func takeUpLeftovers() throws {
    guard let stream = opendir(directory) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasPrefix(Self.partial) else { continue }
      try append("\(directory)/\(name)")
      try write(Array("<== interrupted\n".utf8), to: descriptor)
      unlink("\(directory)/\(name)")
    }
  }

  private func append(_ path: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    var room = [UInt8](repeating: 0, count: 64 << 10)
    var last = UInt8(ascii: "\n")
    while case let got = read(file, &room, room.count), got > 0 {
      last = room[got - 1]
      try write(Array(room[..<got]), to: descriptor)
    }
    if last != UInt8(ascii: "\n") { try write([UInt8(ascii: "\n")], to: descriptor) }
  }

  private func write(_ bytes: [UInt8], to descriptor: Int32) throws {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else { throw Self.failure("\(directory)/\(Self.name)") }
      done += put
    }
  }

  private static func failure(_ path: String) -> RunError {
    RunError("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
