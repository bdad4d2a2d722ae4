import Testing

@testable import BackgroundJobs

@Test func crcOfTheStandardCheckString() {
  let text = Array("123456789".utf8)
  #expect(text.withUnsafeBytes { CRC32C.of($0) } == 0xe306_9283)
}
