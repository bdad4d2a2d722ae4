/// Where a member stands: its name, or, beginning with a slash, a JSON pointer (RFC 6901) to a member
/// of an object. The last name of a pointer is as it stands in the JSON text, with its escapes.
struct MemberPath {
  let member: String
  /// In the object that is the member's value.
  let inner: String?

  init(_ path: String) {
    guard begins(path, with: "/") else {
      (member, inner) = (path, nil)
      return
    }
    let parts = Self.split(path)
    (member, inner) = (parts.0, parts.1)
  }

  /// As text, to be read by `init`.
  static func text(_ member: String, _ inner: String?) -> String {
    if inner == nil, !begins(member, with: "/") { return member }
    guard let inner else { return Message("/\(escaped(member))").text }
    return Message("/\(escaped(member))/\(escaped(inner))").text
  }

  private static func escaped(_ name: String) -> String {
    var name = name
    return name.withUTF8 { bytes in
      withUnsafeTemporaryAllocation(byteCount: 2 * bytes.count + 1, alignment: 1) { room in
        var length = 0
        for var byte in bytes {
          if byte == UInt8(ascii: "~") || byte == UInt8(ascii: "/") {
            byte = byte == UInt8(ascii: "~") ? UInt8(ascii: "0") : UInt8(ascii: "1")
            room[length] = UInt8(ascii: "~")
            length += 1
          }
          room[length] = byte
          length += 1
        }
        return copy(of: UnsafeRawBufferPointer(room), 0, length)
      }
    }
  }

  private static func split(_ path: String) -> (String, String?) {
    var path = path
    return path.withUTF8 { bytes in
      withUnsafeTemporaryAllocation(byteCount: bytes.count + 1, alignment: 1) { room in
        var (length, slashes, middle) = (0, 0, 0)
        var isEscaped = false
        for byte in bytes {
          if byte == UInt8(ascii: "/") {
            slashes += 1
            if slashes == 2 { middle = length }
            if slashes > 2 { break }
          } else if byte == UInt8(ascii: "~"), !isEscaped {
            isEscaped = true
          } else {
            let name = byte == UInt8(ascii: "1") ? UInt8(ascii: "/") : UInt8(ascii: "~")
            room[length] = isEscaped ? name : byte
            length += 1
            isEscaped = false
          }
        }
        guard slashes > 1 else { return (copy(of: UnsafeRawBufferPointer(room), 0, length), nil) }
        return (
          copy(of: UnsafeRawBufferPointer(room), 0, middle),
          copy(of: UnsafeRawBufferPointer(room), middle, length)
        )
      }
    }
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
  static let empty = "{}"

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
            name: copy(of: UnsafeRawBufferPointer(bytes), start + 1, colon - 1),
            text: copy(of: UnsafeRawBufferPointer(bytes), colon + 1, place)))
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
    var text: Message = ""
    for member in members {
      let separator: StaticString = text.text.isEmpty ? "" : ","
      text = "\(text)\(separator)\"\(member.name)\":\(member.text)"
    }
    return Message("{\(text)}").text
  }
}

private func copy(
  of room: UnsafeRawBufferPointer, _ begin: Int, _ end: Int
) -> String {
  String(bytes: UnsafeRawBufferPointer(rebasing: room[begin..<end]))
}
