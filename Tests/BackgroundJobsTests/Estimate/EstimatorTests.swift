import Testing

@testable import BackgroundJobs

@Suite struct EstimatorTests {
  /// One item every `seconds`, from where it stands.
  private func feed(_ estimator: inout Estimator, _ count: Int, every seconds: Double) {
    for _ in 0..<count {
      estimator.feed(
        items: estimator.items + 1, active: estimator.active + Int64(seconds * 1000))
    }
  }

  @Test func aSteadyRateIsFound() throws {
    var estimator = Estimator()
    feed(&estimator, 200, every: 0.5)
    let estimate = try #require(estimator.estimate(remaining: 100))
    #expect(abs(estimate.rate - 2) < 0.01)
    #expect(abs(estimate.eta - 50) < 0.5)
    #expect(estimate.low <= estimate.eta && estimate.eta <= estimate.high)
    #expect(estimate.high - estimate.low < 1, "without spread there is no doubt")
  }

  @Test func spreadMakesARange() throws {
    var estimator = Estimator()
    for number in 0..<100 { feed(&estimator, 1, every: number % 2 == 0 ? 0.5 : 3.5) }
    let estimate = try #require(estimator.estimate(remaining: 100))
    #expect(estimate.low < 200 && estimate.high > 200)
    #expect(estimate.low > 120 && estimate.high < 300)
  }

  @Test func bucketsStayFew() {
    var estimator = Estimator()
    for _ in 0..<100_000 { feed(&estimator, 1, every: 0.3) }
    #expect(estimator.buckets.count <= 4 * 17)
    #expect(estimator.buckets.reduce(0) { $0 + $1.events } == 100_000)
    #expect(abs(estimator.buckets.reduce(0) { $0 + $1.items } - 100_000) < 0.001)
    for size in Set(estimator.buckets.map { $0.events }) {
      #expect(estimator.buckets.filter { $0.events == size }.count <= 4)
    }
  }

  @Test func aNewRegimeReplacesTheOld() throws {
    var estimator = Estimator()
    feed(&estimator, 2000, every: 0.5)
    feed(&estimator, 60, every: 5)
    let estimate = try #require(estimator.estimate(remaining: 10))
    #expect((35...65).contains(estimate.eta), "\(estimate.eta)")
  }

  @Test func thereIsNothingToSayBeforeThereIsGround() {
    var estimator = Estimator()
    #expect(estimator.estimate(remaining: 10) == nil)
    feed(&estimator, 1, every: 1)
    #expect(estimator.estimate(remaining: 10) == nil)
    feed(&estimator, 1, every: 1)
    #expect(estimator.estimate(remaining: 10) != nil)
    #expect(estimator.estimate(remaining: -1) == nil)
    #expect(estimator.estimate(remaining: 0)?.eta == 0)
  }

  @Test func whatWasSetBackIsNoSpeed() {
    var estimator = Estimator()
    feed(&estimator, 50, every: 1)
    let before = estimator.buckets
    estimator.feed(items: 10, active: estimator.active + 1000)
    #expect(estimator.buckets == before)
    #expect(estimator.items == 10)
    estimator.skip(to: 5000, active: estimator.active)
    #expect(estimator.buckets == before)
  }

  @Test func standingStillIsTimeOfTheNextItem() throws {
    var estimator = Estimator()
    feed(&estimator, 20, every: 1)
    estimator.feed(items: estimator.items, active: estimator.active + 5000)
    feed(&estimator, 1, every: 10)
    let all = estimator.buckets.reduce(0.0) { $0 + $1.seconds }
    #expect(abs(all - 30) < 0.001)
  }
}
