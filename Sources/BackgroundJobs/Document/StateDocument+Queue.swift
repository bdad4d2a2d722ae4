// What is kept of the queue, under `bgjobs` at the top level.
extension StateDocument {
  /// A version that does not know the queue would lose something. A limit passes by itself, and is
  /// told again by the provider.
  static func format(of state: State) -> Int64 {
    let isUsed =
      !state.limits.isEmpty || state.worth != State.usualWorth
      || state.providers.contains { $0.count > 0 }
      || state.hasQueue
    return isUsed ? format : 1
  }

  static func encodeQueue(of state: State, _ out: JSONText) {
    if state.worth != State.usualWorth { out.member("worth", state.worth) }
    if !state.limits.isEmpty {
      out.name("limits")
      out.beginObject()
      for limit in state.limits { out.member(limit.text, limit.allowed) }
      out.endObject()
    }
    guard !state.providers.isEmpty else { return }
    out.name("providers")
    out.beginObject()
    for provider in state.providers {
      out.name(provider.name)
      out.numbers(
        provider.count, provider.periodMs, provider.earned, provider.limitedUntil, provider.pushed,
        provider.changed)
    }
    out.endObject()
  }

  static func decodeQueue(_ ours: JSONValue, _ state: State) {
    if let worth = ours["worth"].integer, worth <= State.strictWorth { state.worth = worth }
    try? ours["limits"].forEachMember { scope, most throws(JobError) in
      guard let most = most.integer, most >= 0, state.limits.count < QueueLimit.most,
        let limit = QueueLimit(scope, allowed: most)
      else { return }
      state.limits.append(limit)
    }
    try? ours["providers"].forEachMember { name, entry throws(JobError) in
      guard state.providers.count < 2 * Provider.most else { return }
      func number(_ place: Int) -> Int64 { entry.at(place).integer ?? 0 }
      let provider = Provider(name: name)
      (provider.count, provider.periodMs, provider.earned) = (number(0), number(1), number(2))
      (provider.limitedUntil, provider.pushed, provider.changed) = (number(3), number(4), number(5))
      guard provider.count == 0 || Provider.isPossible(provider.count, provider.periodMs) else {
        return
      }
      state.providers.append(provider)
    }
  }
}
