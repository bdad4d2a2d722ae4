@testable import BackgroundJobs

/// count items, one every so many seconds, from where it stands.
func feed(_ estimator: inout Estimator, _ count: Int, every seconds: Double) {
  for _ in 0..<count {
    let (items, _) = estimator.items.addingReportingOverflow(1)
    let (active, _) = estimator.active.addingReportingOverflow(Int64(seconds * 1000))
    estimator.feed(items: items, active: active)
  }
}

/// The same, each of them least to least + 9 steps.
func scatter(
  _ estimator: inout Estimator, _ count: Int, _ least: Double, _ step: Double, _ dice: inout Dice
) {
  for _ in 0..<count {
    feed(&estimator, 1, every: least + step * Double(Int.random(in: 0..<10, using: &dice)))
  }
}
