/// How often work on items has begun, as far as that is not plain from how they ended, and on which
/// of them it is under way.
struct Trials {
  typealias Slot = ItemSet.Slot

  struct Trial {
    var begun: UInt32 = 0
    /// Of these: without an end that anybody told.
    var unended: UInt32 = 0
    /// Under way since the job was last started: its place among what the owner has begun. 0: it is
    /// not; `ofOthers`: somebody else has begun it.
    var place: UInt32 = 0

    static let ofOthers = UInt32.max
  }

  private var trials = [Slot: Trial]()
  /// The highest place that was given.
  private var lastPlace: UInt32 = 0
  private(set) var underWayCount = 0

  var isEmpty: Bool { trials.isEmpty }

  subscript(_ slot: Slot) -> Trial? { trials[slot] }

  mutating func begin(_ slot: Slot, byOwner: Bool) {
    var trial = trials[slot] ?? Trial()
    trial.begun &+= 1
    trial.unended &+= 1
    if byOwner, lastPlace < Trial.ofOthers - 1 { lastPlace += 1 }
    trial.place = byOwner ? lastPlace : Trial.ofOthers
    set(slot, trial)
  }

  /// It was begun and left for a good reason.
  mutating func giveBack(_ slot: Slot) {
    guard let trial = trials[slot], trial.unended > 0 else { return }
    set(slot, Trial(begun: trial.begun, unended: trial.unended - 1))
  }

  /// What another state knows of it.
  mutating func note(_ trial: Trial, of slot: Slot) {
    set(slot, trial)
    if trial.place != Trial.ofOthers { lastPlace = max(lastPlace, trial.place) }
  }

  /// It has ended: that it was begun once is plain from that.
  @inline(never)
  mutating func end(_ slot: Slot) {
    guard let trial = trials[slot] else { return }
    set(slot, trial.begun > 1 ? Trial(begun: trial.begun) : nil)
  }

  /// Its end is forgotten.
  mutating func forgetEnd(_ slot: Slot) {
    if trials[slot] == nil { set(slot, Trial(begun: 1)) }
  }

  /// The job is started anew: what was begun before is not under way.
  mutating func nothingIsUnderWay() {
    for (slot, trial) in trials where trial.place > 0 { trials[slot]?.place = 0 }
    (lastPlace, underWayCount) = (0, 0)
  }

  private mutating func set(_ slot: Slot, _ trial: Trial?) {
    if isUnderWay(slot) { underWayCount -= 1 }
    if let trial, trial.place > 0 { underWayCount += 1 }
    trials[slot] = trial
  }

  func isUnderWay(_ slot: Slot) -> Bool { trials[slot]?.place ?? 0 > 0 }

  /// Of what the owner has begun and not ended, the one that it began first.
  var oldestUnderWay: Slot? {
    var (oldest, least): (Slot?, UInt32) = (nil, Trial.ofOthers)
    for (slot, trial) in trials where trial.place > 0 && trial.place < least {
      (oldest, least) = (slot, trial.place)
    }
    return oldest
  }

  func visit(_ body: (Slot, Trial) throws(JobError) -> Void) throws(JobError) {
    for (slot, trial) in trials { try body(slot, trial) }
  }
}
