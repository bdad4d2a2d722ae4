import Foundation
import Testing

@testable import BackgroundJobs

@Suite struct JSONTextTests {
  /// A random value as compact text.
  private func value(_ dice: inout Dice, _ depth: Int) throws -> String {
    switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &dice) {
    case 0: return "null"
    case 1: return "true"
    case 2: return "\(Int32.random(in: .min ... .max, using: &dice))"
    case 3: return "0.5"
    case 4:
      let texts = ["", "a", "{[,:]}", "\"q\"", "back\\slash", "ä🧵", "\n\t\u{1f}\u{7f}", "a\\\"{"]
      let buffer = Buffer()
      JSONText(buffer).string(texts.randomElement(using: &dice) ?? "")
      return string(buffer.bytes)
    case 5:
      let count = Int.random(in: 0...3, using: &dice)
      let all = try (0..<count).map { _ in try value(&dice, depth + 1) }
      return "[\(all.joined(separator: ","))]"
    default:
      let count = Int.random(in: 0...3, using: &dice)
      let all = try (0..<count).map { "\"m\($0):{\":\(try value(&dice, depth + 1))" }
      return "{\(all.joined(separator: ","))}"
    }
  }

  private func object(_ text: String) throws -> NSObject? {
    try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
      as? NSObject
  }

  @Test func indentingChangesNoValue() throws {
    var dice = Dice(1)
    for _ in 0..<500 {
      let compact = try value(&dice, 0)
      let buffer = Buffer()
      JSONText(buffer).raw(compact)
      let text = string(buffer.bytes)
      #expect(try object(text) == object(compact), "\(compact)")
      let again = try Array(text.utf8).withUnsafeBytes { raw in
        let json = try JSON.parse(raw)
        return try JSONValue(raw: json.value).text()
      }
      #expect(again == compact)
    }
  }

  /// As JSON.stringify(value, null, 2) writes it.
  @Test func indentation() throws {
    let buffer = Buffer()
    let out = JSONText(buffer)
    out.beginObject()
    out.member("a", 1)
    out.member("b", raw: "{\"x\":[1,[],{}],\"y\":\":,\"}")
    out.name("c")
    out.beginArray()
    out.next()
    out.string("ä")
    out.endArray()
    out.name("d")
    out.beginArray()
    out.endArray()
    out.endObject()
    let wanted = """
      {
        "a": 1,
        "b": {
          "x": [
            1,
            [],
            {}
          ],
          "y": ":,"
        },
        "c": [
          "ä"
        ],
        "d": []
      }
      """
    #expect(string(buffer.bytes) == wanted)
  }

  @Test func everyCharacterIsWrittenAsItReads() throws {
    for scalar in (0...0x2fff).compactMap({ Unicode.Scalar($0 as Int) }) {
      let buffer = Buffer()
      JSONText(buffer).string("a\(scalar)b")
      let decoded = try object("[" + string(buffer.bytes) + "]") as? [String]
      if decoded.map({ Array($0[0].unicodeScalars) }) != ["a", scalar, "b"] {
        Issue.record("\(scalar.value)")
      }
    }
  }

  @Test(arguments: [0, 1, -1, 9, 10, 99, -100, .max, .min, 1 << 53] as [Int64])
  func integers(_ value: Int64) throws {
    let buffer = Buffer()
    JSONText(buffer).integer(value)
    #expect(string(buffer.bytes) == "\(value)")
  }
}
