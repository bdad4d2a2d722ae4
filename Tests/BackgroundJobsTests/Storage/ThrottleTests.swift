import Testing

@testable import BackgroundJobs

@Suite struct ThrottleTests {
  @Test func aBurstAndThenTheInterval() {
    var pace = Throttle(burst: 3, interval: 1000)
    var count = 0
    for time in stride(from: 1_000_000, to: 1_010_000, by: 10) as StrideTo<Int64>
    where pace.isDue(at: time) {
      pace.spend(at: time, cost: 0)
      count += 1
    }
    #expect((12...13).contains(count))
  }

  @Test func costKeepsItToATwentieth() {
    var pace = Throttle(burst: 1, interval: 100)
    var (now, spent): (Int64, Int64) = (1_000_000, 0)
    let end = now + 1_000_000
    while now < end {
      if pace.isDue(at: now) {
        now += 500
        pace.spend(at: now, cost: 500)
        spent += 500
      }
      now += 50
    }
    #expect(spent <= 1_000_000 / 20 + 1000)
    #expect(spent >= 40_000)
  }

  @Test(arguments: [Int64.min, .max, 0, -1]) func anyTimeIsSafe(_ time: Int64) {
    var pace = Throttle(burst: 2, interval: 0)
    _ = pace.isDue(at: time)
    pace.spend(at: time, cost: .max)
    _ = pace.isDue(at: 0)
    pace.spend(at: 0, cost: .min)
    _ = pace.isDue(at: .max)
  }
}
