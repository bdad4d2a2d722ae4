import CJansson
import CPosix

/// Where and why JSON text is not JSON. A class: one pointer is handed on.
final class JSONFault: Error {
  let line: Int
  let column: Int
  let byte: Int
  let text: String
  /// It may be JSON.
  let isWantOfMemory: Bool

  init(line: Int, column: Int, byte: Int, text: String, isWantOfMemory: Bool = false) {
    (self.line, self.column, self.byte) = (line, column, byte)
    (self.text, self.isWantOfMemory) = (text, isWantOfMemory)
  }

  static func noMemory(for size: Int) -> JobError {
    JobError(.noMemory, "no memory for \(size) bytes of JSON", osError: ENOMEM)
  }
}

/// A parsed JSON value. jansson reads; `JSONText` writes.
final class JSON {
  let value: UnsafeMutablePointer<json_t>
  private let memory: OpaquePointer

  private init(_ value: UnsafeMutablePointer<json_t>, _ memory: OpaquePointer) {
    (self.value, self.memory) = (value, memory)
  }

  deinit { cposix_json_free(memory) }

  /// Takes what Node.js writes but jansson refuses: a lone surrogate becomes U+FFFD, integers past
  /// 64 bits become reals.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONFault) -> JSON {
    var text = bytes
    if text.starts(with: [0xef, 0xbb, 0xbf]) {
      text = UnsafeRawBufferPointer(rebasing: text[3...])
    }
    do throws(JSONFault) { return try load(text) } catch {
      guard !error.isWantOfMemory, let mended = try replaceLoneSurrogates(text) else {
        throw error
      }
      return try load(mended.bytes)
    }
  }

  private static func load(_ bytes: UnsafeRawBufferPointer) throws(JSONFault) -> JSON {
    guard let base = bytes.baseAddress, !bytes.isEmpty else {
      throw JSONFault(line: 1, column: 1, byte: 0, text: "it is empty")
    }
    var error = json_error_t()
    var value: UnsafeMutableRawPointer?
    let memory = cposix_json_load(base, bytes.count, &error, &value)
    if let value, let memory {
      return JSON(value.assumingMemoryBound(to: json_t.self), memory)
    }
    if let memory { cposix_json_free(memory) }
    let text = withUnsafeBytes(of: &error.text) { raw in
      raw.baseAddress.map { String(nullTerminated: $0.assumingMemoryBound(to: CChar.self)) } ?? ""
    }
    throw JSONFault(
      line: Int(error.line), column: Int(error.column), byte: Int(error.position), text: text,
      isWantOfMemory: memory == nil)
  }

  /// nil when there is none.
  private static func replaceLoneSurrogates(
    _ bytes: UnsafeRawBufferPointer
  ) throws(JSONFault) -> Buffer? {
    guard let copy = try? Buffer(bytes) else {
      throw JSONFault(line: 0, column: 0, byte: 0, text: "", isWantOfMemory: true)
    }
    var found = false
    var i = 0
    while i < bytes.count {
      guard bytes[i] == UInt8(ascii: "\\") else {
        i += 1
        continue
      }
      guard let unit = unit(bytes, at: i) else {
        i += 2
        continue
      }
      switch unit {
      case 0xd800...0xdbff:
        if let low = self.unit(bytes, at: i + 6), low >= 0xdc00, low <= 0xdfff {
          i += 12
          continue
        }
      case 0xdc00...0xdfff: break
      default:
        i += 6
        continue
      }
      for (k, digit) in [UInt8(ascii: "f"), 0x66, 0x66, 0x64].enumerated() {
        copy.store(digit, at: i + 2 + k, as: UInt8.self)
      }
      found = true
      i += 6
    }
    return found ? copy : nil
  }

  /// The UTF-16 unit of an escape `\uXXXX`.
  private static func unit(_ bytes: UnsafeRawBufferPointer, at i: Int) -> UInt32? {
    guard i + 6 <= bytes.count, bytes[i] == UInt8(ascii: "\\"), bytes[i + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt32 = 0
    for k in 2..<6 {
      guard let digit = hexDigit(bytes[i + k]) else { return nil }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }
}

/// A borrowed value inside a `JSON`, which must outlive it; or one that is missing: it has no members,
/// no elements, and is of no use as anything.
struct JSONValue {
  let raw: UnsafeMutablePointer<json_t>?

  var isMissing: Bool { raw == nil }
  var kind: json_type { raw.map { bgjobs_json_type($0) } ?? JSON_NULL }
  var isObject: Bool { kind == JSON_OBJECT }
  var isArray: Bool { kind == JSON_ARRAY }
  var isString: Bool { kind == JSON_STRING }

  subscript(name: StaticString) -> JSONValue {
    @inline(__always) get { member(UnsafeRawPointer(name.utf8Start)) }
  }

  @inline(never)
  private func member(_ name: UnsafeRawPointer) -> JSONValue {
    JSONValue(raw: json_object_get(raw, name.assumingMemoryBound(to: CChar.self)))
  }

  var stringBytes: UnsafeRawBufferPointer? {
    guard isString, let text = json_string_value(raw) else { return nil }
    return UnsafeRawBufferPointer(start: text, count: json_string_length(raw))
  }

  var string: String? { stringBytes.map { String(bytes: $0) } }

  /// A real is cut off to an integer.
  var integer: Int64? {
    @inline(never) get {
      if kind == JSON_INTEGER { return json_integer_value(raw) }
      if kind == JSON_REAL { return Int64(exactly: json_real_value(raw).rounded(.towardZero)) }
      return nil
    }
  }

  var real: Double? {
    @inline(never) get {
      if kind == JSON_INTEGER { return Double(json_integer_value(raw)) }
      return kind == JSON_REAL ? json_real_value(raw) : nil
    }
  }

  var unsigned: UInt64? { @inline(never) get { integer.flatMap { UInt64(exactly: $0) } } }

  /// Milliseconds since 1970.
  var date: Int64? { @inline(never) get { stringBytes.flatMap { DateText.parse($0) } } }

  /// Of a text of digits.
  var hexadecimal: UInt64? { @inline(never) get { stringBytes.flatMap { parseHex($0[...]) } } }

  var count: Int { json_array_size(raw) }

  func at(_ index: Int) -> JSONValue { JSONValue(raw: json_array_get(raw, index)) }

  func forEachMember(
    _ body: (String, JSONValue) throws(JobError) -> Void
  ) throws(JobError) {
    guard isObject else { return }
    var iterator = json_object_iter(raw)
    while let position = iterator {
      if let name = json_object_iter_key(position), let value = json_object_iter_value(position) {
        try body(String(nullTerminated: name), JSONValue(raw: value))
      }
      iterator = json_object_iter_next(raw, position)
    }
  }

  /// Compact text, value for value.
  func text() throws(JobError) -> String {
    let buffer = Buffer()
    try write(to: JSONText(buffer))
    try buffer.requireWhole()
    return String(bytes: buffer.bytes)
  }

  /// jansson bounds the depth when it parses (2048).
  private func write(to out: JSONText) throws(JobError) {
    switch kind {
    case JSON_OBJECT:
      out.buffer.append(UInt8(ascii: "{"))
      var isFirst = true
      try forEachMember { name, value throws(JobError) in
        if !isFirst { out.buffer.append(UInt8(ascii: ",")) }
        isFirst = false
        out.string(name)
        out.buffer.append(UInt8(ascii: ":"))
        try value.write(to: out)
      }
      out.buffer.append(UInt8(ascii: "}"))
    case JSON_ARRAY:
      out.buffer.append(UInt8(ascii: "["))
      for index in 0..<count {
        if index > 0 { out.buffer.append(UInt8(ascii: ",")) }
        try at(index).write(to: out)
      }
      out.buffer.append(UInt8(ascii: "]"))
    case JSON_STRING:
      if let bytes = stringBytes { out.string(bytes) }
    case JSON_INTEGER: out.integer(json_integer_value(raw))
    case JSON_REAL: out.number(json_real_value(raw))
    case JSON_TRUE: out.buffer.append("true" as StaticString)
    case JSON_FALSE: out.buffer.append("false" as StaticString)
    default: out.buffer.append("null" as StaticString)
    }
  }
}
