/// What the state file owes its readers, and when that is due.
struct PublicationDebt {
  /// What a change is, and so how eagerly it is published.
  enum Urgency { case transition, progress }

  /// Something has changed that the file does not say.
  private(set) var isOwed = false
  /// What another tool asked for, or has lost sight of, is as urgent as a transition.
  private var isUrgent = false
  /// The event that says so of the last publication by this handle.
  private var publishedSeq: UInt64 = 0
  private var transitions: Throttle
  private var progress: Throttle

  init(
    transitions: Throttle = Throttle(burst: 8, interval: 0),
    progress: Throttle = Throttle(burst: 3, interval: 1_000_000_000, breath: 100_000_000)
  ) {
    (self.transitions, self.progress) = (transitions, progress)
  }

  @inline(__always)
  mutating func owe() { isOwed = true }

  /// After events up to `seq`; the last one may tell of the publication itself.
  mutating func owe(upTo seq: UInt64) { if seq != publishedSeq { isOwed = true } }

  /// Another tool waits for it. It may have been owed already, or come to be.
  mutating func hurry() { isUrgent = true }

  mutating func pay(with seq: UInt64) {
    publishedSeq = seq
    (isOwed, isUrgent) = (false, false)
  }

  /// How urgent it is with a change of this kind.
  func urgency(with change: Urgency) -> Urgency { isUrgent ? .transition : change }

  func isDue(_ urgency: Urgency, at now: Int64) -> Bool {
    switch urgency {
    case .transition: transitions.isDue(at: now)
    case .progress: progress.isDue(at: now)
    }
  }

  /// It was tried, and took so many nanoseconds.
  mutating func spend(_ urgency: Urgency, at now: Int64, cost: Int64) {
    switch urgency {
    case .transition: transitions.spend(at: now, cost: cost)
    case .progress: progress.spend(at: now, cost: cost)
    }
  }

  /// It was hindered: to be tried again then.
  mutating func postpone(_ urgency: Urgency, to time: Int64) {
    switch urgency {
    case .transition: transitions.postpone(to: time)
    case .progress: progress.postpone(to: time)
    }
  }
}
