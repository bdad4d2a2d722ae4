/// What happens to the queue, and to no single job.
enum QueueChange {
  /// At most so many requests in a period; a count of 0: no limit any more.
  case rated(provider: String, count: Int64, periodMs: Int64)
  /// Requests to a provider are permitted; what of its budget is used then, and was put off.
  case permitted(provider: String, earned: Int64, pushed: Int64)
  /// A provider takes no requests until then.
  case throttled(provider: String, until: Int64)
  /// At most so many jobs of a scope run at once; negative: no limit any more.
  case limited(scope: String, most: Int64)
  /// What a level of priority is worth, in milliseconds of waiting.
  case valued(worth: Int64)
}

extension State {
  final func apply(_ change: QueueChange, at moment: Moment) {
    defer { seq = moment.seq }
    switch change {
    case .rated(let name, let count, let periodMs):
      // What was permitted stays so: nobody gets a budget twice by naming it again.
      alter(name, at: moment) { $0.setRate(count, periodMs, at: moment.time) }
    case .permitted(let name, let earned, let pushed):
      alter(name, at: moment) { ($0.earned, $0.pushed) = (earned, pushed) }
    case .throttled(let name, let until):
      alter(name, at: moment) { $0.setLimit(until: until, at: moment.time) }
    case .limited(let scope, let most):
      limits = limits.filter { $0.text.bytes != scope.bytes }
      if most >= 0, let limit = QueueLimit(scope, allowed: most) { limits.append(limit) }
    case .valued(let worth): self.worth = worth
    }
  }

  /// Those of which nothing is to be known any more go.
  private final func alter(_ name: String, at moment: Moment, _ change: (Provider) -> Void) {
    let provider = place(of: name).map { providers.remove(at: $0) } ?? Provider(name: name)
    provider.see(at: moment.time)
    change(provider)
    providers.append(provider)
    providers.removeAll { $0.count == 0 && $0.limitedUntil <= moment.time }
    // Of limits without a rate the oldest go.
    if providers.count - rateCount > Provider.most,
      let place = providers.firstIndex(where: { $0.count == 0 })
    {
      providers.remove(at: place)
    }
  }
}
