// The queue, in what is the same for each storage.
extension JobDesk {
  func setRate(_ provider: String, _ count: Int64, _ periodMs: Int64) throws(JobError) {
    try alone { () throws(JobError) in
      if let place = jobs.budget(provider) {
        let known = jobs.budgets[place]
        if known.count == count, known.periodMs == periodMs { return }
      } else {
        guard count > 0 else { return }
        guard jobs.budgets.count < RateBudget.mostProviders else {
          throw JobError(
            .invalid, "there are \(jobs.budgets.count) rates; no more are possible")
        }
      }
      try settle(.rated(provider: provider, count: count, periodMs: periodMs), durable: true)
    }
  }

  /// The queue, for who asks.
  func queue(_ state: State) throws(JobError) -> Buffer {
    let (buffer, now) = (Buffer(), clock.realtimeMs)
    let out = JSONText(buffer)
    try out.beginObject()
    try out.name("rates")
    try out.beginArray()
    for budget in state.budgets {
      try out.next()
      try out.beginObject()
      try out.member("provider", budget.provider)
      try out.member("count", budget.count)
      try out.member("periodMs", budget.periodMs)
      try out.member("burst", budget.burst)
      try out.member("waitMs", budget.permitting(1, at: now).wait)
      try out.endObject()
    }
    try out.endArray()
    try out.endObject()
    return buffer
  }

  /// A power cut may undo it: then some are permitted twice.
  func permit(
    _ provider: String, _ requests: Int64
  ) throws(JobError) -> (status: Status, waitMs: Int64) {
    try alone { () throws(JobError) -> (Status, Int64) in
      guard let place = jobs.budget(provider) else {
        throw JobError(.notFound, "there is no rate for \(provider)")
      }
      let budget = jobs.budgets[place]
      guard requests <= budget.count else {
        throw JobError(
          .invalid, "\(requests) requests are more than the \(budget.count) of a period")
      }
      let (next, wait) = budget.permitting(requests, at: clock.realtimeMs)
      guard let next else { return (.waiting, wait) }
      try settle(.permitted(provider: provider, earned: next.earned), durable: false)
      return (.ok, wait)
    }
  }
}
