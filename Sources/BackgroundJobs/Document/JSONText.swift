import CJansson
import CPosix

/// Writes JSON text, two-space indented, into a buffer. Big arrays are streamed: no tree is built.
final class JSONText {
  let buffer: Buffer
  private var depth = 0
  private var isFirst = true
  /// A job's items are written with it; else they are stored apart.
  var hasItems = true

  /// Where the text goes when the buffer is full; nil: it stays.
  private let stream: FileStream?

  /// `depth`: of the value within another.
  init(_ buffer: Buffer, _ stream: FileStream? = nil, depth: Int = 0) {
    self.buffer = buffer
    self.stream = stream
    self.depth = depth
  }

  // MARK: Structure

  func beginObject() throws(JobError) { try begin(UInt8(ascii: "{")) }
  func endObject() throws(JobError) { try end(UInt8(ascii: "}")) }
  func beginArray() throws(JobError) { try begin(UInt8(ascii: "[")) }
  func endArray() throws(JobError) { try end(UInt8(ascii: "]")) }

  /// The name of a member; its value must follow.
  @inline(__always)
  func name(_ name: StaticString) throws(JobError) { try self.name(literal: name.utf8Start) }

  @_disfavoredOverload
  func name(_ name: String) throws(JobError) {
    try withBytes(of: name) { bytes throws(JobError) in try self.name(bytes: bytes) }
  }

  @inline(never)
  private func name(literal: UnsafePointer<UInt8>) throws(JobError) {
    try name(bytes: UnsafeRawBufferPointer(literal: literal))
  }

  private func name(bytes: UnsafeRawBufferPointer) throws(JobError) {
    try next()
    try string(bytes)
    try buffer.append(": " as StaticString)
  }

  /// To be called before each element of an array.
  func next() throws(JobError) {
    try stream?.checkpoint()
    if !isFirst { try buffer.append(UInt8(ascii: ",")) }
    isFirst = false
    try newLine(depth)
  }

  @inline(__always)
  func member(_ name: StaticString, _ value: Int64) throws(JobError) {
    try member(name.utf8Start, value)
  }

  @_disfavoredOverload
  func member(_ name: String, _ value: Int64) throws(JobError) {
    try self.name(name)
    try integer(value)
  }

  @inline(never)
  private func member(_ name: UnsafePointer<UInt8>, _ value: Int64) throws(JobError) {
    try self.name(literal: name)
    try integer(value)
  }

  /// 16 digits.
  func member(_ name: StaticString, hexadecimal value: UInt64) throws(JobError) {
    try self.name(name)
    try buffer.append(UInt8(ascii: "\""))
    try hexadecimal(value)
    try buffer.append(UInt8(ascii: "\""))
  }

  func hexadecimal(_ value: UInt64) throws(JobError) {
    var shift: UInt64 = 64
    while shift > 0 {
      shift -= 4
      let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
      try buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  @inline(__always)
  func date(_ name: StaticString, _ milliseconds: Int64) throws(JobError) {
    try date(name.utf8Start, milliseconds)
  }

  @_disfavoredOverload
  func date(_ name: String, _ milliseconds: Int64) throws(JobError) {
    try self.name(name)
    try date(milliseconds)
  }

  @inline(never)
  private func date(_ name: UnsafePointer<UInt8>, _ milliseconds: Int64) throws(JobError) {
    try self.name(literal: name)
    try date(milliseconds)
  }

  private func date(_ milliseconds: Int64) throws(JobError) {
    try buffer.append(UInt8(ascii: "\""))
    try DateText.write(milliseconds, to: buffer)
    try buffer.append(UInt8(ascii: "\""))
  }

  /// An array on one line.
  func numbers(_ values: Int64...) throws(JobError) {
    try buffer.append(UInt8(ascii: "["))
    for position in values.indices {
      if position > 0 { try buffer.append(", " as StaticString) }
      try integer(values[position])
    }
    try buffer.append(UInt8(ascii: "]"))
  }

  @inline(__always)
  func member(_ name: StaticString, _ value: String) throws(JobError) {
    try member(name.utf8Start, value)
  }

  @_disfavoredOverload
  func member(_ name: String, _ value: String) throws(JobError) {
    try self.name(name)
    try string(value)
  }

  @inline(never)
  private func member(_ name: UnsafePointer<UInt8>, _ value: String) throws(JobError) {
    try self.name(literal: name)
    try string(value)
  }

  func member(_ name: String, raw text: String) throws(JobError) {
    try self.name(name)
    try raw(text)
  }

  private func begin(_ bracket: UInt8) throws(JobError) {
    try buffer.append(bracket)
    depth += 1
    isFirst = true
  }

  private func end(_ bracket: UInt8) throws(JobError) {
    depth -= 1
    if !isFirst { try newLine(depth) }
    try buffer.append(bracket)
    isFirst = false
  }

  private func newLine(_ depth: Int) throws(JobError) {
    let indent = 2 * max(0, depth)
    try buffer.reserve(1 + indent)
    buffer.putLine(indent: indent)
  }

  /// An element of an array. Most of a large state file is items: they take one look at the room.
  func element(_ text: UnsafeRawBufferPointer) throws(JobError) {
    guard Self.isPlain(text) else {
      try next()
      return try string(text)
    }
    try stream?.checkpoint()
    let indent = 2 * depth
    try buffer.reserve(text.count + indent + 4)
    if !isFirst { buffer.put(UInt8(ascii: ","), as: UInt8.self) }
    isFirst = false
    buffer.putLine(indent: indent)
    buffer.putQuoted(text)
  }

  /// Whether it needs no escape.
  private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    text.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
  }

  // MARK: Values

  func string(_ text: String) throws(JobError) {
    try withBytes(of: text) { bytes throws(JobError) in try string(bytes) }
  }

  /// What needs no escape is copied; everything else jansson encodes.
  func string(_ bytes: UnsafeRawBufferPointer) throws(JobError) {
    if Self.isPlain(bytes) {
      try buffer.reserve(bytes.count + 2)
      return buffer.putQuoted(bytes)
    }
    let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    guard let value = json_stringn_nocheck(base, bytes.count) else {
      throw JobError(.noMemory, "no memory for a JSON string")
    }
    defer { bgjobs_json_release(value) }
    // Six bytes is the longest escape of one.
    try buffer.reserve(bytes.count * 6 + 2)
    let room = buffer.room
    let size = json_dumpb(
      value, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count,
      Int(JSON_ENCODE_ANY))
    guard size <= room.count else { throw JobError(.noMemory, "no memory for a JSON string") }
    buffer.grow(by: size)
  }

  func integer(_ value: Int64) throws(JobError) {
    if value < 0 { try buffer.append(UInt8(ascii: "-")) }
    var divisor: UInt64 = 1
    while value.magnitude / divisor >= 10 { divisor *= 10 }
    try digits(value.magnitude, divisor)
  }

  /// From the digit of this power of ten on.
  private func digits(_ value: UInt64, _ highest: UInt64) throws(JobError) {
    var divisor = highest
    while divisor > 0 {
      try buffer.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }

  /// The shortest text that reads back as the same number; whole numbers without a fraction, as
  /// Node.js writes them.
  func number(_ value: Double) throws(JobError) {
    guard value.isFinite else { return try buffer.append("null" as StaticString) }
    if try fraction(value) { return }
    try buffer.reserve(32)
    guard let room = buffer.room.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
    buffer.grow(by: cposix_number_text(value, room))
  }

  /// Most of ours have few decimal places. The quotient of two whole numbers is the double next to
  /// it, as what a reader makes of that text.
  private func fraction(_ value: Double) throws(JobError) -> Bool {
    var scale: Int64 = 1
    for places in 0...6 {
      let scaled = (value * Double(scale)).rounded()
      guard scaled.magnitude < 0x1p53 else { return false }
      if scaled / Double(scale) == value {
        let whole = Int64(scaled.magnitude)
        if value.sign == .minus { try buffer.append(UInt8(ascii: "-")) }
        try integer(whole / scale)
        guard places > 0 else { return true }
        try buffer.append(UInt8(ascii: "."))
        try digits(UInt64(whole % scale), UInt64(scale) / 10)
        return true
      }
      scale *= 10
    }
    return false
  }

  /// Indents compact JSON text that is known to be valid.
  func raw(_ text: String) throws(JobError) {
    try withBytes(of: text) { bytes throws(JobError) in try raw(bytes) }
  }

  func raw(_ text: UnsafeRawBufferPointer) throws(JobError) {
    var inner = depth
    var inString = false
    var i = 0
    while i < text.count {
      let byte = text[i]
      i += 1
      if inString {
        try buffer.append(byte)
        if byte == UInt8(ascii: "\\"), i < text.count {
          try buffer.append(text[i])
          i += 1
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""):
        inString = true
        try buffer.append(byte)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        try buffer.append(byte)
        if i < text.count, text[i] == byte + 2 {
          try buffer.append(byte + 2)
          i += 1
        } else {
          inner += 1
          try newLine(inner)
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        inner -= 1
        try newLine(inner)
        try buffer.append(byte)
      case UInt8(ascii: ","):
        try buffer.append(byte)
        try newLine(inner)
      case UInt8(ascii: ":"): try buffer.append(": " as StaticString)
      default: try buffer.append(byte)
      }
    }
  }
}
