import Testing

@testable import BackgroundJobs

@Suite struct QuantileTests {
  /// Of tables of the normal distribution.
  @Test(arguments: [
    (0.5, 0.0), (0.841344746, 1), (0.158655254, -1), (0.977249868, 2), (0.0013498980, -3),
    (2.866515719e-7, -5),
  ])
  func theProbitIsExact(_ share: Double, _ expected: Double) {
    #expect(abs(Quantile(share).probit - expected) < 1e-5)
  }

  @Test func itRises() {
    var before = -Double.infinity
    for share in stride(from: 0.001, to: 1, by: 0.001) {
      let place = Quantile(share)
      #expect(place.probit > before && place.density > 0 && place.scatter > 0)
      before = place.probit
    }
  }

  @Test(arguments: [0, 1, -1e-17, 1.5, 1e-300, 1 - 1e-16, Double.infinity, .nan])
  func itsEndsAreNoTrap(_ share: Double) {
    let place = Quantile(share)
    #expect(!place.probit.isNaN)
    #expect(place.density >= 0 && place.density < 1e-6)
    #expect(place.scatter >= 0)
  }
}
