import CJansson
import CPosix

/// Where and why JSON text is not JSON.
struct JSONFault: Error {
  var line: Int
  var column: Int
  var byte: Int
  var text: String
}

/// A parsed JSON value. jansson reads; `JSONText` writes.
final class JSON {
  let value: UnsafeMutablePointer<json_t>

  private init(_ value: UnsafeMutablePointer<json_t>) { self.value = value }

  deinit { bgjobs_json_release(value) }

  /// Takes what Node.js writes but jansson refuses: a lone surrogate becomes U+FFFD, integers past
  /// 64 bits become reals.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONFault) -> JSON {
    var text = bytes
    if text.starts(with: [0xef, 0xbb, 0xbf]) {
      text = UnsafeRawBufferPointer(rebasing: text[3...])
    }
    let strict = load(text, 0)
    if case .success(let json) = strict { return json }
    if case .success(let json) = load(text, Int(JSON_DECODE_INT_AS_REAL)) { return json }
    if let mended = replaceLoneSurrogates(text) {
      if case .success(let json) = load(mended.bytes, 0) { return json }
      if case .success(let json) = load(mended.bytes, Int(JSON_DECODE_INT_AS_REAL)) { return json }
    }
    if case .failure(let fault) = strict { throw fault }
    throw JSONFault(line: 0, column: 0, byte: 0, text: "unreadable")
  }

  private enum Loaded {
    case success(JSON)
    case failure(JSONFault)
  }

  private static func load(_ bytes: UnsafeRawBufferPointer, _ flags: Int) -> Loaded {
    var error = json_error_t()
    let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    let all = flags | Int(JSON_ALLOW_NUL) | Int(JSON_DECODE_ANY)
    if let base, let value = json_loadb(base, bytes.count, all, &error) {
      return .success(JSON(value))
    }
    if bytes.isEmpty {
      return .failure(JSONFault(line: 1, column: 1, byte: 0, text: "it is empty"))
    }
    let text = withUnsafeMutableBytes(of: &error.text) { raw -> String in
      guard let text = raw.baseAddress?.assumingMemoryBound(to: CChar.self) else { return "" }
      // Behind that jansson quotes the file, which may be anybody's.
      for quote in [" near", " 0x"] as [StaticString] {
        let start = UnsafeRawPointer(quote.utf8Start).assumingMemoryBound(to: CChar.self)
        strstr(text, start)?.pointee = 0
      }
      return String(nullTerminated: text)
    }
    return .failure(
      JSONFault(
        line: Int(error.line), column: Int(error.column), byte: Int(error.position), text: text))
  }

  /// nil when there is none.
  private static func replaceLoneSurrogates(_ bytes: UnsafeRawBufferPointer) -> Buffer? {
    guard let copy = try? Buffer(bytes) else { return nil }
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

/// A borrowed value inside a `JSON`, which must outlive it.
struct JSONValue {
  let raw: UnsafeMutablePointer<json_t>

  var kind: json_type { bgjobs_json_type(raw) }
  var isObject: Bool { kind == JSON_OBJECT }
  var isArray: Bool { kind == JSON_ARRAY }
  var isString: Bool { kind == JSON_STRING }

  subscript(name: StaticString) -> JSONValue? {
    let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    guard isObject, let found = json_object_get(raw, name) else { return nil }
    return JSONValue(raw: found)
  }

  var stringBytes: UnsafeRawBufferPointer? {
    guard isString, let text = json_string_value(raw) else { return nil }
    return UnsafeRawBufferPointer(start: text, count: json_string_length(raw))
  }

  var string: String? { stringBytes.map { String(bytes: $0) } }

  /// A real is cut off to an integer.
  var integer: Int64? {
    if kind == JSON_INTEGER { return json_integer_value(raw) }
    if kind == JSON_REAL { return Int64(exactly: json_real_value(raw).rounded(.towardZero)) }
    return nil
  }

  var real: Double? {
    if kind == JSON_INTEGER { return Double(json_integer_value(raw)) }
    return kind == JSON_REAL ? json_real_value(raw) : nil
  }

  var count: Int { isArray ? json_array_size(raw) : 0 }

  func at(_ index: Int) -> JSONValue? {
    guard isArray, let found = json_array_get(raw, index) else { return nil }
    return JSONValue(raw: found)
  }

  func forEachMember<E: Error>(_ body: (String, JSONValue) throws(E) -> Void) throws(E) {
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
    return String(bytes: buffer.bytes)
  }

  /// jansson bounds the depth when it parses (2048).
  private func write(to out: JSONText) throws(JobError) {
    switch kind {
    case JSON_OBJECT:
      try out.buffer.append(UInt8(ascii: "{"))
      var isFirst = true
      try forEachMember { name, value throws(JobError) in
        if !isFirst { try out.buffer.append(UInt8(ascii: ",")) }
        isFirst = false
        try out.string(name)
        try out.buffer.append(UInt8(ascii: ":"))
        try value.write(to: out)
      }
      try out.buffer.append(UInt8(ascii: "}"))
    case JSON_ARRAY:
      try out.buffer.append(UInt8(ascii: "["))
      for index in 0..<count {
        if index > 0 { try out.buffer.append(UInt8(ascii: ",")) }
        try at(index)?.write(to: out)
      }
      try out.buffer.append(UInt8(ascii: "]"))
    case JSON_STRING:
      if let bytes = stringBytes { try out.string(bytes) }
    case JSON_INTEGER: try out.buffer.append(String(json_integer_value(raw)))
    case JSON_REAL: try out.number(json_real_value(raw))
    case JSON_TRUE: try out.buffer.append("true" as StaticString)
    case JSON_FALSE: try out.buffer.append("false" as StaticString)
    default: try out.buffer.append("null" as StaticString)
    }
  }
}
