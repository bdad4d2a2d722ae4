// What is kept of the queue, under `bgjobs` at the top level.
extension StateDocument {
  static func encodeQueue(of state: State, _ out: JSONText) throws(JobError) {
    guard !state.budgets.isEmpty else { return }
    try out.name("rates")
    try out.beginObject()
    for budget in state.budgets {
      try out.name(budget.provider)
      try out.numbers(budget.count, budget.periodMs, budget.earned)
    }
    try out.endObject()
  }

  static func decodeQueue(_ ours: JSONValue, _ state: State) {
    ours["rates"]?.forEachMember { (provider, entry) throws(Never) in
      guard state.budgets.count < RateBudget.mostProviders, let count = entry.at(0)?.integer,
        let periodMs = entry.at(1)?.integer, RateBudget.isPossible(count, periodMs), count > 0
      else { return }
      state.budgets.append(
        RateBudget(
          provider: provider, count: count, periodMs: periodMs,
          earned: entry.at(2)?.integer ?? 0))
    }
  }
}
