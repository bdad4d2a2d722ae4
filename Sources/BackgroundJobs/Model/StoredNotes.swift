/// The notes of stored items, sorted by slot: of each, slot, begun, unended and place, 4 bytes each,
/// one more than where its reason is among the texts, and how long that is; 0: there is none.
final class StoredNotes {
  static let entrySize = 24

  private let entries: Buffer
  private let texts: Buffer

  init(_ entries: Buffer, _ texts: Buffer) { (self.entries, self.texts) = (entries, texts) }

  var count: Int { entries.count / Self.entrySize }

  private func number(_ entry: Int, _ member: Int) -> UInt32 {
    let place = entry * Self.entrySize + member * 4
    entries.need(place, 4)
    return entries.bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
  }

  func slot(_ entry: Int) -> ItemSet.Slot { number(entry, 0) }

  func find(_ slot: ItemSet.Slot) -> Int? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self.slot(middle) < slot { low = middle + 1 } else { high = middle }
    }
    return low < count && self.slot(low) == slot ? low : nil
  }

  func trial(_ entry: Int) -> ItemNotes.Trial? {
    let trial = ItemNotes.Trial(
      begun: number(entry, 1), unended: number(entry, 2), place: number(entry, 3))
    return trial.begun | trial.unended | trial.place == 0 ? nil : trial
  }

  func why(_ entry: Int) -> String? {
    let (start, length) = (Int(number(entry, 4)) - 1, Int(number(entry, 5)))
    guard start >= 0, start + length <= texts.count else { return nil }
    texts.need(start, length)
    return String(bytes: UnsafeRawBufferPointer(rebasing: texts.bytes[start..<start + length]))
  }

  func loadAll() {
    entries.loadAll()
    texts.loadAll()
  }
}
