/// A member of a JSON object, its value as compact JSON text: kept as it is found.
struct JSONMember: Equatable {
  var name: String
  var text: String

  static func == (a: Self, b: Self) -> Bool {
    a.name.bytes == b.name.bytes && a.text.bytes == b.text.bytes
  }
}

extension Array where Element == JSONMember {
  subscript(name: String) -> String? { first { $0.name.bytes == name.bytes }?.text }

  /// Replaces the value where it stands, or adds it at the end; nil removes it.
  mutating func set(_ name: String, _ text: String?) {
    guard let position = firstIndex(where: { $0.name.bytes == name.bytes }) else {
      if let text { append(JSONMember(name: name, text: text)) }
      return
    }
    if let text { self[position].text = text } else { remove(at: position) }
  }
}

/// What another tool last changed in a member: the event's number, and the CRC of the value before.
struct ForeignEdit: Equatable {
  /// So many are remembered, the oldest go.
  static let most = 256

  /// A path, see `MemberPath`.
  var name: String
  var seq: UInt64
  var previous: UInt32
  /// The member is another tool's: there was none of ours when it first came.
  var isTheirs: Bool

  static func == (a: Self, b: Self) -> Bool {
    a.name.bytes == b.name.bytes && a.seq == b.seq && a.previous == b.previous
      && a.isTheirs == b.isTheirs
  }
}
