/// The time that a job has been worked on, in milliseconds: pauses, sleep and the time between two
/// owners are not in it. It is driven by times of one base (an owner's monotonic clock) and stands
/// still between owners.
struct ActiveClock: Equatable {
  private(set) var total: Int64 = 0
  /// When time was last counted, in the owner's base; nil while it stands still.
  private(set) var mark: Int64?

  init(total: Int64 = 0, mark: Int64? = nil) {
    self.total = max(0, total)
    self.mark = mark
  }

  mutating func start(at time: Int64) { if mark == nil { mark = time } }

  /// Counts up to `time`. Going back counts nothing.
  @inline(__always)
  mutating func advance(to time: Int64) {
    guard let mark, time > mark else { return }
    total &+= time &- mark
    self.mark = time
  }

  mutating func stop(at time: Int64) {
    advance(to: time)
    mark = nil
  }

  /// The owner is gone, and with it the base of `mark`.
  mutating func abandon() { mark = nil }

  /// What it would be at `time`, without counting it.
  func reading(at time: Int64) -> Int64 {
    guard let mark, time > mark else { return total }
    return total &+ (time &- mark)
  }
}
