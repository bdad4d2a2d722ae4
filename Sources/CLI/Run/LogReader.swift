import BackgroundJobs
import Glibc

/// Reads what a run's commands have printed, and goes on reading while they print.
final class LogReader {
  /// How output that is still being written is shown.
  enum Style {
    /// An attempt after the other, each between two lines that say what it is.
    case framed
    /// Whole lines as they come, each behind its item and a tab.
    case tagged
  }

  /// An attempt that is under way.
  private struct Live {
    let attempt: Attempt
    /// nil: it has not been found yet.
    var file: Int32?
    /// How much of it was printed.
    var printed: Int64 = 0
    /// The beginning of a line.
    var line: [UInt8] = []
  }

  private static let longestLine = 64 << 10

  private let directory: OutputDirectory
  private let style: Style
  private let isWanted: (Attempt) -> Bool
  private let log: Int32
  private let indexFile: Int32
  private var index: IndexReader
  private var live: [Int: Live] = [:]
  private var room = [UInt8](repeating: 0, count: 1 << 16)
  private(set) var hasShown = false
  private var isAtLineStart = true

  /// nil: the job has no such output. `fromNowOn`: what was there before is not shown.
  init?(
    _ directory: OutputDirectory, _ style: Style, fromNowOn: Bool = false,
    where isWanted: @escaping (Attempt) -> Bool
  ) throws {
    guard let index = try directory.open(RunLog.indexName, O_RDONLY) else { return nil }
    guard let log = try directory.open(RunLog.name, O_RDONLY) else {
      close(index)
      return nil
    }
    (self.directory, self.style, self.isWanted) = (directory, style, isWanted)
    (self.log, indexFile) = (log, index)
    self.index = IndexReader(index)
    if fromNowOn { lseek(index, 0, SEEK_END) }
  }

  deinit {
    close(log)
    close(indexFile)
    for case let file? in live.values.map(\.file) { close(file) }
  }

  /// What a version before has put into the log, which knew no index.
  func printOlder(before offset: Int64) { print(log, from: 0, to: offset) }

  /// Prints what has come since the last call. `showsLive`: also of what is under way.
  func read(showsLive: Bool) throws {
    try index.read { attempt in
      guard isWanted(attempt) else { return }
      if let end = attempt.end {
        let known = live.removeValue(forKey: attempt.serial)
        if let file = known?.file { close(file) }
        finish(attempt, end, known)
      } else {
        live[attempt.serial] = Live(attempt: attempt)
      }
    }
    guard showsLive else { return }
    for serial in live.keys.sorted() { try follow(serial) }
  }

  private func follow(_ serial: Int) throws {
    guard var one = live[serial] else { return }
    if one.file == nil {
      one.file = try directory.open(RunLog.partial(serial), O_RDONLY)
      if one.file != nil, style == .framed { begin(one.attempt) }
    }
    if let file = one.file {
      while case let got = pread(file, &room, room.count, off_t(one.printed)), got > 0 {
        one.printed += Int64(got)
        show(room[..<got], of: &one)
      }
    }
    live[serial] = one
  }

  private func finish(_ attempt: Attempt, _ end: Attempt.Ending, _ known: Live?) {
    var one = known ?? Live(attempt: attempt)
    if one.file == nil, style == .framed { begin(attempt) }
    var offset = end.offset + min(one.printed, end.length)
    let last = end.offset + end.length
    while offset < last {
      let got = pread(log, &room, min(room.count, Int(last - offset)), off_t(offset))
      guard got > 0 else { break }
      offset += Int64(got)
      show(room[..<got], of: &one)
    }
    if style == .tagged, !one.line.isEmpty { showLine(of: &one) }
    endLine()
    if style == .framed {
      Output.line("<== \(RunLog.shown(attempt.item)): \(attempt.result ?? "")")
    }
  }

  private func begin(_ attempt: Attempt) {
    hasShown = true
    endLine()
    let count = attempt.number > 1 ? " (attempt \(attempt.number))" : ""
    Output.line("==> \(RunLog.shown(attempt.item))\(count)")
  }

  private func show(_ bytes: ArraySlice<UInt8>, of one: inout Live) {
    hasShown = true
    guard style == .tagged else { return raw(Array(bytes)) }
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      one.line += rest[..<end]
      showLine(of: &one)
      rest = rest[(end + 1)...]
    }
    one.line += rest
    if one.line.count >= Self.longestLine { showLine(of: &one) }
  }

  private func showLine(of one: inout Live) {
    Output.raw("\(RunLog.shown(one.attempt.item))\t")
    Output.raw(bytes: one.line + [UInt8(ascii: "\n")])
    one.line = []
  }

  private func raw(_ bytes: [UInt8]) {
    Output.raw(bytes: bytes)
    if let last = bytes.last { isAtLineStart = last == UInt8(ascii: "\n") }
  }

  /// What a command wrote last may be no whole line.
  private func endLine() {
    if !isAtLineStart { Output.raw("\n") }
    isAtLineStart = true
  }

  private func print(_ file: Int32, from begin: Int64, to end: Int64) {
    var offset = begin
    while offset < end {
      let got = pread(file, &room, min(room.count, Int(end - offset)), off_t(offset))
      guard got > 0 else { return }
      raw(Array(room[..<got]))
      offset += Int64(got)
    }
  }
}
