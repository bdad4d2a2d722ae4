import Foundation
import Testing

@testable import BackgroundJobs

@Suite struct DateTextTests {
  private static let lastYear: Int64 = 253_402_300_799_999

  @Test func roundTripOverAllYears() {
    var dice = Dice(1)
    for year in 0..<8030 {
      let start = Int64(year) * 31_556_952_000
      let time = min(start + Int64.random(in: 0..<31_556_952_000, using: &dice), Self.lastYear)
      if DateText.parse(DateText.format(time)) != time { Issue.record("\(time)") }
    }
    for time in [0, 1, 86_399_999, 951_782_400_000, 951_868_800_000, Self.lastYear] {
      #expect(DateText.parse(DateText.format(time)) == time)
    }
  }

  /// Against Foundation, every day around leap years.
  @Test func daysAreThoseOfTheCalendar() throws {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    for start in [0, 951_000_000, 1_709_000_000, 4_107_500_000, 13_569_465_600] {
      for day in 0..<400 {
        let seconds = start + day * 86_400 + day * 61
        let text = Date(timeIntervalSince1970: Double(seconds)).formatted(format)
        if DateText.format(Int64(seconds) * 1000) != text { Issue.record("\(text)") }
      }
    }
  }

  @Test(
    arguments: [
      ("2025-12-31T04:47:38.281Z", 1_767_156_458_281), ("2025-12-31T04:47:38Z", 1_767_156_458_000),
      ("2025-12-31T04:47Z", 1_767_156_420_000), ("2025-12-31 04:47:38Z", 1_767_156_458_000),
      ("2025-12-31T05:47:38+01:00", 1_767_156_458_000),
      ("2025-12-31T05:47:38+0100", 1_767_156_458_000),
      ("2025-12-30T22:47:38-06", 1_767_156_458_000),
      ("2025-12-31T04:47:38.2Z", 1_767_156_458_200),
      ("2025-12-31T04:47:38.281999999Z", 1_767_156_458_281), ("1970-01-01T00:00:00Z", 0),
      ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ] as [(String, Int64)])
  func accepted(_ text: String, _ time: Int64) { #expect(DateText.parse(text) == time) }

  @Test(arguments: [
    "", "yesterday", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-01-32T00:00:00Z",
    "2025-01-00T00:00:00Z", "2025-01-01T25:00:00Z", "2025-01-01T00:60:00Z", "2025-01-01",
    "2025-01-01T00:00:00", "2025-01-01T00:00:00ZZ", "25-01-01T00:00:00Z", "２０25-01-01T00:00:00Z",
    "2025-01-01T00:00:00.5", "2025-01-01T00:00:00+", "-025-01-01T00:00:00Z",
  ])
  func refused(_ text: String) { #expect(DateText.parse(text) == nil) }

  @Test func randomTextsAreSafe() {
    var dice = Dice(2)
    let letters = Array("0123456789-+:.TZ ")
    for _ in 0..<5000 {
      let count = Int.random(in: 0..<40, using: &dice)
      _ = DateText.parse(
        String((0..<count).map { _ in letters.randomElement(using: &dice) ?? "0" }))
    }
  }

  @Test(arguments: [Int64.min, -1, Self.lastYear + 1, .max])
  func clocksGoneMadGiveADate(_ time: Int64) {
    let text = DateText.format(time)
    #expect(text.utf8.count == 24)
    #expect(DateText.parse(text) != nil)
  }
}
