/// How soon a change is to be seen in the state file.
enum Urgency { case transition, progress }

/// How often the state file is written, by all processes together: a few times at once, then so far
/// apart that it takes at most a twentieth of their time. It stands with the last publication.
struct Pace: Equatable {
  /// When that was, in milliseconds since 1970. A clock that was set back since proves nothing:
  /// then the next one is due.
  var time: Int64 = 0
  /// How long it took, in microseconds.
  var cost: UInt32 = 0
  /// Thousandths of publications that were left after it: of all, and of those for progress alone.
  var left: UInt16 = 0
  var leftForProgress: UInt16 = 0

  /// All but the time, as it is on disk.
  var packed: UInt64 {
    UInt64(cost) | UInt64(left) << 32 | UInt64(leftForProgress) << 48
  }

  private static let most: Int64 = 8000
  private static let mostForProgress: Int64 = 3000
  /// Milliseconds between two for progress: inside a burst, and in a long row.
  private static let breath: Int64 = 100
  private static let interval: Int64 = 1000
  /// What took longer was stopped meanwhile, and all others are not to wait for that.
  private static let mostCost: UInt32 = 3_000_000

  /// Milliseconds until a call of this kind is to publish what is owed; 0 or less: now. `since`: the
  /// first transition that is owed, in milliseconds since 1970. `isLarge`: the file is, so that a
  /// transition is not to wait for it.
  func wait(_ urgency: Urgency, since: Int64?, isLarge: Bool, at now: Int64) -> Int64 {
    let passed = Self.passed(from: time, to: now)
    let any = Self.missing(left, spacing) &- passed
    var transition = any
    if isLarge {
      let age = since.map { Self.passed(from: $0, to: now) } ?? 0
      transition = max(transition, Self.interval &- age)
    }
    guard case .progress = urgency else { return transition }
    var wait = max(any, Self.missing(leftForProgress, progressSpacing) &- passed)
    if progressLevel(passed) < Self.mostForProgress { wait = max(wait, Self.breath &- passed) }
    return since == nil ? wait : min(wait, transition)
  }

  /// The pace after a publication that took so many nanoseconds.
  func spent(on urgency: Urgency, at now: Int64, cost: Int64) -> Pace {
    let passed = Self.passed(from: time, to: now)
    var progress = progressLevel(passed)
    if case .progress = urgency { progress = max(1000, progress) &- 1000 }
    return Pace(
      time: now, cost: min(UInt32(clamping: cost / 1000), Self.mostCost),
      left: UInt16(
        truncatingIfNeeded: max(1000, Self.level(left, passed, spacing, Self.most)) &- 1000),
      leftForProgress: UInt16(truncatingIfNeeded: progress))
  }

  /// Milliseconds; never 0.
  private var spacing: Int64 { Int64(cost / 50) | 1 }
  private var progressSpacing: Int64 { max(Self.interval, spacing) }

  /// At most a day, which is enough for anything; also where the clock was set back.
  @inline(never)
  private static func passed(from time: Int64, to now: Int64) -> Int64 {
    Int64(truncatingIfNeeded: min(UInt64(bitPattern: now &- time), 86_400_000))
  }

  @inline(never)
  private static func missing(_ left: UInt16, _ spacing: Int64) -> Int64 {
    (1000 &- Int64(left)) &* spacing / 1000
  }

  @inline(never)
  private static func level(
    _ left: UInt16, _ passed: Int64, _ spacing: Int64, _ most: Int64
  ) -> Int64 {
    min(most, Int64(left) &+ passed &* 1000 / spacing)
  }

  @inline(never)
  private func progressLevel(_ passed: Int64) -> Int64 {
    Self.level(leftForProgress, passed, progressSpacing, Self.mostForProgress)
  }
}

extension Pace {
  init(time: Int64, packed: UInt64) {
    self.init(
      time: time, cost: UInt32(truncatingIfNeeded: packed),
      left: UInt16(truncatingIfNeeded: packed >> 32),
      leftForProgress: UInt16(truncatingIfNeeded: packed >> 48))
  }
}
