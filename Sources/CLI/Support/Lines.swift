import ArgumentParser
import Glibc

/// Items, one a line or separated by zero bytes.
struct ItemList: ParsableArguments {
  @Option(
    name: .customLong("items"),
    help: ArgumentHelp(
      "A file with the items, one a line; - is standard input. May be given several times.",
      valueName: "file"),
    completion: .file())
  var files: [String] = []

  /// The files, each by the shortest path from here that names it; nil: none was given.
  var items: String? { files.isEmpty ? nil : files.map(Self.plain).joined(separator: "\0") }

  func validate() throws {
    if files.filter({ $0 == "-" }).count > 1 {
      throw ValidationError("--items - can be given once: there is one standard input")
    }
  }

  private static func plain(_ path: String) -> String {
    var rest = path[...]
    let here = currentDirectory() + "/"
    if rest.hasPrefix(here) { rest = rest.dropFirst(here.count) }
    while rest.hasPrefix("./"), rest.count > 2 { rest = rest.dropFirst(2) }
    return String(rest)
  }

  @Flag(name: [.customShort("0"), .long], help: "Items are separated by zero bytes, not lines.")
  var null = false

  func read() throws -> [String]? {
    guard !files.isEmpty else { return nil }
    return try files.flatMap { try Self.read($0, null ? 0 : UInt8(ascii: "\n")) }
  }

  /// Empty items are skipped, the CR of a CRLF, and a byte order mark at the beginning. What is not
  /// UTF-8 is an error that names the line.
  static func read(_ path: String, _ separator: UInt8) throws -> [String] {
    let bytes = try readText(path)
    var items: [String] = []
    var number = 0
    for part in bytes.split(separator: separator, omittingEmptySubsequences: false) {
      number += 1
      let isLine = separator != 0 && part.last == UInt8(ascii: "\r")
      let item = isLine ? part.dropLast() : part
      if item.isEmpty { continue }
      guard let text = String(validating: item, as: UTF8.self) else {
        throw ValidationError("\(path): item \(number) is not UTF-8")
      }
      items.append(text)
    }
    return items
  }
}

/// All of a file of text, without the mark that some editors put before it.
func readText(_ path: String) throws -> [UInt8] {
  let bytes = try readFile(path)
  return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
}

/// All of a file; - is standard input.
func readFile(_ path: String) throws -> [UInt8] {
  let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
  func failure() -> ValidationError {
    ValidationError("cannot read \(path): \(String(cString: strerror(errno)))")
  }
  guard descriptor >= 0 else { throw failure() }
  defer { if path != "-" { close(descriptor) } }
  var bytes: [UInt8] = []
  var room = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let got = read(descriptor, &room, room.count)
    if got < 0, errno == EINTR { continue }
    guard got >= 0 else { throw failure() }
    if got == 0 { return bytes }
    bytes += room[..<got]
  }
}

/// JSON as it stands on the command line, or of a file (@FILE, @-).
func readJSON(_ argument: String) throws -> String {
  guard argument.hasPrefix("@") else { return argument }
  let path = String(argument.dropFirst())
  guard let text = String(validating: try readText(path), as: UTF8.self) else {
    throw ValidationError("\(path) is not UTF-8")
  }
  return text
}
