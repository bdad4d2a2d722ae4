import CPosix

/// Items of jobs that are not all in memory. Each has a descriptor, so there are few.
struct PartialItems {
  private var sets: [(items: ItemSet, name: String)] = []
  private let most = Int(min(max(8, cposix_descriptor_limit() / 8), 512))

  mutating func add(_ items: ItemSet, _ name: String) {
    sets.removeAll { $0.items.isWhole }
    if sets.count >= most {
      try? sets[0].items.loadAll()
      if sets[0].items.isWhole { sets.removeFirst() }
    }
    sets.append((items, name))
  }

  /// Those that were not as they had been written.
  var damaged: [(name: String, fault: JobError)] {
    var damaged: [(name: String, fault: JobError)] = []
    for set in sets { if let fault = set.items.fault { damaged.append((set.name, fault)) } }
    return damaged
  }
}
