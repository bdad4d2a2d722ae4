/// Where a member stands: its name, or, beginning with a slash, a JSON pointer (RFC 6901) to a member
/// of an object. The last name of a pointer is as it stands in the JSON text, with its escapes.
struct MemberPath {
  let member: String
  /// In the object that is the member's value.
  private let inner: String?

  init(_ path: String) {
    guard path.utf8.first == UInt8(ascii: "/") else {
      (member, inner) = (path, nil)
      return
    }
    let parts = Self.split(path)
    (member, inner) = (parts.0, parts.1)
  }

  /// As text, to be read by `init`.
  static func text(_ member: String, _ inner: String?) -> String {
    if inner == nil, member.utf8.first != UInt8(ascii: "/") { return member }
    var bytes: [UInt8] = []
    for part in [member, inner] {
      guard let part else { continue }
      bytes.append(UInt8(ascii: "/"))
      for byte in part.utf8 {
        switch byte {
        case UInt8(ascii: "~"): bytes += [byte, UInt8(ascii: "0")]
        case UInt8(ascii: "/"): bytes += [UInt8(ascii: "~"), UInt8(ascii: "1")]
        default: bytes.append(byte)
        }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func split(_ path: String) -> (String, String?) {
    var parts: [[UInt8]] = []
    var isEscaped = false
    for byte in path.utf8 {
      if byte == UInt8(ascii: "/") {
        parts.append([])
      } else if isEscaped {
        isEscaped = false
        parts[parts.count - 1].append(
          byte == UInt8(ascii: "1") ? UInt8(ascii: "/") : UInt8(ascii: "~"))
      } else if byte == UInt8(ascii: "~") {
        isEscaped = true
      } else if !parts.isEmpty {
        parts[parts.count - 1].append(byte)
      }
    }
    let names = parts.prefix(2).map { String(decoding: $0, as: UTF8.self) }
    return (names.first ?? "", names.count > 1 ? names[1] : nil)
  }

  /// The value that stands there; nil: none.
  func text(in members: [JSONMember]) -> String? {
    guard let text = members[member] else { return nil }
    guard let inner else { return text }
    return JSONObjectText.members(text)?[inner]
  }

  /// Replaces it; nil removes it.
  func set(_ text: String?, in members: inout [JSONMember]) {
    guard let inner else { return members.set(member, text) }
    var object = members[member].flatMap { JSONObjectText.members($0) } ?? []
    object.set(inner, text)
    members.set(member, JSONObjectText.text(object))
  }
}

/// The members of an object's compact text, as `JSONText` writes it; names keep their escapes.
enum JSONObjectText {
  /// nil: it is no object.
  static func members(_ text: String) -> [JSONMember]? {
    var text = text
    return text.withUTF8 { bytes in
      guard bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else { return nil }
      var found: [JSONMember] = []
      var (start, colon, depth) = (1, -1, 0)
      var inString = false
      var i = 1
      func end(at place: Int) {
        guard colon > start + 1, colon < place else { return }
        found.append(
          JSONMember(
            name: String(decoding: bytes[start + 1..<colon - 1], as: UTF8.self),
            text: String(decoding: bytes[colon + 1..<place], as: UTF8.self)))
      }
      while i < bytes.count - 1 {
        let byte = bytes[i]
        if inString {
          if byte == UInt8(ascii: "\\") {
            i += 1
          } else if byte == UInt8(ascii: "\"") {
            inString = false
          }
        } else {
          switch byte {
          case UInt8(ascii: "\""): inString = true
          case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
          case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
          case UInt8(ascii: ":") where depth == 0 && colon < 0: colon = i
          case UInt8(ascii: ",") where depth == 0:
            end(at: i)
            (start, colon) = (i + 1, -1)
          default: break
          }
        }
        i += 1
      }
      end(at: bytes.count - 1)
      return found
    }
  }

  static func text(_ members: [JSONMember]) -> String {
    var text = "{"
    for member in members {
      if text.utf8.count > 1 { text += "," }
      text += "\"\(member.name)\":\(member.text)"
    }
    return text + "}"
  }
}
