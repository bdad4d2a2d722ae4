// What is kept of the queue, under `bgjobs` at the top level.
extension StateDocument {
  /// A version that does not know the queue would lose something. A limit passes by itself, and is
  /// told again by the provider.
  static func format(of state: State) -> Int64 {
    state.providers.contains { $0.count > 0 } ? format : 1
  }

  static func encodeQueue(of state: State, _ out: JSONText) throws(JobError) {
    guard !state.providers.isEmpty else { return }
    try out.name("providers")
    try out.beginObject()
    for provider in state.providers {
      try out.name(provider.name)
      try out.numbers(
        provider.count, provider.periodMs, provider.earned, provider.limitedUntil, provider.pushed,
        provider.changed)
    }
    try out.endObject()
  }

  static func decodeQueue(_ ours: JSONValue, _ state: State) {
    ours["providers"]?.forEachMember { (name, entry) throws(Never) in
      guard state.providers.count < 2 * Provider.most else { return }
      let numbers = (0..<6).map { entry.at($0)?.integer ?? 0 }
      guard Provider.isPossible(numbers[0], numbers[1]) || numbers[0] == 0 else { return }
      state.providers.append(
        Provider(
          name: name, count: numbers[0], periodMs: numbers[1], earned: numbers[2],
          limitedUntil: numbers[3], pushed: numbers[4], changed: numbers[5]))
    }
  }
}
