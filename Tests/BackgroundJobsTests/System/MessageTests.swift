import Testing

@testable import BackgroundJobs

@Suite struct MessageTests {
  @Test func valuesStandInTheText() {
    let name = "ä/b"
    let part: Message = "\(name): \(Int32(-3))"
    let whole: Message = "\(part), \(UInt64.max) and \(Int64.min)" + " …"
    #expect(whole.text == "ä/b: -3, 18446744073709551615 and -9223372036854775808 …")
    #expect(Message("").text.isEmpty)
  }

  @Test func wholeNumbers() {
    for (text, number) in [
      ("0", 0), ("-0", 0), ("007", 7), ("-12", -12),
      ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ] { #expect(wholeNumber(text) == number) }
    for text in ["", "-", "+", "1.0", "1 ", "a", "9223372036854775808", "-9223372036854775809"] {
      #expect(wholeNumber(text) == nil)
    }
  }
}
