/// Hands out each open item of a plan once, in each attempt.
final class Dispenser {
  private let items: ItemSet
  private let attempt: Int64
  private var position = 0
  /// By slot; shorter than the set where none follows.
  private var skipped: [Bool] = []

  init(_ job: JobState) {
    items = job.items
    attempt = job.attempts
  }

  func next() -> ItemSet.Slot? {
    while let slot = items.nextOpen(from: &position) {
      if slot >= skipped.count || !skipped[Int(slot)] { return slot }
    }
    return nil
  }

  /// The state was made anew: what was handed out and is not reported yet is not handed out again.
  func following(_ job: JobState) -> Dispenser {
    let now = job.items
    if now === items, attempt == job.attempts { return self }
    let dispenser = Dispenser(job)
    if attempt != job.attempts { return dispenser }
    var place = 0
    while let slot = items.nextOpen(from: &place), place <= position {
      if let same = now.find(items.bytes(of: slot)) { dispenser.skip(same) }
    }
    for slot in skipped.indices where skipped[slot] {
      let bytes = items.bytes(of: ItemSet.Slot(clamping: slot))
      if let same = now.find(bytes) { dispenser.skip(same) }
    }
    return dispenser
  }

  private func skip(_ slot: ItemSet.Slot) {
    while slot >= skipped.count { skipped.append(false) }
    skipped[Int(slot)] = true
  }
}

extension Store {
  /// The job, seen now: the owner looks as often as it does for a report.
  func lookForNext(_ reference: JobReference) throws(JobError) -> JobState {
    let job = try reference.resolve(in: self)
    guard let log = ownedLog(of: job) else {
      try refresh()
      return try reference.resolve(in: self)
    }
    var nothing = Report()
    let now = Clock.machineCoarse
    if now &- log.lastLook >= Self.lookInterval { try look(log, job, now, &nothing) }
    return try reference.resolve(in: self)
  }
}
