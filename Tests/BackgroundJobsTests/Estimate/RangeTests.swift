import Testing

@testable import BackgroundJobs

/// The likely range, and what it has room for.
@Suite struct RangeTests {
  /// So many noisy items of one level after each other.
  private func worked(_ parts: [(count: Int, level: Double)]) -> Estimator {
    var estimator = Estimator()
    var random = Dice(23)
    for part in parts {
      scatter(&estimator, part.count, part.level * 0.55, part.level * 0.1, &random)
    }
    return estimator
  }

  private func read(_ estimator: Estimator, _ remaining: Int64) throws -> Estimate {
    try #require(
      estimator.estimate(
        current: estimator.items, now: estimator.active, reported: estimator.active,
        remaining: remaining))
  }

  private func width(_ estimate: Estimate) -> Double { estimate.high / estimate.low }

  @Test func earlyItHasRoomForAChange() throws {
    let early = try read(worked([(100, 1)]), 400)
    #expect(early.high > 2 * early.eta, "the total may double")
    #expect(early.low < early.eta / 2, "or the pace")
    #expect(early.high < 4 * early.eta, "but not all is possible")
  }

  @Test func whatHasLastedIsTakenToLast() throws {
    for remaining: Int64 in [100, 50, 1] {
      #expect(width(try read(worked([(400, 1)]), remaining)) < 1.2 + 2 / Double(remaining))
    }
  }

  @Test func itNarrowsWithoutAJump() throws {
    var before = Double.infinity
    for done in stride(from: 100, through: 400, by: 4) {
      let width = width(try read(worked([(done, 1)]), Int64(500 - done)))
      #expect(width < before * 1.2, "at \(done)")
      #expect(before == .infinity || width > before / 2.5, "at \(done)")
      before = width
    }
  }

  @Test func aChangeSeenOnceIsAnAccident() throws {
    let calm = width(try read(worked([(400, 1)]), 100))
    let once = width(try read(worked([(200, 1), (200, 2)]), 100))
    #expect(once < calm * 1.15, "\(calm), \(once)")
  }

  @Test func changesSeenMoreOftenWidenIt() throws {
    let calm = width(try read(worked([(400, 1)]), 200))
    let often = width(
      try read(worked([(80, 1), (80, 3), (80, 1), (80, 3), (80, 1)]), 200))
    #expect(often > calm * 1.3, "\(calm), \(often)")
  }

  @Test func stallsSeenMoreOftenWidenIt() throws {
    var once = Estimator()
    feed(&once, 150, every: 1)
    var often = once
    feed(&once, 1, every: 200)
    for _ in 0..<3 {
      feed(&often, 50, every: 1)
      feed(&often, 1, every: 200)
    }
    feed(&once, 150, every: 1)
    feed(&often, 50, every: 1)
    #expect(width(try read(once, 150)) < 1.3)
    #expect(width(try read(often, 150)) > 2)
  }

  @Test func bunchesAddUpToLittleSpread() throws {
    var bunched = Estimator()
    var random = Dice(29)
    for _ in 0..<40 {
      feed(&bunched, 1, every: 8 + 0.2 * Double(Int.random(in: 0..<10, using: &random)))
      feed(&bunched, 3, every: 1)
    }
    #expect(width(try read(bunched, 100)) < 1.15)
  }

  @Test(arguments: [0, 1e-300, 1e300, Double.infinity, .nan])
  func theRoomForAChangeIsBounded(_ value: Double) {
    for other in [0, 1, 1e300, Double.infinity, .nan] {
      let room = Estimator.unforeseen(seen: value, ahead: other)
      #expect(!(room < 0) && !(room > 1))
    }
  }
}
