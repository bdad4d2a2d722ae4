/// JSON that hosts pass in.
package enum JobConfig {
  /// Compact text of a config object, with its type.
  static func check(_ text: String?, type: String) throws(JobError) -> String {
    let empty = "{}"
    return try withBytes(of: text ?? empty) { bytes throws(JobError) -> String in
      let json = try parse(bytes, "config")
      let value = JSONValue(raw: json.value)
      guard value.isObject else { throw JobError(.invalid, "config is not a JSON object") }
      let compact = try value.text()
      guard value["type"].isMissing else { return compact }
      let buffer = Buffer()
      buffer.append("{\"type\":" as StaticString)
      JSONText(buffer).string(type)
      if compact.bytes != empty.bytes { buffer.append(",") }
      try withBytes(of: compact) { bytes throws(JobError) in
        buffer.append(UnsafeRawBufferPointer(rebasing: bytes[1...]))
      }
      try buffer.requireWhole()
      return String(bytes: buffer.bytes)
    }
  }

  /// A new config, with the members of the one before that are another tool's.
  static func keepingOthers(
    in config: String, _ before: String, _ edits: [ForeignEdit]
  ) -> String {
    guard var members = JSONObjectText.members(config),
      let known = JSONObjectText.members(before)
    else { return config }
    for member in known where members[member.name] == nil {
      let path = MemberPath.text("config", member.name)
      guard edits.contains(where: { $0.name.bytes == path.bytes && $0.isTheirs }) else { continue }
      members.append(member)
    }
    return JSONObjectText.text(members)
  }

  /// Compact text of any value.
  package static func checkValue(_ bytes: UnsafeRawBufferPointer, _ what: String) throws(JobError)
    -> String
  {
    let json = try parse(bytes, what)
    return try JSONValue(raw: json.value).text()
  }

  private static func depth(_ bytes: UnsafeRawBufferPointer) -> Int {
    var (depth, deepest, inString, isEscaped) = (0, 0, false, false)
    for byte in bytes {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        inString.toggle()
      } else if !inString, byte | 0x20 == UInt8(ascii: "{") {
        depth += 1
        deepest = max(deepest, depth)
      } else if !inString, byte | 0x20 == UInt8(ascii: "}") {
        depth -= 1
      }
    }
    return deepest
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer, _ what: String) throws(JobError)
    -> JSON
  {
    guard bytes.count <= 1 << 28 else {
      throw JobError(.invalid, "\(what) has \(bytes.count) bytes, more than 256 MiB")
    }
    guard depth(bytes) <= Limits.depth else {
      throw JobError(.invalid, "\(what) is nested more than \(Limits.depth) levels deep")
    }
    do throws(JSONFault) { return try JSON.parse(bytes) } catch {
      if error.isWantOfMemory { throw JSONFault.noMemory(for: bytes.count) }
      throw JobError(
        .invalid,
        "\(what) is not JSON: line \(error.line), column \(error.column), byte \(error.byte):"
          + " \(error.text)")
    }
  }
}
