import BackgroundJobs
import Glibc

/// What the commands of a job print, in one file: for each item a line that begins it, its output,
/// and a line that ends it. Commands side by side write to files of their own, which are added
/// whole.
struct RunLog {
  static let name = "output.log"
  private static let partial = "running-"

  /// Where a command writes.
  struct Output {
    let name: String
    /// For us to read.
    fileprivate let descriptor: Int32
  }

  private let directory: OutputDirectory
  private let descriptor: Int32
  /// One command at a time writes into the log itself: it can be followed.
  let isDirect: Bool

  init(_ directory: OutputDirectory, isDirect: Bool) throws {
    self.directory = directory
    self.isDirect = isDirect
    let there = try directory.open(Self.name, O_RDWR | O_APPEND)
    descriptor = try there ?? directory.create(Self.name)
    try endInterrupted()
    try takeUpLeftovers()
  }

  /// An item in the lines that begin and end its output.
  static func shown(_ item: String) -> String { SafeText.shown(Redaction.item(item)) }

  /// Where a command is to write. Its first line is there already.
  func begin(_ tag: UInt32, _ item: String, attempt: Int) throws -> Output {
    let count = attempt > 1 ? " (attempt \(attempt))" : ""
    let line = "==> \(Self.shown(item))\(count)\n"
    let name = isDirect ? Self.name : "\(Self.partial)\(tag)"
    let output = Output(
      name: name, descriptor: isDirect ? descriptor : try directory.create(name))
    try write(Array(line.utf8), to: output.descriptor)
    return output
  }

  /// The end of a command's output, to be closed when the command has it. Not ours: the command
  /// must not read in it.
  func openForCommand(_ output: Output) throws -> Int32 {
    guard let file = try directory.open(output.name, O_WRONLY | O_APPEND) else {
      throw RunError("\(directory.path)/\(output.name) was deleted")
    }
    return file
  }

  /// How much is in a file, so that the output from there on can be read.
  func size(of output: Output) -> Int {
    var status = stat()
    return fstat(output.descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The last of what was printed from `offset` on, at most 64 KiB.
  func text(of output: Output, from offset: Int) -> [UInt8] {
    let begin = max(offset, size(of: output) - (64 << 10))
    var room = [UInt8](repeating: 0, count: 64 << 10)
    let got = pread(output.descriptor, &room, room.count, off_t(begin))
    return Array(room.prefix(max(0, got)))
  }

  func end(_ output: Output, _ item: String, _ result: String) throws {
    let line = "<== \(Self.shown(item)): \(result)\n"
    guard !isDirect else {
      try endLine()
      return try write(Array(line.utf8), to: descriptor)
    }
    defer { close(output.descriptor) }
    try append(output.descriptor)
    try write(Array(line.utf8), to: descriptor)
    try directory.unlink(output.name)
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
    for name in try directory.names() where name.hasPrefix(Self.partial) {
      guard let file = try directory.open(name, O_RDONLY) else { continue }
      defer { close(file) }
      try append(file)
      try write(Array("<== interrupted\n".utf8), to: descriptor)
      try directory.unlink(name)
    }
  }

  /// All of a file, from its beginning.
  private func append(_ file: Int32) throws {
    var room = [UInt8](repeating: 0, count: 64 << 10)
    var last = UInt8(ascii: "\n")
    var offset: off_t = 0
    while case let got = pread(file, &room, room.count, offset), got > 0 {
      offset += off_t(got)
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
      guard put > 0 else { throw failure(Self.name) }
      done += put
    }
  }

  private func failure(_ name: String) -> RunError {
    RunError("cannot write \(directory.path)/\(name): \(String(cString: strerror(errno)))")
  }
}
