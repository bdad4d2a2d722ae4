import CPosix

// A set as it stands in a file.
extension ItemSet {
  /// What a stored one begins with, and the sections behind it.
  func describe(
    _ head: inout cposix_items, _ notes: Buffer, _ texts: Buffer
  ) -> [UnsafeRawBufferPointer] {
    let (seed, size, arena, table) = table.parts
    (head.seed, head.table_size, head.known) = (seed, UInt32(size), UInt32(known))
    (head.done, head.failed) = (UInt32(doneCount), UInt32(failedCount))
    (head.skipped, head.open) = (UInt32(skippedCount), UInt32(openCount))
    (head.first_open, head.last_place) = (UInt32(firstOpen), self.notes.lastPlace)
    (head.under_way, head.trials) = (
      UInt32(self.notes.underWayCount), UInt32(self.notes.trialCount)
    )
    head.whys = UInt32(self.notes.whyCount)
    return [
      arena, table, planList.buffer.bytes, doneList.buffer.bytes, failedList.buffer.bytes,
      skippedList.buffer.bytes, notes.bytes, texts.bytes,
    ]
  }
}
