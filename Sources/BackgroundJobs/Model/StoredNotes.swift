/// The notes of stored items, sorted by slot: of each, slot, begun, unended and place, 4 bytes each,
/// one more than where its reason is among the texts, and how long that is; 0: there is none.
final class StoredNotes {
  static let entrySize = 24

  private let entries: Buffer
  private let entryPages: LazyPages?
  private let texts: Buffer
  private let textPages: LazyPages?

  init(_ entries: Buffer, _ entryPages: LazyPages?, _ texts: Buffer, _ textPages: LazyPages?) {
    (self.entries, self.entryPages) = (entries, entryPages)
    (self.texts, self.textPages) = (texts, textPages)
  }

  var count: Int { entries.count / Self.entrySize }

  private func number(_ entry: Int, _ member: Int) -> UInt32 {
    let place = entry * Self.entrySize + member * 4
    entryPages?.need(place, 4, in: entries.base)
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
    textPages?.need(start, length, in: texts.base)
    return String(bytes: UnsafeRawBufferPointer(rebasing: texts.bytes[start..<start + length]))
  }

  func loadAll() {
    entryPages?.need(0, .max, in: entries.base)
    textPages?.need(0, .max, in: texts.base)
  }
}
