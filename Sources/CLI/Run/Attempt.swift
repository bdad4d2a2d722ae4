import Glibc

/// One line of a run's index: an attempt at an item that begins, or has ended, and where its output
/// is. The index is a file of its own, so that nothing a command prints can look like it.
///
/// A line has nine fields with tabs between: `begin` or `end`, serial, number, begin, end, offset,
/// length, outcome, item. In the last two, backslash, tab and newline stand as `\\`, `\t`, `\n`.
/// Times are milliseconds since 1970. Of one that begins, end, offset, length and outcome are empty.
struct Attempt {
  /// Counts the attempts of the job: no two have the same.
  let serial: Int
  let item: String
  /// 1 for the first attempt at this item.
  let number: Int
  let begin: Int64
  var end: Ending?

  struct Ending {
    /// nil: its runner died.
    let time: Int64?
    /// In the log.
    let offset: Int64
    let length: Int64
    /// `exit 0`, `signal 9 (Killed)`, `interrupted` …
    let outcome: String
  }

  var line: String {
    var fields = [end == nil ? "begin" : "end", "\(serial)", "\(number)", "\(begin)"]
    if let end {
      fields += [
        end.time.map { "\($0)" } ?? "", "\(end.offset)", "\(end.length)", Self.escaped(end.outcome),
      ]
    } else {
      fields += ["", "", "", ""]
    }
    return (fields + [Self.escaped(item)]).joined(separator: "\t") + "\n"
  }

  /// nil: it is none, or was cut off by a kill.
  init?(line: some Collection<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard fields.count == 9, let serial = Int(fields[1]), let number = Int(fields[2]),
      let begin = Int64(fields[3])
    else { return nil }
    (self.serial, self.number, self.begin) = (serial, number, begin)
    item = Self.plain(fields[8])
    guard fields[0] == "end" else {
      guard fields[0] == "begin" else { return nil }
      return
    }
    guard let offset = Int64(fields[5]), let length = Int64(fields[6]) else { return nil }
    end = Ending(
      time: Int64(fields[4]), offset: offset, length: length, outcome: Self.plain(fields[7]))
  }

  init(serial: Int, item: String, number: Int, begin: Int64) {
    (self.serial, self.item, self.number, self.begin) = (serial, item, number, begin)
  }

  /// For people: how it ended, and how long it took.
  var result: String? {
    guard let end else { return nil }
    guard let time = end.time else { return end.outcome }
    return "\(end.outcome), \(Double(max(0, time - begin) / 10) / 100) s"
  }

  private static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x5c || $0 == 0x09 || $0 == 0x0a }) else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\t": result += "\\t"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func plain(_ text: String) -> String {
    guard text.utf8.contains(0x5c) else { return text }
    var result = ""
    var isEscape = false
    for scalar in text.unicodeScalars {
      if isEscape {
        result.unicodeScalars.append(scalar == "t" ? "\t" : scalar == "n" ? "\n" : scalar)
        isEscape = false
      } else if scalar == "\\" {
        isEscape = true
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// Reads an index from its beginning on, and again what has come since.
struct IndexReader {
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var room = [UInt8](repeating: 0, count: 1 << 16)

  /// The descriptor stays the caller's.
  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Whole lines alone: who writes one writes it at once, unless it is killed.
  mutating func read(_ body: (Attempt) throws -> Void) throws {
    while case let got = Glibc.read(descriptor, &room, room.count), got != 0 {
      guard got > 0 else {
        if errno == EINTR { continue }
        throw RunError("cannot read the index of the output: \(String(cString: strerror(errno)))")
      }
      pending += room[..<got]
      var start = pending.startIndex
      while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
        if let attempt = Attempt(line: pending[start..<end]) { try body(attempt) }
        start = end + 1
      }
      pending.removeSubrange(..<start)
    }
  }
}
