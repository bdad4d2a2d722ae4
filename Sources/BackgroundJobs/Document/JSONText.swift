import CJansson
import CPosix

/// Writes JSON text, two-space indented, into a buffer. Big arrays are streamed: no tree is built.
/// The first failure is kept until `finish`; nothing is written from then on.
final class JSONText {
  let buffer: Buffer
  private var failure: JobError?
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

  /// To be called when all is written: it may not be.
  func finish() throws(JobError) {
    if let failure { throw failure }
    try buffer.requireWhole()
  }

  /// Between two values: writes to the file when enough is there.
  @inline(__always)
  private func checkpoint() { if let stream, stream.isDue, !buffer.isCut { flush(stream) } }

  @inline(never)
  private func flush(_ stream: FileStream) {
    do throws(JobError) { try stream.flush() } catch {
      failure = failure ?? error
      buffer.cut()
    }
  }

  // MARK: Structure

  func beginObject() { begin(UInt8(ascii: "{")) }
  func endObject() { end(UInt8(ascii: "}")) }
  func beginArray() { begin(UInt8(ascii: "[")) }
  func endArray() { end(UInt8(ascii: "]")) }

  /// The name of a member; its value must follow.
  @inline(__always)
  func name(_ name: StaticString) { self.name(literal: name.utf8Start) }

  @_disfavoredOverload
  func name(_ name: String) {
    var name = name
    name.withUTF8 { self.name(bytes: UnsafeRawBufferPointer($0)) }
  }

  @inline(never)
  private func name(literal: UnsafePointer<UInt8>) {
    name(bytes: UnsafeRawBufferPointer(literal: literal))
  }

  private func name(bytes: UnsafeRawBufferPointer) {
    next()
    string(bytes)
    buffer.append(": " as StaticString)
  }

  /// To be called before each element of an array.
  func next() {
    checkpoint()
    if !isFirst { buffer.append(UInt8(ascii: ",")) }
    isFirst = false
    newLine(depth)
  }

  @inline(__always)
  func member(_ name: StaticString, _ value: Int64) {
    member(name.utf8Start, value)
  }

  @_disfavoredOverload
  func member(_ name: String, _ value: Int64) {
    self.name(name)
    integer(value)
  }

  @inline(never)
  private func member(_ name: UnsafePointer<UInt8>, _ value: Int64) {
    self.name(literal: name)
    integer(value)
  }

  /// 16 digits.
  func member(_ name: StaticString, hexadecimal value: UInt64) {
    self.name(name)
    buffer.append(UInt8(ascii: "\""))
    hexadecimal(value)
    buffer.append(UInt8(ascii: "\""))
  }

  func hexadecimal(_ value: UInt64) {
    var shift: UInt64 = 64
    while shift > 0 {
      shift -= 4
      let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
      buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  @inline(__always)
  func date(_ name: StaticString, _ milliseconds: Int64) {
    date(name.utf8Start, milliseconds)
  }

  @_disfavoredOverload
  func date(_ name: String, _ milliseconds: Int64) {
    self.name(name)
    date(milliseconds)
  }

  @inline(never)
  private func date(_ name: UnsafePointer<UInt8>, _ milliseconds: Int64) {
    self.name(literal: name)
    date(milliseconds)
  }

  private func date(_ milliseconds: Int64) {
    buffer.append(UInt8(ascii: "\""))
    DateText.write(milliseconds, to: buffer)
    buffer.append(UInt8(ascii: "\""))
  }

  /// An array on one line.
  func numbers(_ values: Int64...) {
    buffer.append(UInt8(ascii: "["))
    for position in values.indices {
      if position > 0 { buffer.append(", " as StaticString) }
      integer(values[position])
    }
    buffer.append(UInt8(ascii: "]"))
  }

  @inline(__always)
  func member(_ name: StaticString, _ value: String) {
    member(name.utf8Start, value)
  }

  @_disfavoredOverload
  func member(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }

  @inline(never)
  private func member(_ name: UnsafePointer<UInt8>, _ value: String) {
    self.name(literal: name)
    string(value)
  }

  func member(_ name: String, raw text: String) {
    self.name(name)
    raw(text)
  }

  private func begin(_ bracket: UInt8) {
    buffer.append(bracket)
    depth += 1
    isFirst = true
  }

  private func end(_ bracket: UInt8) {
    depth -= 1
    if !isFirst { newLine(depth) }
    buffer.append(bracket)
    isFirst = false
  }

  private func newLine(_ depth: Int) {
    let indent = 2 * max(0, depth)
    guard buffer.hasRoom(1 + indent) else { return }
    buffer.putLine(indent: indent)
  }

  /// An element of an array. Most of a large state file is items: they take one look at the room.
  func element(_ text: UnsafeRawBufferPointer) {
    guard Self.isPlain(text) else {
      next()
      return string(text)
    }
    checkpoint()
    let indent = 2 * depth
    guard buffer.hasRoom(text.count + indent + 4) else { return }
    if !isFirst { buffer.put(UInt8(ascii: ","), as: UInt8.self) }
    isFirst = false
    buffer.putLine(indent: indent)
    buffer.putQuoted(text)
  }

  /// Whether it needs no escape.
  static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    text.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
  }

  // MARK: Values

  func string(_ text: String) {
    var text = text
    text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
  }

  @inline(__always)
  func string(literal: StaticString) {
    string(UnsafeRawBufferPointer(literal: literal.utf8Start))
  }

  /// What needs no escape is copied; everything else jansson encodes.
  func string(_ bytes: UnsafeRawBufferPointer) {
    if Self.isPlain(bytes) {
      guard buffer.hasRoom(bytes.count + 2) else { return }
      return buffer.putQuoted(bytes)
    }
    let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    guard let value = json_stringn_nocheck(base, bytes.count) else {
      return buffer.cut()
    }
    defer { bgjobs_json_release(value) }
    // Six bytes is the longest escape of one.
    guard buffer.hasRoom(bytes.count * 6 + 2) else { return }
    let room = buffer.room
    let size = json_dumpb(
      value, room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count,
      Int(JSON_ENCODE_ANY))
    guard size <= room.count else { return buffer.cut() }
    buffer.grow(by: size)
  }

  func integer(_ value: Int64) {
    if value < 0 { buffer.append(UInt8(ascii: "-")) }
    var divisor: UInt64 = 1
    while value.magnitude / divisor >= 10 { divisor *= 10 }
    digits(value.magnitude, divisor)
  }

  /// From the digit of this power of ten on.
  private func digits(_ value: UInt64, _ highest: UInt64) {
    var divisor = highest
    while divisor > 0 {
      buffer.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }

  /// The shortest text that reads back as the same number; whole numbers without a fraction, as
  /// Node.js writes them.
  func number(_ value: Double) {
    guard value.isFinite else { return buffer.append("null" as StaticString) }
    if fraction(value) { return }
    guard buffer.hasRoom(32) else { return }
    guard let room = buffer.room.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
    buffer.grow(by: cposix_number_text(value, room))
  }

  /// Most of ours have few decimal places. The quotient of two whole numbers is the double next to
  /// it, as what a reader makes of that text.
  private func fraction(_ value: Double) -> Bool {
    var scale: Int64 = 1
    for places in 0...6 {
      let scaled = (value * Double(scale)).rounded()
      guard scaled.magnitude < 0x1p53 else { return false }
      if scaled / Double(scale) == value {
        let whole = Int64(scaled.magnitude)
        if value.sign == .minus { buffer.append(UInt8(ascii: "-")) }
        integer(whole / scale)
        guard places > 0 else { return true }
        buffer.append(UInt8(ascii: "."))
        digits(UInt64(whole % scale), UInt64(scale) / 10)
        return true
      }
      scale *= 10
    }
    return false
  }

  /// Indents compact JSON text that is known to be valid.
  func raw(_ text: String) {
    var text = text
    text.withUTF8 { raw(UnsafeRawBufferPointer($0)) }
  }

  func raw(_ text: UnsafeRawBufferPointer) {
    var inner = depth
    var inString = false
    var i = 0
    while i < text.count {
      let byte = text[i]
      i += 1
      if inString {
        buffer.append(byte)
        if byte == UInt8(ascii: "\\"), i < text.count {
          buffer.append(text[i])
          i += 1
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""):
        inString = true
        buffer.append(byte)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        buffer.append(byte)
        if i < text.count, text[i] == byte + 2 {
          buffer.append(byte + 2)
          i += 1
        } else {
          inner += 1
          newLine(inner)
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        inner -= 1
        newLine(inner)
        buffer.append(byte)
      case UInt8(ascii: ","):
        buffer.append(byte)
        newLine(inner)
      case UInt8(ascii: ":"): buffer.append(": " as StaticString)
      default: buffer.append(byte)
      }
    }
  }
}
