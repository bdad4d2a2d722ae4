import Testing

@testable import BackgroundJobs

@Suite struct ActiveClockTests {
  @Test func countsOnlyWhileItRuns() {
    var clock = ActiveClock()
    clock.advance(to: 500)
    #expect(clock.total == 0)
    clock.start(at: 1000)
    clock.advance(to: 1500)
    clock.stop(at: 2000)
    clock.advance(to: 9000)
    #expect(clock.total == 1000)
    clock.start(at: 10_000)
    #expect(clock.reading(at: 10_250) == 1250)
    #expect(clock.total == 1000, "reading does not count")
    clock.stop(at: 10_500)
    #expect(clock.total == 1500)
  }

  @Test func startingTwiceIsStartingOnce() {
    var clock = ActiveClock()
    clock.start(at: 0)
    clock.start(at: 700)
    clock.stop(at: 1000)
    #expect(clock.total == 1000)
  }

  @Test func timeThatGoesBackCountsNothing() {
    var clock = ActiveClock()
    clock.start(at: 1000)
    clock.advance(to: 2000)
    clock.advance(to: 500)
    #expect(clock.reading(at: 100) == 1000)
    clock.advance(to: 2100)
    #expect(clock.total == 1100)
  }

  @Test func aNewOwnerHasANewBase() {
    var clock = ActiveClock()
    clock.start(at: 1000)
    clock.advance(to: 2000)
    clock.abandon()
    clock.start(at: 0)
    clock.stop(at: 300)
    #expect(clock.total == 1300)
  }

  @Test(arguments: [Int64.min, -1, 0, .max]) func anyTimeIsSafe(_ time: Int64) {
    var clock = ActiveClock(total: .max, mark: time)
    clock.advance(to: .max)
    clock.stop(at: .min)
    clock.start(at: time)
    _ = clock.reading(at: .max)
    #expect(ActiveClock(total: .min).total == 0)
  }
}
