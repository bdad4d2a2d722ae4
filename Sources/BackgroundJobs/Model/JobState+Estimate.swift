extension JobState {
  /// Items that are not done yet; 0 while the total is unknown, where only the rate is of use.
  var remaining: Int64 {
    total == 0 ? 0 : max(0, total.clampedAdding(-current), Int64(items.openCount))
  }

  /// What there is to say after so many milliseconds of work, whatever the status.
  func estimate(at active: Int64, prior: Prior?) -> Estimate? {
    estimator.estimate(
      current: current, now: active, reported: clock.total, remaining: remaining, prior: prior)
  }
}
