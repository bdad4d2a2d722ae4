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
    var attempt: Attempt
    /// nil: it has not been found yet.
    var file: Int32?
    /// How much of it was printed.
    var printed: Int64 = 0
    /// The beginning of a line.
    var line: [UInt8] = []
    /// What stands before each line.
    let prefix: [UInt8]

    init(_ attempt: Attempt) {
      self.attempt = attempt
      prefix = Array("\(RunLog.shown(attempt.item))\t".utf8)
    }
  }

  private static let longestLine = 64 << 10
  /// Bytes of one command that a call shows: one that writes without end must not hold up the rest.
  private static let mostAtOnce: Int64 = 1 << 20

  private let directory: OutputDirectory
  private let style: Style
  private let isWanted: (Attempt) -> Bool
  private let log: Int32
  private let indexFile: Int32
  private var index: IndexReader
  private var live: [Int: Live] = [:]
  /// Ended, and not all of it is shown yet.
  private var ended: [(live: Live, end: Attempt.Ending)] = []
  var hasMore: Bool { !ended.isEmpty }
  /// The last call has left something for the next one.
  private(set) var isBehind = false
  private var room = [UInt8](repeating: 0, count: 1 << 16)
  private(set) var hasShown = false
  private var isAtLineStart = true
  private static let frames = [Array("==> ".utf8), Array("<== ".utf8)]
  /// The beginning of a line, which may become one that looks like ours.
  private var held: [UInt8] = []

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
        var known = live.removeValue(forKey: attempt.serial) ?? Live(attempt)
        if let file = known.file { close(file) }
        if known.file == nil, style == .framed { begin(attempt) }
        known.attempt = attempt
        ended.append((known, end))
        // Between two frames stands one attempt.
        if style == .framed { while hasMore { showEnded() } }
      } else {
        live[attempt.serial] = Live(attempt)
      }
    }
    if hasMore { showEnded() }
    isBehind = hasMore
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
      let most = one.printed + Self.mostAtOnce
      while one.printed < most,
        case let got = pread(file, &room, room.count, off_t(one.printed)), got > 0
      {
        one.printed += Int64(got)
        show(room[..<got], of: &one)
      }
      if one.printed >= most { isBehind = true }
    }
    live[serial] = one
  }

  /// The next part of the first one that has ended.
  private func showEnded() {
    var (one, end) = ended[0]
    var offset = end.offset + min(one.printed, end.length)
    let last = end.offset + end.length
    let most = min(last, offset + Self.mostAtOnce)
    while offset < most {
      let got = pread(log, &room, min(room.count, Int(most - offset)), off_t(offset))
      // It was cut off by somebody.
      guard got > 0 else {
        offset = last
        break
      }
      offset += Int64(got)
      show(room[..<got], of: &one)
    }
    one.printed = offset - end.offset
    guard offset >= last else {
      ended[0].live = one
      return
    }
    ended.removeFirst()
    if style == .tagged, !one.line.isEmpty { showTagged([UInt8(ascii: "\n")], of: &one) }
    endLine()
    if style == .framed {
      Output.line("<== \(RunLog.shown(one.attempt.item)): \(one.attempt.result ?? "")")
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
    if style == .tagged { showTagged(bytes, of: &one) } else { raw(Array(bytes)) }
  }

  private func showTagged(_ bytes: ArraySlice<UInt8>, of one: inout Live) {
    var shown: [UInt8] = []
    shown.reserveCapacity(bytes.count * 2)
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      if one.line.isEmpty {
        Self.add(rest[..<end], one.prefix, to: &shown)
      } else {
        Self.add((one.line + rest[..<end])[...], one.prefix, to: &shown)
        one.line = []
      }
      rest = rest[(end + 1)...]
    }
    one.line += rest
    if one.line.count >= Self.longestLine {
      Self.add(one.line[...], one.prefix, to: &shown)
      one.line = []
    }
    Output.raw(bytes: shown)
  }

  /// As a terminal would show it: what stands behind a CR takes the place of what is before it.
  private static func add(_ line: ArraySlice<UInt8>, _ prefix: [UInt8], to shown: inout [UInt8]) {
    let carriageReturn = UInt8(ascii: "\r")
    var line = line
    while line.last == carriageReturn { line = line.dropLast() }
    if let last = line.lastIndex(of: carriageReturn) { line = line[(last + 1)...] }
    shown += prefix
    shown += line
    shown.append(UInt8(ascii: "\n"))
  }

  /// A line that looks like one of ours gets a backslash.
  private func raw(_ bytes: [UInt8]) {
    var rest = (held + bytes)[...]
    held = []
    while !rest.isEmpty {
      if isAtLineStart, Self.frames.contains(where: { $0.starts(with: rest.prefix($0.count)) }) {
        if rest.count < Self.frames[0].count {
          held = Array(rest)
          return
        }
        Output.raw("\\")
      }
      let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
      Output.raw(bytes: Array(rest[..<end]))
      isAtLineStart = rest[end - 1] == UInt8(ascii: "\n")
      rest = rest[end...]
    }
  }

  /// What a command wrote last may be no whole line.
  private func endLine() {
    if !held.isEmpty {
      Output.raw(bytes: held)
      (held, isAtLineStart) = ([], false)
    }
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
