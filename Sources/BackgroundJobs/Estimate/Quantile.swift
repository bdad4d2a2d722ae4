import CPosix

/// A place in the normal distribution.
struct Quantile {
  /// So much of it is below.
  let share: Double
  /// How far from the middle that is, in standard deviations.
  let probit: Double
  let density: Double

  init(_ share: Double) {
    self.share = share
    guard share > 0, share < 1 else {
      (probit, density) = (share > 0 ? .infinity : -.infinity, 0)
      return
    }
    // Winitzki's approximation (2008) is off by some thousandths; after a step of Halley's method
    // that is less than a millionth. Of the smaller side, for the sake of precision.
    let tail = min(share, 1 - share)
    let ends = log(4 * tail * (1 - tail))
    let half = 2 / (.pi * 0.147) + ends / 2
    let rough = (2 * ((half * half - ends / 0.147).squareRoot() - half)).squareRoot()
    let off = (tail - Self.above(rough)) / Self.density(rough)
    let away = rough - off / (1 + rough * off / 2)
    probit = share < 0.5 ? -away : away
    density = Self.density(away)
  }

  /// Variance of a sample's quantile here, times the size of the sample.
  var scatter: Double { density > 0 ? share * (1 - share) / (density * density) : 0 }

  static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * .pi).squareRoot() }

  static func above(_ x: Double) -> Double { 0.5 * erfc(x / 2.0.squareRoot()) }
}
