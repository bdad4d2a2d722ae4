/// What became of an item.
public enum ItemState: UInt32, Sendable {
  /// Planned, and none of the others.
  case open = 1
  /// Begun, and not ended yet.
  case underWay
  /// It is done.
  case done
  /// It has failed: ``JobItem/why`` may say why.
  case failed
  /// There was nothing to do: ``JobItem/why`` may say why.
  case skipped
}

/// A set of states, to walk a job's items.
public struct ItemStateSet: OptionSet, Sendable {
  /// The bits of `BGJ_ITEM_MASK_…` in the C API.
  public let rawValue: UInt32
  /// The set with these bits; others than those of ``all`` mean nothing.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// ``ItemState/open``.
  public static let open = ItemStateSet(rawValue: 0x02)
  /// ``ItemState/underWay``.
  public static let underWay = ItemStateSet(rawValue: 0x04)
  /// ``ItemState/done``.
  public static let done = ItemStateSet(rawValue: 0x08)
  /// ``ItemState/failed``.
  public static let failed = ItemStateSet(rawValue: 0x10)
  /// ``ItemState/skipped``.
  public static let skipped = ItemStateSet(rawValue: 0x20)
  /// Every state there is.
  public static let all = ItemStateSet(rawValue: 0x3e)
}

extension JobState {
  /// What was begun by somebody who is gone is not under way.
  func forEachItem(
    _ states: ItemStateSet, hasWorker: Bool,
    _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
  ) throws(JobError) {
    func ended(_ mark: ItemSet.Mark, _ state: ItemState) throws(JobError) {
      try items.forEach(mark) { slot, item throws(JobError) in
        try body(item, state, items.why(slot), items.attempts(of: slot))
      }
    }
    if states.contains(.done) { try ended(.done, .done) }
    if states.contains(.skipped) { try ended(.skipped, .skipped) }
    if states.contains(.failed) { try ended(.failed, .failed) }
    guard !states.isDisjoint(with: [.open, .underWay]) else { return }
    if !states.contains(.open) {
      guard hasWorker else { return }
      return try items.forEachUnderWay { slot throws(JobError) in
        try body(items.bytes(of: slot), .underWay, nil, items.attempts(of: slot))
      }
    }
    var position = 0
    while let slot = items.nextOpen(from: &position) {
      let state = hasWorker && items.isUnderWay(slot) ? ItemState.underWay : .open
      guard states.contains(state == .open ? .open : .underWay) else { continue }
      try body(items.bytes(of: slot), state, nil, items.attempts(of: slot))
    }
  }
}
