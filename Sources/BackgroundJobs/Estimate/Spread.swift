import CPosix

/// How much the seconds of an item vary.
extension Estimator {
  /// What is known of the variance of sums weighs so much beside that of single events.
  private static let trust = 0.9
  private static let leastBuckets = 6
  private static let leastEvents = 12.0

  /// Variance of the seconds of an item, between single events.
  func varianceOfOne(_ window: Bucket, _ mean: Double) -> Double {
    let seen = max(0, window.squares - window.seconds * window.seconds / window.items)
    let spread = exp(min(deviation, 1.5) * min(deviation, 1.5)) - 1
    let expected = mean * mean * spread * window.items / window.count
    return (seen + 2 * expected) / (window.count + 1)
  }

  /// The same as it adds up over many: less where long and short ones make up for each other, as
  /// with several workers, more where they come in rows. Between any two moments the past strays
  /// from an even pace. The square of that grows with the items between them (the variance ratio
  /// of Lo and MacKinlay, Review of Financial Studies 1(1), 1988); what does not grow, as half a
  /// bunch at either end, is not in it.
  func varianceInTheLong(_ regimes: Regimes, _ single: Double) -> Double {
    let window = regimes.buckets[regimes.now.buckets]
    let sum = regimes.now.sum
    guard window.count >= Self.leastBuckets, sum.count >= Self.leastEvents else { return single }
    var strays = Regression()
    for first in window.indices {
      var part = Bucket(events: 0, items: 0, seconds: 0, squares: 0, logs: 0)
      for bucket in window[first...] {
        part.add(bucket)
        let share = part.items / sum.items
        guard part.events >= 4, share < 0.9 else { continue }
        // Both ends of the window are on the line: that is where the mean comes from.
        let room = part.items * (1 - share)
        let off = part.seconds - sum.mean * part.items
        strays.add(room, off * off, weight: 1 / (room * room))
      }
    }
    let grows = strays.slope > 0 && strays.start > 0
    let between = grows ? strays.slope : strays.slopeFromZero
    guard between > 0, single > 0 else { return single }
    return exp(Self.trust * log(between) + (1 - Self.trust) * log(single))
  }
}
