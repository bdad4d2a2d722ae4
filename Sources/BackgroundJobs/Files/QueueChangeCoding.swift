/// Events of the queue as the payloads of journal records.
extension QueueChange {
  var kind: Record.Kind {
    switch self {
    case .rated: .rated
    case .permitted: .permitted
    case .throttled: .throttled
    }
  }

  func encode(to buffer: Buffer) throws(JobError) {
    switch self {
    case .rated(let provider, let count, let periodMs):
      try buffer.appendCounted(provider)
      try buffer.appendSigned(count)
      try buffer.appendSigned(periodMs)
    case .permitted(let provider, let earned, let pushed):
      try buffer.appendCounted(provider)
      try buffer.appendSigned(earned)
      try buffer.appendSigned(pushed)
    case .throttled(let provider, let until):
      try buffer.appendCounted(provider)
      try buffer.appendSigned(until)
    }
  }

  static func decode(_ kind: Record.Kind, _ reader: inout Reader) -> QueueChange? {
    switch kind {
    case .rated:
      let (provider, count) = (reader.text(), reader.signed())
      return .rated(provider: provider, count: count, periodMs: reader.signed())
    case .permitted:
      let (provider, earned) = (reader.text(), reader.signed())
      return .permitted(provider: provider, earned: earned, pushed: reader.signed())
    case .throttled:
      let provider = reader.text()
      return .throttled(provider: provider, until: reader.signed())
    default: return nil
    }
  }
}
