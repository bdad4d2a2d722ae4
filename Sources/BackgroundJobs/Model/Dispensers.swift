/// What was handed out of plans, by job. They are few: the jobs whose items this handle gives out.
struct Dispensers {
  private final class Entry {
    let job: TextBytes
    let dispenser: Dispenser

    init(_ job: TextBytes, _ dispenser: Dispenser) { (self.job, self.dispenser) = (job, dispenser) }
  }

  private var entries: [Entry] = []

  subscript(job: TextBytes) -> Dispenser? {
    get { entries.first { $0.job == job }?.dispenser }
    set {
      if self[job] === newValue { return }
      entries.removeAll { $0.job == job }
      if let newValue { entries.append(Entry(job, newValue)) }
    }
  }
}
