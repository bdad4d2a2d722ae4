/// A member of a JSON object, its value as compact JSON text: kept as it is found. A class, as are
/// others with texts in them that stand in lists: each copy of such a struct counts all its texts.
final class JSONMember: Equatable {
  let name: String
  let text: String

  init(name: String, text: String) { (self.name, self.text) = (name, text) }

  static func == (a: JSONMember, b: JSONMember) -> Bool {
    a.name.bytes == b.name.bytes && a.text.bytes == b.text.bytes
  }
}

extension Array where Element == JSONMember {
  subscript(name: String) -> String? { first { $0.name.bytes == name.bytes }?.text }

  /// Replaces the value where it stands, or adds it at the end; nil removes it.
  mutating func set(_ name: String, _ text: String?) {
    let position = firstIndex { $0.name.bytes == name.bytes }
    guard let text else {
      if let position { remove(at: position) }
      return
    }
    let member = JSONMember(name: name, text: text)
    if let position { self[position] = member } else { append(member) }
  }
}

/// What another tool last changed in a member: the event's number, and the CRC of the value before.
final class ForeignEdit: Equatable {
  /// So many are remembered, the oldest go.
  static let most = 256

  /// A path, see `MemberPath`.
  let name: String
  let seq: UInt64
  let previous: UInt32
  /// The member is another tool's: there was none of ours when it first came.
  let isTheirs: Bool

  init(name: String, seq: UInt64, previous: UInt32, isTheirs: Bool) {
    (self.name, self.seq, self.previous, self.isTheirs) = (name, seq, previous, isTheirs)
  }

  static func == (a: ForeignEdit, b: ForeignEdit) -> Bool {
    a.name.bytes == b.name.bytes && a.seq == b.seq && a.previous == b.previous
      && a.isTheirs == b.isTheirs
  }
}
