/// Events of the queue as the payloads of journal records.
extension QueueChange {
  var kind: Record.Kind {
    switch self {
    case .rated: .rated
    case .permitted: .permitted
    case .throttled: .throttled
    case .limited: .limited
    case .valued: .valued
    }
  }

  func encode(to buffer: Buffer) {
    switch self {
    case .rated(let provider, let count, let periodMs):
      buffer.appendCounted(provider)
      buffer.appendSigned(count)
      buffer.appendSigned(periodMs)
    case .permitted(let provider, let earned, let pushed):
      buffer.appendCounted(provider)
      buffer.appendSigned(earned)
      buffer.appendSigned(pushed)
    case .throttled(let provider, let until):
      buffer.appendCounted(provider)
      buffer.appendSigned(until)
    case .limited(let scope, let most):
      buffer.appendCounted(scope)
      buffer.appendSigned(most)
    case .valued(let worth): buffer.appendSigned(worth)
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
    case .limited:
      let scope = reader.text()
      return .limited(scope: scope, most: reader.signed())
    case .valued: return .valued(worth: reader.signed())
    default: return nil
    }
  }
}
