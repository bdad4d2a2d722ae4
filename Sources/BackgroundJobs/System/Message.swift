/// A text with values in it. It is written like any other. Made as a `String`, each literal and each
/// number in it would take twice the code, and all of them together `String.append`.
package struct Message: ExpressibleByStringInterpolation {
  package let text: String

  package init(_ text: String) { self.text = text }

  // Of a literal only its address is handed on: the rest would be two more instructions each time.
  @inline(__always)
  package init(stringLiteral: StaticString) { self.init(literal: stringLiteral.utf8Start) }

  @inline(never)
  private init(literal: UnsafePointer<UInt8>) {
    var bytes = StringInterpolation()
    bytes.append(literal: literal)
    self.init(stringInterpolation: bytes)
  }

  @inline(never)
  package init(stringInterpolation: StringInterpolation) {
    text = String(bytes: stringInterpolation.bytes)
  }

  package static func + (a: Message, b: Message) -> Message { "\(a)\(b)" }

  package struct StringInterpolation: StringInterpolationProtocol {
    // No `Buffer`: that it has no memory left is a message, too.
    fileprivate var bytes: [UInt8] = []

    fileprivate init() {}

    package init(literalCapacity: Int, interpolationCount: Int) {}

    @inline(__always)
    package mutating func appendLiteral(_ literal: StaticString) {
      append(literal: literal.utf8Start)
    }

    @inline(never)
    fileprivate mutating func append(literal: UnsafePointer<UInt8>) {
      bytes.append(contentsOf: UnsafeRawBufferPointer(literal: literal))
    }

    @inline(never)
    package mutating func appendInterpolation(_ text: String) {
      var text = text
      text.withUTF8 { bytes.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    package mutating func appendInterpolation(_ text: StaticString) { appendLiteral(text) }

    package mutating func appendInterpolation(_ message: Message) {
      appendInterpolation(message.text)
    }

    package mutating func appendInterpolation(_ number: some FixedWidthInteger & SignedInteger) {
      append(Int64(number))
    }

    package mutating func appendInterpolation(_ number: some FixedWidthInteger & UnsignedInteger) {
      append(UInt64(number))
    }

    @inline(never)
    private mutating func append(_ number: Int64) {
      if number < 0 { bytes.append(UInt8(ascii: "-")) }
      append(number.magnitude)
    }

    /// Swift's own way takes a kilobyte, for other radixes as well.
    @inline(never)
    private mutating func append(_ number: UInt64) {
      var divisor: UInt64 = 1
      while number / divisor >= 10 { divisor *= 10 }
      while divisor > 0 {
        bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
        divisor /= 10
      }
    }
  }
}
