import CPosix
import Testing

@testable import BackgroundJobs

/// Sizes in order tell of those to come.
@Suite struct SortedTests {
  /// Seconds of each of 400 items, whose ln is so much times the probit, and noise.
  private func sizes(_ spread: Double, seed: UInt64) -> [Double] {
    var random = Dice(seed)
    return (0..<400).map { item in
      // Three dice: near enough to normal, of deviation 0.2.
      let noise = (0..<3).map { _ in Double.random(in: -0.2...0.2, using: &random) }
      let place = Quantile((Double(item) + 0.5) / 400).probit
      return 10 * exp(spread * place + noise.reduce(0, +))
    }
  }

  private func worked(_ sizes: some Sequence<Double>) -> Estimator {
    var estimator = Estimator()
    for size in sizes { feed(&estimator, 1, every: size) }
    return estimator
  }

  private func read(_ estimator: Estimator, _ remaining: Int) throws -> Estimate {
    try #require(
      estimator.estimate(
        current: estimator.items, now: estimator.active, reported: estimator.active,
        remaining: Int64(remaining)))
  }

  private func sorted(_ estimator: Estimator, _ remaining: Double) -> Sorted? {
    Regimes(estimator.buckets, deviation: estimator.deviation).flatMap {
      Sorted($0, left: remaining)
    }
  }

  @Test(arguments: [0.8, -0.8], [UInt64(3), 5, 7])
  func theRestFollowsFromTheOrder(_ spread: Double, _ seed: UInt64) throws {
    let all = sizes(spread, seed: seed)
    for done in [200, 280, 340] {
      let truth = all[done...].reduce(0, +)
      let estimate = try read(worked(all[..<done]), 400 - done)
      #expect(abs(estimate.eta / truth - 1) < 0.3, "at \(done)")
      #expect(estimate.low < truth && truth < estimate.high, "at \(done)")
    }
  }

  @Test func itDoesNotJump() throws {
    let all = sizes(0.8, seed: 11)
    var before: Double?
    for done in stride(from: 200, to: 360, by: 4) {
      let estimator = worked(all[..<done])
      let end = Double(estimator.active) / 1000 + (try read(estimator, 400 - done)).eta
      if let before { #expect(abs(end / before - 1) < 0.2, "at \(done)") }
      before = end
    }
  }

  /// Between the two, it may look so.
  @Test(arguments: [60, 100, 250, 400]) func aWarmUpIsNotSorted(_ done: Int) throws {
    var random = Dice(13)
    var estimator = Estimator()
    for item in 0..<done {
      let level = 1 + 4 * exp(-Double(item) / 25)
      scatter(&estimator, 1, level * 0.55, level * 0.1, &random)
    }
    #expect(sorted(estimator, Double(1000 - done)) == nil)
  }

  @Test func whatIsSteadyOrTakesStepsIsNotSorted() {
    var steady = Estimator()
    var random = Dice(17)
    scatter(&steady, 300, 0.55, 0.1, &random)
    #expect(sorted(steady, 100) == nil)
    scatter(&steady, 200, 2.2, 0.4, &random)
    #expect(sorted(steady, 100) == nil)
  }

  @Test func whatGrowsEvenlyIsNotSorted() {
    var estimator = Estimator()
    var random = Dice(19)
    for item in 0..<300 {
      let level = 1 + Double(item) / 300
      scatter(&estimator, 1, level * 0.55, level * 0.1, &random)
    }
    #expect((sorted(estimator, 300)?.share ?? 0) < 0.5)
  }

  @Test func hostileNumbersAreNoTrap() {
    let values = [0, -1, 1e-300, 1e300, -1e300, Double.infinity, .nan]
    for first in values {
      for second in values {
        var estimator = worked(sizes(0.8, seed: 23)[..<200])
        for place in estimator.buckets.indices where place % 2 == 0 {
          estimator.buckets[place].items = first
          estimator.buckets[place].logs = second
        }
        for left in [1, 200, 9e18, first, second] {
          if let sorted = sorted(estimator, left) {
            #expect(sorted.mean.isFinite && sorted.variance.isFinite)
            #expect(sorted.share > 0 && sorted.share <= 1)
          }
        }
      }
    }
  }
}
