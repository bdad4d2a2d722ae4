import CPosix

/// Items of jobs that are not all in memory. Each has a descriptor, so there are few.
struct PartialItems: ~Copyable {
  private final class Part {
    let items: ItemSet
    let name: String

    init(_ items: ItemSet, _ name: String) { (self.items, self.name) = (items, name) }
  }

  private var sets: [Part] = []
  private let most = Int(cposix_descriptor_share())

  mutating func add(_ items: ItemSet, _ name: String) {
    // One that is damaged stays.
    if sets.count >= most { try? sets[0].items.loadAll() }
    sets.removeAll { $0.items.isWhole }
    sets.append(Part(items, name))
  }

  /// One that was not as it had been written.
  var damaged: (name: String, fault: JobError)? {
    for set in sets { if let fault = set.items.fault { return (set.name, fault) } }
    return nil
  }

  /// Before what was decided by them is written.
  func requireSound() throws(JobError) { if let damaged { throw damaged.fault } }
}
