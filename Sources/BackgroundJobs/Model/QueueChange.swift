/// What happens to the queue, and to no single job.
enum QueueChange {
  /// At most so many requests in a period; a count of 0: no limit any more.
  case rated(provider: String, count: Int64, periodMs: Int64)
  /// Requests to a provider are permitted; what of its budget is used then.
  case permitted(provider: String, earned: Int64)
}

extension State {
  /// Those of a provider.
  final func budget(_ provider: String) -> Int? {
    budgets.firstIndex { $0.provider.bytes == provider.bytes }
  }

  final func apply(_ change: QueueChange, at moment: Moment) {
    defer { seq = moment.seq }
    switch change {
    case .rated(let provider, let count, let periodMs):
      let place = budget(provider)
      // What was permitted stays so: nobody gets a budget twice by naming it again.
      let earned = place.map { budgets.remove(at: $0).earned } ?? 0
      guard count > 0 else { return }
      budgets.append(
        RateBudget(provider: provider, count: count, periodMs: periodMs, earned: earned))
    case .permitted(let provider, let earned):
      if let place = budget(provider) { budgets[place].earned = earned }
    }
  }
}
