import ArgumentParser
import Glibc

/// Items, one a line or separated by zero bytes.
struct ItemList: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file with the items, one a line; - is standard input.", valueName: "file"),
    completion: .file())
  var items: String?

  @Flag(name: [.customShort("0"), .long], help: "Items are separated by zero bytes, not lines.")
  var null = false

  func read() throws -> [String]? {
    guard let items else { return nil }
    return try Self.read(items, null ? 0 : UInt8(ascii: "\n"))
  }

  /// Empty items are skipped, the CR of a CRLF, and a byte order mark at the beginning. What is not UTF-8 is an error that names the
  /// line.
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
