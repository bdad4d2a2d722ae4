import BackgroundJobs
import Glibc

/// What the commands of a job print: one file with all of it, as it was printed, and beside it the
/// index that says what of it is whose (`Attempt`). A command writes to a file of its own, which is
/// added to the log when it has ended.
final class RunLog {
  static let name = "output.log"
  static let indexName = "output.index"

  /// Where the command of an attempt writes.
  struct Output {
    let attempt: Attempt
    /// For us to read.
    fileprivate let descriptor: Int32
    fileprivate var name: String { RunLog.partial(attempt.serial) }
  }

  private let directory: OutputDirectory
  private let log: Int32
  private let index: Int32
  private var nextSerial = 1
  private var room = [UInt8](repeating: 0, count: 1 << 16)

  /// The caller owns the job: nobody else writes here.
  init(_ directory: OutputDirectory) throws {
    self.directory = directory
    log = try Self.openToAppend(Self.name, in: directory)
    index = try Self.openToAppend(Self.indexName, in: directory)
    try takeUpLeftovers()
  }

  deinit {
    close(log)
    close(index)
  }

  private static func openToAppend(_ name: String, in directory: OutputDirectory) throws -> Int32 {
    let there = try directory.open(name, O_RDWR | O_APPEND)
    return try there ?? directory.create(name)
  }

  /// The file of an attempt that is under way.
  static func partial(_ serial: Int) -> String { "\(partialPrefix)\(serial)" }
  private static let partialPrefix = "running-"

  /// An item in the lines that begin and end its output.
  static func shown(_ item: String) -> String { SafeText.shown(Redaction.item(item)) }

  // MARK: An attempt

  func begin(_ item: String, attempt number: Int) throws -> Output {
    let attempt = Attempt(serial: nextSerial, item: item, number: number, begin: realtimeMs())
    let output = Output(
      attempt: attempt, descriptor: try directory.create(Self.partial(attempt.serial)))
    do { try append(attempt) } catch {
      close(output.descriptor)
      try? directory.unlink(output.name)
      throw error
    }
    nextSerial += 1
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

  /// The last of what was printed, at most 64 KiB.
  func text(of output: Output) -> [UInt8] {
    let begin = max(0, size(of: output.descriptor) - Int64(room.count))
    let got = pread(output.descriptor, &room, room.count, off_t(begin))
    return Array(room.prefix(max(0, got)))
  }

  /// May be called again when it fails: a full disk is no end.
  func end(_ output: Output, _ outcome: String, at time: Int64?) throws {
    try finish(output.attempt, output.descriptor, outcome, at: time)
    close(output.descriptor)
    try directory.unlink(output.name)
  }

  private func finish(
    _ attempt: Attempt, _ file: Int32, _ outcome: String, at time: Int64?
  ) throws {
    var attempt = attempt
    let offset = size(of: log)
    let length = try undoing(log, from: offset) { try copy(file) }
    attempt.end = Attempt.Ending(time: time, offset: offset, length: length, outcome: outcome)
    try append(attempt)
  }

  // MARK: Files

  private func append(_ attempt: Attempt) throws {
    let line = Array(attempt.line.utf8)
    try undoing(index, from: size(of: index)) {
      try write(line, count: line.count, to: index, Self.indexName)
    }
  }

  /// All of a file, as large as it is now: what a command has left running may write on. Gives how
  /// much.
  private func copy(_ file: Int32) throws -> Int64 {
    var offset: off_t = 0
    let end = off_t(size(of: file))
    while offset < end,
      case let got = pread(file, &room, min(room.count, Int(end - offset)), offset), got > 0
    {
      offset += off_t(got)
      try write(room, count: got, to: log, Self.name)
    }
    return Int64(offset)
  }

  /// What fails in the middle leaves nothing behind.
  private func undoing<T>(_ file: Int32, from size: Int64, _ body: () throws -> T) throws -> T {
    do { return try body() } catch {
      ftruncate(file, off_t(size))
      throw error
    }
  }

  private func size(of file: Int32) -> Int64 {
    var status = stat()
    return fstat(file, &status) == 0 ? Int64(status.st_size) : 0
  }

  private func write(
    _ bytes: [UInt8], count: Int, to descriptor: Int32, _ name: String
  ) throws {
    var done = 0
    while done < count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, count - done)
      }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else {
        let number = errno
        throw JobError(
          [ENOSPC, EDQUOT, EFBIG].contains(number) ? .noSpace : .io,
          "cannot write \(directory.path)/\(name): \(String(cString: strerror(number)))",
          osError: number)
      }
      done += put
    }
  }

  /// A runner that was killed leaves the files of what was under way, and perhaps half a line.
  private func takeUpLeftovers() throws {
    let reading = dup(index)
    defer { close(reading) }
    lseek(reading, 0, SEEK_SET)
    var open: [Int: Attempt] = [:]
    var reader = IndexReader(reading)
    try reader.read { attempt in
      open[attempt.serial] = attempt.end == nil ? attempt : nil
      nextSerial = max(nextSerial, attempt.serial + 1)
    }
    let end = size(of: index)
    var last: UInt8 = 0
    if end > 0, pread(index, &last, 1, off_t(end - 1)) == 1, last != UInt8(ascii: "\n") {
      try write([UInt8(ascii: "\n")], count: 1, to: index, Self.indexName)
    }
    for attempt in open.values.sorted(by: { $0.serial < $1.serial }) {
      let file = try directory.open(Self.partial(attempt.serial), O_RDONLY)
      defer { if let file { close(file) } }
      try finish(attempt, file ?? -1, "interrupted", at: nil)
    }
    for name in try directory.names() where name.hasPrefix(Self.partialPrefix) {
      try directory.unlink(name)
    }
  }
}

/// Milliseconds since 1970.
func realtimeMs() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
