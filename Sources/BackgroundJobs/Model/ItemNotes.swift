import CPosix

/// What is known of some items beside their marks: why they failed or were skipped, how often work
/// on them has begun, as far as that is not plain from how they ended, and on which of them it is
/// under way.
struct ItemNotes: ~Copyable {
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

  private final class Note {
    let slot: Slot
    var why: String?
    var trial: Trial?

    init(_ slot: Slot, why: String? = nil, trial: Trial? = nil) {
      (self.slot, self.why, self.trial) = (slot, why, trial)
    }
  }

  private var notes = ObjectTable { unsafeDowncast($0, to: Note.self).slot }
  /// Of those that are not in `notes`; an empty note there stands for none.
  private var stored: StoredNotes?
  /// The highest place that was given.
  private(set) var lastPlace: UInt32 = 0
  private(set) var underWayCount = 0
  private(set) var trialCount = 0
  private(set) var whyCount = 0
  /// Counts changes.
  private(set) var changes = 0

  init() {}

  init(_ stored: StoredNotes, lastPlace: UInt32, underWay: Int, trials: Int, whys: Int) {
    (self.stored, self.lastPlace) = (stored, lastPlace)
    (underWayCount, trialCount, whyCount) = (underWay, trials, whys)
  }

  /// In `notes`.
  private func known(_ slot: Slot) -> Note? {
    notes.find(slot) { unsafeDowncast($0, to: Note.self).slot == slot }
      .map { unsafeDowncast($0, to: Note.self) }
  }

  private func next(_ position: inout Int) -> Note? {
    notes.object(at: &position).map { unsafeDowncast($0, to: Note.self) }
  }

  private mutating func enter(_ note: Note) {
    notes.put(note) { unsafeDowncast($0, to: Note.self).slot == note.slot }
  }

  @inline(never)
  private func note(_ slot: Slot) -> Note? {
    if let note = known(slot) { return note }
    guard let stored, let entry = stored.find(slot) else { return nil }
    return Note(slot, why: stored.why(entry), trial: stored.trial(entry))
  }

  /// All of them are in `notes` then.
  @inline(never)
  mutating func loadAll() {
    guard let stored else { return }
    stored.loadAll()
    for entry in 0..<stored.count {
      if let note = note(stored.slot(entry)) { enter(note) }
    }
    self.stored = nil
  }

  /// As `StoredNotes` has them.
  mutating func encode(_ entries: Buffer, _ texts: Buffer) {
    loadAll()
    var ranks: [cposix_rank] = []
    var position = 0
    while let note = next(&position) {
      guard note.why != nil || note.trial != nil else { continue }
      ranks.append(cposix_rank(key: Int64(note.slot), index: 0))
    }
    cposix_sort(&ranks, ranks.count)
    for rank in ranks {
      guard let note = known(Slot(rank.key)) else { continue }
      let trial = note.trial ?? Trial()
      entries.append(note.slot, as: UInt32.self)
      entries.append(trial.begun, as: UInt32.self)
      entries.append(trial.unended, as: UInt32.self)
      entries.append(trial.place, as: UInt32.self)
      entries.append(UInt32(note.why == nil ? 0 : texts.count + 1), as: UInt32.self)
      entries.append(UInt32(note.why?.byteCount ?? 0), as: UInt32.self)
      texts.append(note.why ?? "")
    }
  }

  // MARK: Why

  @inline(never)
  func why(_ slot: Slot) -> String? { whyCount == 0 ? nil : note(slot)?.why }

  @inline(never)
  mutating func setWhy(_ slot: Slot, _ why: String?) {
    if why == nil, whyCount == 0 { return }
    let note = note(slot) ?? Note(slot)
    whyCount += (why == nil ? 0 : 1) - (note.why == nil ? 0 : 1)
    note.why = why
    keep(note)
  }

  // MARK: Trials

  @inline(never)
  func trial(_ slot: Slot) -> Trial? { trialCount == 0 ? nil : note(slot)?.trial }

  mutating func begin(_ slot: Slot, byOwner: Bool) {
    var trial = trial(slot) ?? Trial()
    trial.begun &+= 1
    trial.unended &+= 1
    if byOwner, lastPlace < Trial.ofOthers - 1 { lastPlace += 1 }
    trial.place = byOwner ? lastPlace : Trial.ofOthers
    setTrial(slot, trial)
  }

  /// It was begun and left for a good reason.
  mutating func giveBack(_ slot: Slot) {
    guard let trial = trial(slot), trial.unended > 0 else { return }
    setTrial(slot, Trial(begun: trial.begun, unended: trial.unended - 1))
  }

  /// What another state knows of it.
  mutating func note(_ trial: Trial, of slot: Slot) {
    setTrial(slot, trial)
    if trial.place != Trial.ofOthers { lastPlace = max(lastPlace, trial.place) }
  }

  /// It has ended: that it was begun once is plain from that.
  @inline(never)
  mutating func end(_ slot: Slot) {
    guard let trial = trial(slot) else { return }
    setTrial(slot, trial.begun > 1 ? Trial(begun: trial.begun) : nil)
  }

  /// Its end is forgotten.
  mutating func forgetEnd(_ slot: Slot) {
    if trial(slot) == nil { setTrial(slot, Trial(begun: 1)) }
  }

  /// The job is started anew: what was begun before is not under way.
  mutating func nothingIsUnderWay() {
    if underWayCount > 0 {
      loadAll()
      changes &+= 1
      var position = 0
      while let note = next(&position) { note.trial?.place = 0 }
    }
    (lastPlace, underWayCount) = (0, 0)
  }

  func isUnderWay(_ slot: Slot) -> Bool { trial(slot)?.place ?? 0 > 0 }

  /// Of what the owner has begun and not ended, the one that it began first.
  mutating func oldestUnderWay() -> Slot? {
    var (oldest, least): (Slot?, UInt32) = (nil, Trial.ofOthers)
    guard underWayCount > 0 else { return nil }
    loadAll()
    var position = 0
    while let note = next(&position) {
      guard let place = note.trial?.place, place > 0, place < least else { continue }
      (oldest, least) = (note.slot, place)
    }
    return oldest
  }

  mutating func underWay() -> [Slot] {
    guard underWayCount > 0 else { return [] }
    loadAll()
    var slots: [Slot] = []
    var position = 0
    while let note = next(&position) {
      if note.trial?.place ?? 0 > 0 { slots.append(note.slot) }
    }
    return slots
  }

  mutating func visitTrials(_ body: (Slot, Trial) throws(JobError) -> Void) throws(JobError) {
    loadAll()
    var position = 0
    while let note = next(&position) {
      if let trial = note.trial { try body(note.slot, trial) }
    }
  }

  @inline(never)
  private mutating func setTrial(_ slot: Slot, _ trial: Trial?) {
    let note = note(slot) ?? Note(slot)
    if note.trial?.place ?? 0 > 0 { underWayCount -= 1 }
    if trial?.place ?? 0 > 0 { underWayCount += 1 }
    trialCount += (trial == nil ? 0 : 1) - (note.trial == nil ? 0 : 1)
    note.trial = trial
    keep(note)
  }

  /// It has changed.
  private mutating func keep(_ note: Note) {
    changes &+= 1
    if note.why != nil || note.trial != nil || stored != nil { return enter(note) }
    notes.remove(note.slot) { $0 === note }
  }
}
