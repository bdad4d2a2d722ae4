import CPosix

/// How long what is under way will still take, from how long it usually takes.
enum ResidualLife {
  /// This many standard deviations (of ln) beyond the usual, it is a stall.
  private static let isStall = 4.0

  /// mean and variance of an event's seconds, taken to be log-normal; elapsed: seconds so far.
  static func rest(
    mean: Double, variance: Double, elapsed: Double
  ) -> (seconds: Double, isStalled: Bool) {
    guard mean > 0, elapsed > 0 else { return (max(0, mean), false) }
    let spread = log(1 + max(variance / (mean * mean), 1e-4))
    let deviation = spread.squareRoot()
    let place = (log(elapsed / mean) + spread / 2) / deviation
    // What is not of the usual kind lasts about as long again as it has lasted.
    if place > isStall {
      return (elapsed * min(1, max(deviation / place, 0.5)), elapsed > 5)
    }
    let seconds = mean * Quantile.above(place - deviation) / Quantile.above(place) - elapsed
    return (max(0, seconds), false)
  }
}
