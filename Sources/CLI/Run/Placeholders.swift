/// What stands for an item in a command line: the names are those of GNU parallel.
enum Placeholder: String, CaseIterable {
  case item = "{}"
  /// Without its extension.
  case stem = "{.}"
  /// Its last part.
  case name = "{/}"
  /// What is before that.
  case directory = "{//}"
  /// The last part, without its extension.
  case nameStem = "{/.}"
  /// The how many-th of this run it is, from 1.
  case number = "{#}"
  /// Which of the commands side by side it is, from 1.
  case slot = "{%}"

  /// Whether what it becomes begins as the item does.
  var beginsAsItem: Bool { self != .number && self != .slot }

  static var list: String { allCases.map(\.rawValue).joined(separator: " ") }
}

/// An item, and where it stands in its run.
struct PlacedItem {
  let item: String
  let number: Int
  let slot: Int

  func value(of placeholder: Placeholder) -> String {
    switch placeholder {
    case .item: item
    case .stem: Self.stem(item)
    case .name: Self.name(item)
    case .directory: Self.directory(item)
    case .nameStem: Self.stem(Self.name(item))
    case .number: "\(number)"
    case .slot: "\(slot)"
    }
  }

  private static func name(_ path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) }
      ?? path
  }

  /// As dirname(1).
  private static func directory(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// A dot that begins the last part begins no extension.
  private static func stem(_ path: String) -> String {
    let start =
      path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) }
      ?? path.startIndex
    guard let dot = path.utf8[start...].lastIndex(of: UInt8(ascii: ".")), dot != start else {
      return path
    }
    return String(path[..<dot])
  }
}

/// The arguments of a command, with placeholders in them.
struct CommandTemplate {
  let arguments: [String]

  /// The placeholders that are used.
  var used: [Placeholder] {
    Placeholder.allCases.filter { one in arguments.contains { $0.contains(one.rawValue) } }
  }

  /// Without any placeholder the item is the last argument.
  func filled(with item: PlacedItem) -> [String] {
    guard !used.isEmpty else { return arguments + [item.item] }
    return arguments.map { fill($0, item) }
  }

  /// From left to right, once: what an item has in it is no placeholder.
  private func fill(_ text: String, _ item: PlacedItem) -> String {
    guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
    var result = ""
    var rest = Substring(text)
    while let brace = rest.firstIndex(of: "{") {
      result += rest[..<brace]
      rest = rest[brace...]
      if let one = Placeholder.allCases.first(where: { rest.hasPrefix($0.rawValue) }) {
        result += item.value(of: one)
        rest = rest.dropFirst(one.rawValue.count)
      } else {
        result += "{"
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }

  /// A placeholder of GNU parallel that we do not have. To pass it on would do something else than
  /// was meant.
  var unknown: String? { words { Self.isParallels($0) } }

  /// Something in braces that somebody may have meant for one; nil where a known one is used.
  var doubtful: String? {
    guard used.isEmpty else { return nil }
    return words { !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0 == "_") } }
  }

  private func words(_ isMeant: (Substring) -> Bool) -> String? {
    for argument in arguments {
      var rest = Substring(argument)
      while let open = rest.firstIndex(of: "{") {
        let inside = rest[rest.index(after: open)...].prefix { $0 != "}" && $0 != "{" }
        let isVariable = open > rest.startIndex && rest[rest.index(before: open)] == "$"
        if !isVariable, inside.endIndex < rest.endIndex, rest[inside.endIndex] == "}",
          isMeant(inside)
        {
          return "{\(inside)}"
        }
        rest = rest[rest.index(after: open)...]
      }
    }
    return nil
  }

  /// {1} {-1} {2/.} {+/} {..} {/..} {##} {= code =} and their like.
  private static func isParallels(_ inside: Substring) -> Bool {
    if Placeholder(rawValue: "{\(inside)}") != nil || inside.isEmpty { return false }
    if inside.hasPrefix("=") && inside.hasSuffix("=") && inside.count > 1 { return true }
    let rest = inside.first == "-" || inside.first == "+" ? inside.dropFirst() : inside
    let marks = rest.drop { $0.isASCII && $0.isNumber }
    return marks.allSatisfy { "./#%+".contains($0) } && !rest.isEmpty
  }
}
