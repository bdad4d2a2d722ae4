/// Hands out each open item of a plan once, in each attempt: first what nobody has begun, then what
/// was begun and did not end, for that may be what ends its worker.
final class Dispenser {
  private typealias Late = (unended: UInt32, slot: ItemSet.Slot)

  private let items: ItemSet
  private let attempt: Int64
  private var generation: Int
  private var position = 0
  /// Passed over, in the order of the plan.
  private var late: [Late] = []
  /// The same, when their turn has come: the next one is the last.
  private var last: [Late] = []
  /// Handed out, and not ended when it was last looked at.
  private var out: [ItemSet.Slot] = []
  private var mostOut = 64
  /// The plan begins anew, with what is out in it.
  private var mayRepeat = false

  init(_ job: JobState) {
    items = job.items
    attempt = job.attempts
    generation = job.items.planGeneration
  }

  func next() -> ItemSet.Slot? {
    if generation != items.planGeneration {
      generation = items.planGeneration
      (position, late, last, mayRepeat) = (0, [], [], true)
    }
    while let slot = items.nextOpen(from: &position) {
      if mayRepeat, isOut(slot) { continue }
      let unended = items.notes.trial(slot)?.unended ?? 0
      guard unended > 0 else { return handOut(slot) }
      late.append((unended, slot))
    }
    while true {
      if last.isEmpty { orderLate() }
      guard let (_, slot) = last.popLast() else { return nil }
      if items.mark(of: slot) == .none, items.isPlanned(slot) { return handOut(slot) }
    }
  }

  /// The least often begun first. They are of few numbers, so each gets a pass of its own.
  private func orderLate() {
    var level = late.reduce(0) { max($0, $1.unended) }
    while last.count < late.count {
      var below: UInt32 = 0
      for entry in late.reversed() {
        if entry.unended == level {
          last.append(entry)
        } else if entry.unended < level {
          below = max(below, entry.unended)
        }
      }
      level = below
    }
    late = []
  }

  private func isOut(_ slot: ItemSet.Slot) -> Bool { out.contains { $0 == slot } }

  private func handOut(_ slot: ItemSet.Slot) -> ItemSet.Slot {
    if out.count >= mostOut {
      out = out.filter { items.mark(of: $0) == .none }
      mostOut = max(64, out.count * 2)
    }
    out.append(slot)
    return slot
  }

  /// It was given back: it is handed out again, behind all others.
  func takeBack(_ item: UnsafeRawBufferPointer) {
    guard let slot = items.find(item), isOut(slot) else { return }
    out = out.filter { $0 != slot }
    late.append((0, slot))
  }

  /// The state was made anew: what was handed out and is not reported yet is not handed out again.
  func following(_ job: JobState) -> Dispenser {
    let now = job.items
    if now === items, attempt == job.attempts { return self }
    let dispenser = Dispenser(job)
    if attempt != job.attempts { return dispenser }
    for slot in out where items.mark(of: slot) == .none {
      guard let same = now.find(items.bytes(of: slot)) else { continue }
      _ = dispenser.handOut(same)
      dispenser.mayRepeat = true
    }
    return dispenser
  }

  /// Gives an open item of a job to `take`, by what was handed out before.
  static func next(
    of job: JobState, in dispensers: inout Dispensers,
    _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    switch job.status {
    case .completed, .failed:
      throw JobError(.finished, Lifecycle.hasEnded(job.summary, "it gives out no items"))
    case .paused: return .paused
    default: break
    }
    let key = TextBytes(job.id)
    let dispenser = dispensers[key]?.following(job) ?? Dispenser(job)
    dispensers[key] = dispenser
    guard let slot = dispenser.next() else { return .end }
    let item = job.items.bytes(of: slot)
    do throws(JobError) { try take(item) } catch {
      dispenser.takeBack(item)
      throw error
    }
    return .ok
  }
}
