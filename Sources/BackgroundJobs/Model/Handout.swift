/// What this manager was given of a shared job's items, and has not handed on yet.
final class Handout {
  private static let most = 64
  /// So long, in nanoseconds, it is to last: who dies with it holds up the others no longer.
  private static let time: Int64 = 100_000_000

  let job: String
  /// By their names: the state may be made anew.
  private var names = Buffer()
  private var place = 0
  /// How many they were, and when.
  private var count = 0
  private var since: Int64 = 0

  init(_ job: String) { self.job = job }

  /// The next one that is still ours: not ended, withdrawn or given back. nil: there is none left.
  func next(of job: JobState, _ worker: UInt64?) -> ItemSet.Slot? {
    guard let worker, let owner = job.place(of: worker) else { return nil }
    let mine = job.claimed(at: owner)
    var reader = Reader(names.bytes, from: place)
    while !reader.isAtEnd {
      let name = reader.counted()
      place = reader.offset
      if let slot = job.items.find(name), mine.contains(slot) { return slot }
    }
    return nil
  }

  /// How many to ask for: as many as the last ones say, and fewer when few are left for all.
  func size(for job: JobState, at now: Int64) -> Int {
    // At first a few, to see how long they take.
    let pace = Double(max(1, count)) / Double(max(1, now - since))
    let left = max(0, job.items.openCount - job.claimed.count)
    let share = left / (2 * job.workerCount) + 1
    return max(1, min(Int(min(pace * Double(Self.time), Double(Self.most))), share))
  }

  func take(_ names: Buffer, _ count: Int, at now: Int64) {
    (self.names, place, self.count, since) = (names, 0, count, now)
  }
}
