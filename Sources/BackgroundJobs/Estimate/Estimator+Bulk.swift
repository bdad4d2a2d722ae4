/// What is marked in bulk over some reports, one by one or by hundreds: what a script finds there
/// already, say. It is no speed.
extension Estimator {
  /// So many times the items of an event, and so many times quicker, than what came after it.
  private static let bulk = 16.0
  private static let leastEvents: Int64 = 3
  /// An owner's life starts with so many seconds.
  private static let atOnce = 2.0

  /// Takes a row of such events out, once as much time has passed after it as in it, and at least
  /// three events.
  mutating func dropBulk() {
    var newer = buckets[0]
    var start = 1
    while start < buckets.count {
      let first = buckets[start]
      guard newer.events >= Self.leastEvents, isBulk(first, beside: newer) else {
        newer.add(first)
        start += 1
        continue
      }
      var row = first
      var end = start + 1
      while end < buckets.count, isBulk(buckets[end], beside: newer) {
        row.add(buckets[end])
        end += 1
      }
      if row.seconds <= newer.seconds { drop(straddles(start - 1) ? start - 1 : start, end, row) }
      return
    }
  }

  // Not inlined, here and below: the library is to stay small.
  @inline(never)
  private func isBulk(_ older: Bucket, beside newer: Bucket) -> Bool {
    older.items * newer.count > Self.bulk * newer.items * older.count
      && older.mean * Self.bulk < newer.mean
  }

  /// The event in which the row ended has some items of it.
  private func straddles(_ place: Int) -> Bool {
    guard place > 0, buckets[place].events == 1 else { return false }
    var newer = buckets[0]
    for bucket in buckets[1..<place] { newer.add(bucket) }
    return newer.events >= 2 && buckets[place].items * newer.count > 2 * newer.items
      && buckets[place].mean * 2 < newer.mean
  }

  /// At the start of an owner's life: later than that it may come again.
  @inline(never)
  func isAtStart(_ event: Bucket, behind seconds: Double) -> Bool {
    let (took, _) = active.subtractingReportingOverflow(since)
    return Double(took) / 1000 - seconds - event.seconds <= Self.atOnce
  }

  @inline(never)
  private mutating func drop(_ start: Int, _ end: Int, _ row: Bucket) {
    let after = buckets[..<start].reduce(0) { $0 + $1.seconds }
    if !isAtStart(row, behind: after) { note(row, isSlow: false) }
    buckets.removeSubrange(start..<end)
    // What was learnt of the noise came from the step between the two.
    let rest = buckets
    buckets.removeAll(keepingCapacity: true)
    (noise, noiseCount, gaps, gapSquares) = (0, 0, 0, 0)
    for bucket in rest.reversed() { push(bucket) }
  }
}
