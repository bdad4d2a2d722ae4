import Foundation
import Testing

@testable import BackgroundJobs

@Suite struct JSONTests {
  private func parse(_ bytes: [UInt8]) throws -> String {
    try bytes.withUnsafeBytes { raw in
      let json = try JSON.parse(raw)
      return try JSONValue(raw: json.value).text()
    }
  }

  private func parse(_ text: String) throws -> String { try parse(Array(text.utf8)) }

  @Test(arguments: [
    ("0.1", "0.1"), ("1.0", "1"), ("-0.0", "-0"), ("1e3", "1000"), ("2.5e-7", "2.5e-07"),
    ("66", "66"), ("-9223372036854775808", "-9223372036854775808"),
    ("9223372036854775807", "9223372036854775807"), ("123456789.125", "123456789.125"),
    ("[]", "[]"), ("{}", "{}"), ("null", "null"), ("[true,false,null]", "[true,false,null]"),
    ("{\"b\":1,\"a\":{\"z\":[],\"y\":{}}}", "{\"b\":1,\"a\":{\"z\":[],\"y\":{}}}"),
    ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
    ("\"\\u00e4\\/\\n\\u001f\"", "\"ä/\\n\\u001F\""), ("\"a\\u0000b\"", "\"a\\u0000b\""),
    ("\"\\ud83e\\uddf5\"", "\"🧵\""), ("\u{feff}{\"a\":1}", "{\"a\":1}"),
  ])
  func compactText(_ text: String, _ wanted: String) throws {
    #expect(try parse(text) == wanted)
  }

  /// Node.js writes these; jansson refuses them.
  @Test(arguments: [
    ("\"\\ud83d\"", "\"\u{fffd}\""), ("\"\\udc00\"", "\"\u{fffd}\""),
    ("\"\\ud83d\\ud83d\\udc00\"", "\"\u{fffd}\u{1f400}\""),
    ("\"\\ud83dx\\uDC00\"", "\"\u{fffd}x\u{fffd}\""),
    ("[\"\\\\ud83d\",\"\\ud83d\"]", "[\"\\\\ud83d\",\"\u{fffd}\"]"),
    ("{\"\\udfff\":\"\\ud800\\n\"}", "{\"\u{fffd}\":\"\u{fffd}\\n\"}"),
  ])
  func loneSurrogatesAreReplaced(_ text: String, _ wanted: String) throws {
    #expect(try parse(text) == wanted)
  }

  @Test(arguments: ["18446744073709551616", "-9223372036854775809", "1e22"])
  func bigIntegersBecomeReals(_ text: String) throws {
    #expect(Double(try parse(text)) == Double(text))
    #expect(Double(try parse("[\(text)]").dropFirst().dropLast()) == Double(text))
  }

  /// A big integer beside small ones leaves them as they are, up to what JSON holds.
  @Test func aBigIntegerLeavesItsNeighboursAlone() throws {
    let text = "[9007199254740991,18446744073709551616]"
    #expect(try parse(text).hasPrefix("[9007199254740991,"))
  }

  @Test func realsAreShortestAndExact() throws {
    var dice = Dice(1)
    for _ in 0..<500 {
      let value = Double(bitPattern: dice.next())
      guard value.isFinite else { continue }
      let buffer = Buffer()
      JSONText(buffer).number(value)
      let text = string(buffer.bytes)
      #expect(Double(text) == value)
      #expect(Double(try parse("[\(text)]").dropFirst().dropLast()) == value, "\(text)")
      #expect(text.utf8.count <= "\(value)".utf8.count)
    }
  }

  @Test(arguments: [
    (0.1, "0.1"), (-0.5, "-0.5"), (-1.25, "-1.25"), (12.000001, "12.000001"),
    (1e15, "1000000000000000"),
    (1e-9, "1e-09"), (1e300, "1e+300"), (0.1 + 0.2, "0.30000000000000004"), (-0.0, "-0"),
    (100, "100"),
  ])
  func realsAreWrittenAsPeopleDo(_ value: Double, _ text: String) throws {
    let buffer = Buffer()
    JSONText(buffer).number(value)
    #expect(string(buffer.bytes) == text)
  }

  @Test func decimalPlacesReadBack() throws {
    var dice = Dice(2)
    for _ in 0..<5000 {
      let value =
        Double(Int64(bitPattern: dice.next()) >> 24) / [1, 10, 1000, 1e6].randomElement()!
      let buffer = Buffer()
      JSONText(buffer).number(value)
      #expect(Double(string(buffer.bytes)) == value)
    }
  }

  @Test(arguments: [
    "", " ", "{", "{\"a\":}", "[1,]", "\"\u{1}\"", "nul", "1 2", "{} x", "\"\\x\"", "1e400",
    "{\"a\"}", "'a'",
  ])
  func faultsSayWhere(_ text: String) {
    let fault = #expect(throws: JSONFault.self) { try parse(text) }
    #expect(fault?.text.isEmpty == false)
    #expect((fault?.line ?? 0) >= 1)
    #expect((fault?.byte ?? -1) >= 0)
  }

  @Test func bytesThatAreNoTextAreRefused() {
    for bytes in [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0, 0, 0, 0]] as [[UInt8]] {
      #expect(throws: JSONFault.self) { try parse(bytes) }
    }
    #expect(throws: JSONFault.self) { try parse(String(repeating: "[", count: 100_000)) }
  }

  @Test func randomBytesAreSafe() {
    var dice = Dice(2)
    let letters = Array("{}[]\",:\\u0d8fe1-.truefalsn \n".utf8) + [0, 0xff, 0xed]
    for _ in 0..<3000 {
      let count = Int.random(in: 0..<40, using: &dice)
      let bytes = (0..<count).map { _ in letters.randomElement(using: &dice) ?? 0 }
      _ = try? parse(bytes)
    }
  }
}
