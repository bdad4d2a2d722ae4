import Testing

@testable import BackgroundJobs

@Suite struct EstimatorTests {
  /// Where it stands, read at the moment of the last report or some seconds later.
  private func read(
    _ estimator: Estimator, _ remaining: Int64, after seconds: Double = 0, prior: Prior? = nil
  ) -> Estimate? {
    estimator.estimate(
      current: estimator.items, now: estimator.active + Int64(seconds * 1000),
      reported: estimator.active, remaining: remaining, prior: prior)
  }

  @Test func aSteadyRateIsFound() throws {
    var estimator = Estimator()
    feed(&estimator, 200, every: 0.5)
    let estimate = try #require(read(estimator, 100))
    #expect(abs(estimate.rate - 2) < 0.01)
    #expect(abs(estimate.eta - 50) < 0.5)
    #expect(estimate.low <= estimate.eta && estimate.eta <= estimate.high)
    #expect(estimate.high - estimate.low < 2, "without spread there is little doubt")
    #expect(!estimate.isStalled && !estimate.isFromHistory)
  }

  @Test func spreadMakesARange() throws {
    var estimator = Estimator()
    var random = Dice(3)
    for _ in 0..<100 {
      feed(&estimator, 1, every: Int.random(in: 0..<2, using: &random) == 0 ? 0.5 : 3.5)
    }
    let estimate = try #require(read(estimator, 100))
    #expect(estimate.low < 200 && estimate.high > 200)
    #expect(estimate.low > 120 && estimate.high < 320)
  }

  @Test func itAgesBetweenReports() throws {
    var estimator = Estimator()
    feed(&estimator, 10, every: 600)
    let now = try #require(read(estimator, 10)).eta
    let later = try #require(read(estimator, 10, after: 300)).eta
    #expect(abs(now - 6000) < 60)
    #expect(abs(later - 5700) < 60, "half of the item under way is done")
  }

  @Test func bucketsStayFew() {
    var estimator = Estimator()
    for _ in 0..<100_000 { feed(&estimator, 1, every: 0.3) }
    #expect(estimator.buckets.count <= Estimator.mostBuckets)
    #expect(estimator.buckets.reduce(0) { $0 + $1.events } == 100_000)
    #expect(abs(estimator.buckets.reduce(0) { $0 + $1.items } - 100_000) < 0.001)
  }

  @Test func aNewRegimeReplacesTheOld() throws {
    var estimator = Estimator()
    var random = Dice(5)
    scatter(&estimator, 500, 0.4, 0.02, &random)
    scatter(&estimator, 6, 4, 0.2, &random)
    let estimate = try #require(read(estimator, 10))
    #expect((40...60).contains(estimate.eta), "\(estimate.eta)")
  }

  @Test func aSmallStepIsFound() throws {
    var estimator = Estimator()
    var random = Dice(19)
    scatter(&estimator, 600, 0.4, 0.133, &random)
    scatter(&estimator, 120, 0.53, 0.177, &random)
    let estimate = try #require(read(estimator, 200))
    #expect(abs(estimate.eta / 266 - 1) < 0.1, "\(estimate.eta)")
  }

  @Test func oneStallIsAnAccident() throws {
    var estimator = Estimator()
    feed(&estimator, 100, every: 1)
    feed(&estimator, 1, every: 300)
    feed(&estimator, 50, every: 1)
    let estimate = try #require(read(estimator, 100))
    #expect((95...105).contains(estimate.eta), "\(estimate.eta)")
    #expect(estimator.stalls == Outliers(count: 1, amount: 300))
  }

  @Test func stallsThatComeAgainCount() throws {
    var estimator = Estimator()
    for _ in 0..<8 {
      feed(&estimator, 50, every: 1)
      feed(&estimator, 1, every: 300)
    }
    feed(&estimator, 3, every: 1)
    let estimate = try #require(read(estimator, 400))
    #expect(estimate.eta > 1200, "\(estimate.eta), of which 400 are items and 2400 stalls")
  }

  @Test func aStallIsNoticed() throws {
    var estimator = Estimator()
    var random = Dice(7)
    scatter(&estimator, 60, 0.8, 0.04, &random)
    #expect(try #require(read(estimator, 50, after: 2)).isStalled == false)
    let stalled = try #require(read(estimator, 50, after: 60))
    #expect(stalled.isStalled)
    #expect(stalled.high > 300, "a stall may last")
    #expect(stalled.low < 60, "and may end now")
  }

  @Test func theFirstMayBeAnAccidentToo() throws {
    var slow = Estimator()
    feed(&slow, 1, every: 90)
    feed(&slow, 4, every: 2)
    #expect(abs(try #require(read(slow, 100)).eta - 200) < 5)
    #expect(slow.stalls == Outliers(count: 1, amount: 90))
    var quick = Estimator()
    quick.feed(items: 500, active: 400)
    feed(&quick, 4, every: 2)
    #expect(abs(try #require(read(quick, 100)).eta - 200) < 5)
    #expect(quick.bulk == Outliers(), "it does not come again")
  }

  @Test func itemsMarkedInBulkAreNoSpeed() throws {
    var estimator = Estimator()
    feed(&estimator, 50, every: 2)
    estimator.feed(items: estimator.items + 4000, active: estimator.active + 300)
    feed(&estimator, 20, every: 2)
    let estimate = try #require(read(estimator, 100))
    #expect((190...210).contains(estimate.eta), "\(estimate.eta)")
    #expect(estimator.bulk == Outliers(count: 1, amount: 4000))
  }

  /// What is there already when an owner starts: so many items, every so many milliseconds; then
  /// three a second.
  @Test(
    arguments: [
      (500, 250), (2000, 250), (1, 900), (100, 250), (667, 300), (250, 1000),
    ], [0, 1, 2])
  func whatIsThereAtTheStartIsNoSpeed(_ bulk: (items: Int64, every: Int64), starts: Int) throws {
    var estimator = Estimator()
    for start in 0...starts {
      estimator.begin(items: Int64(start) * 100, active: estimator.active)
      // The first report only says where it stands.
      estimator.skip(to: estimator.items, active: estimator.active)
      estimator.isFresh = false
      var left: Int64 = 2000
      while left > 0 {
        let items = min(left, bulk.items == 1 ? (left == 2000 ? 1 : 1999) : bulk.items)
        estimator.feed(items: estimator.items + items, active: estimator.active + bulk.every)
        left -= items
      }
      for count in [60, 600, 1800] {
        feed(&estimator, count, every: 1 / 3)
        let estimate = try #require(read(estimator, 1000))
        #expect(abs(estimate.eta / 333 - 1) < 0.1, "start \(start), \(count): \(estimate.eta)")
      }
    }
    #expect(estimator.bulk == Outliers())
  }

  @Test func bulkThatComesAgainAndAgainIsAHabit() throws {
    var estimator = Estimator()
    for _ in 0..<6 {
      feed(&estimator, 60, every: 1)
      for _ in 0..<4 {
        estimator.feed(items: estimator.items + 150, active: estimator.active + 250)
      }
    }
    feed(&estimator, 10, every: 1)
    let estimate = try #require(read(estimator, 660))
    #expect((40...120).contains(estimate.eta), "\(estimate.eta): of 660 items, 600 come in bulk")
  }

  @Test func fastSkipsAreForgotten() throws {
    var estimator = Estimator()
    for _ in 0..<16 {
      estimator.feed(items: estimator.items + 250, active: estimator.active + 250)
    }
    feed(&estimator, 6, every: 1)
    let estimate = try #require(read(estimator, 100))
    #expect((70...150).contains(estimate.eta), "\(estimate.eta)")
  }

  @Test func workersThatFinishTogetherAreOneEvent() throws {
    var estimator = Estimator()
    for _ in 0..<30 {
      feed(&estimator, 1, every: 20)
      feed(&estimator, 3, every: 0.3)
    }
    let estimate = try #require(read(estimator, 80))
    #expect(abs(estimate.eta - 418) < 25, "\(estimate.eta)")
    #expect(estimate.high - estimate.low < 150, "bunches are no spread")
    #expect(estimator.buckets.reduce(0) { $0 + $1.events } < 50)
  }

  @Test func whatGrowsGoesOnGrowing() throws {
    var estimator = Estimator()
    for number in 0..<300 { feed(&estimator, 1, every: 1 + Double(number) / 100) }
    let estimate = try #require(read(estimator, 100))
    #expect(estimate.eta > 420, "\(estimate.eta): the last took 4 s, the next take up to 5")
    #expect(estimate.eta < 600, "\(estimate.eta)")
  }

  @Test func thereIsNothingToSayBeforeThereIsGround() {
    var estimator = Estimator()
    #expect(read(estimator, 10) == nil)
    feed(&estimator, 1, every: 1)
    #expect(read(estimator, 10) == nil)
    feed(&estimator, 1, every: 1)
    #expect(read(estimator, 10) != nil)
    #expect(read(estimator, -1) == nil)
    #expect(read(estimator, 0)?.eta == 0)
  }

  @Test func finishedJobsSpeakFirstAndThenFallSilent() throws {
    var estimator = Estimator()
    let prior = Prior(mean: 10, variance: 0.2)
    let first = try #require(read(estimator, 100, prior: prior))
    #expect(first.isFromHistory && first.eta == 1000)
    #expect(first.low < 500 && first.high > 2000)
    feed(&estimator, 4, every: 2)
    let mixed = try #require(read(estimator, 100, prior: prior))
    #expect(mixed.isFromHistory)
    #expect(mixed.eta > 210 && mixed.eta < 700, "\(mixed.eta)")
    feed(&estimator, 8, every: 2)
    let own = try #require(read(estimator, 100, prior: prior))
    #expect(!own.isFromHistory && abs(own.eta - 200) < 5)
  }

  @Test func whatWasSetBackIsNoSpeed() throws {
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
    feed(&estimator, 1, every: 3)
    let all = estimator.buckets.reduce(0.0) { $0 + $1.seconds }
    #expect(abs(all - 23) < 0.001)
  }

  @Test(arguments: [1.6, 1 / 1.6]) func twoStepsAreNoTrend(_ step: Double) throws {
    var estimator = Estimator()
    var random = Dice(13)
    for level in [1, step, step * step] {
      scatter(&estimator, 150, level * 5.5, level, &random)
    }
    let estimate = try #require(read(estimator, 200))
    #expect(abs(estimate.eta / (2000 * step * step) - 1) < 0.12, "\(estimate.eta)")
  }

  @Test func aQuickItemNotTakenYetIsNoChange() throws {
    var estimator = Estimator()
    var random = Dice(17)
    scatter(&estimator, 60, 0.8, 0.04, &random)
    let before = try #require(read(estimator, 50))
    let after = try #require(
      estimator.estimate(
        current: estimator.items + 1, now: estimator.active + 1, reported: estimator.active + 1,
        remaining: 49))
    #expect(abs(after.eta - before.eta) < 2, "\(before.eta), then \(after.eta)")
  }

  @Test func aStallThatIsUsualEndsAsUsual() throws {
    var estimator = Estimator()
    for _ in 0..<3 {
      feed(&estimator, 50, every: 1)
      feed(&estimator, 1, every: 100)
    }
    feed(&estimator, 20, every: 1)
    let stalled = try #require(read(estimator, 2, after: 40))
    #expect(stalled.isStalled)
    #expect((55...70).contains(stalled.eta), "\(stalled.eta)")
  }

  @Test(arguments: [Int64.min, -1, 0, 1, .max]) func anyNumberIsSafe(_ number: Int64) {
    var estimator = Estimator(items: number, active: number)
    estimator.feed(items: .max, active: .max)
    estimator.feed(items: .min, active: .min)
    feed(&estimator, 30, every: 1)
    for other in [Int64.min, -1, 0, 1, .max] {
      _ = estimator.estimate(current: other, now: number, reported: other, remaining: number)
      _ = estimator.estimate(current: number, now: other, reported: number, remaining: .max)
    }
  }

  @Test func numbersBeyondReasonGiveNoNumber() {
    for value in [1e-300, 1e300, Double.greatestFiniteMagnitude, .infinity, .nan] {
      for other in [1e-300, 1, 1e300, -1e300] {
        var estimator = Estimator()
        estimator.noise = value
        estimator.noiseCount = 50
        estimator.gaps = other
        for _ in 0..<12 {
          estimator.buckets.append(
            Bucket(events: 3, items: value, seconds: other, squares: value, logs: other))
        }
        feed(&estimator, 3, every: 1)
        guard let estimate = read(estimator, 1 << 50, after: 1e9) else { continue }
        #expect(estimate.eta.isFinite && estimate.low.isFinite && estimate.high.isFinite)
      }
    }
  }
}
