/// Somebody who works on a shared job beside the one who is its owner: a log of its own, and the items
/// that it was given.
final class Worker {
  var owner: Owner
  var log: LogPosition
  /// What it was given, in that order; some may have ended by now.
  var claims: [ItemSet.Slot]
  /// It has stopped for the pause.
  var hasStopped = false

  init(_ owner: Owner, _ log: LogPosition, _ claims: [ItemSet.Slot] = []) {
    (self.owner, self.log, self.claims) = (owner, log, claims)
  }
}

// The workers of a shared job: the first one is the job's owner, and who comes after him takes his
// place when he goes. An exclusive job has that one at most.
extension JobState {
  /// Whom a number of a log belongs to: 0, the owner; else a place in `crew`, plus 1. nil: nobody.
  func place(of number: UInt64) -> Int? {
    if log?.number == number { return 0 }
    return crew.firstIndex { $0.log.number == number }.map { $0 + 1 }
  }

  /// Of those that have a log.
  var workerCount: Int { (log == nil ? 0 : 1) + crew.count }

  var logs: [LogPosition] {
    var all: [LogPosition] = []
    if let log { all.append(log) }
    for worker in crew { all.append(worker.log) }
    return all
  }

  func log(at place: Int) -> LogPosition? { place == 0 ? log : crew[place - 1].log }

  func setLog(_ position: LogPosition, at place: Int) {
    if place == 0 { log = position } else { crew[place - 1].log = position }
  }

  func owner(at place: Int) -> Owner? { place == 0 ? owner : crew[place - 1].owner }

  private func claims(at place: Int) -> [ItemSet.Slot] {
    place == 0 ? claims : crew[place - 1].claims
  }

  /// What a worker was given, and has neither ended nor lost by a new plan.
  func claimed(at place: Int) -> [ItemSet.Slot] {
    claims(at: place).filter { items.mark(of: $0) == .none && items.isPlanned($0) }
  }

  /// The items are others, or open again: what anybody had of them says nothing any more.
  func forgetClaims() {
    (claims, returned, claimPosition, hasSeenClaims) = ([], [], 0, false)
    for worker in crew { worker.claims = [] }
  }

  func setClaims(_ slots: [ItemSet.Slot], at place: Int) {
    if place == 0 { claims = slots } else { crew[place - 1].claims = slots }
  }

  /// How many others were given and have not ended.
  func claimed(besides number: UInt64) -> Int {
    claimed.count - (place(of: number).map { claimed(at: $0).count } ?? 0)
  }

  /// Items that somebody was given and has not ended.
  var claimed: [ItemSet.Slot] {
    var all: [ItemSet.Slot] = []
    for place in 0...crew.count { all += claimed(at: place) }
    return all
  }

  /// Whether the logs of the others are to be read before anything is given out: what was planned anew,
  /// or is new here, may have ended there.
  func mustSeeClaims() -> Bool {
    if claimGeneration != items.planGeneration {
      (claimPosition, claimGeneration, hasSeenClaims) = (0, items.planGeneration, false)
    }
    defer { hasSeenClaims = true }
    return !hasSeenClaims
  }

  /// The next ones of the plan that nobody has had, and behind them those that came back.
  func unclaimed(atMost count: Int) -> (fresh: [ItemSet.Slot], returned: [ItemSet.Slot]) {
    let taken = claimed
    var (fresh, back): ([ItemSet.Slot], [ItemSet.Slot]) = ([], [])
    var position = claimPosition
    while fresh.count < count, let slot = items.nextOpen(from: &position) {
      if !taken.contains(slot), !returned.contains(slot) { fresh.append(slot) }
    }
    for slot in returned where fresh.count + back.count < count {
      if items.mark(of: slot) == .none, items.isPlanned(slot) { back.append(slot) }
    }
    return (fresh, back)
  }

  /// How somebody who works on it stops: with a word about it, or by his death.
  func leaving(_ number: UInt64, _ why: String? = nil, isDeath: Bool = false) -> JobChange {
    if isShared { return .parted(number, why: why, isDeath: isDeath) }
    return isDeath && queue != nil ? .died(why: why) : .left(why: why)
  }

  /// Of a shared job nobody alone can say where it is.
  func requireShareable(_ report: Report) throws(JobError) {
    guard report.cursor != nil || report.current != nil else { return }
    throw JobError(
      .illegalTransition,
      "job \(id) has several workers: none of them can set its cursor, or what is current")
  }

  /// What the file shows as under way: what somebody was given first.
  var shownItem: UnsafeRawBufferPointer {
    guard isShared else { return currentItem.bytes }
    return claimed.first.map { items.bytes(of: $0) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
  }

  // MARK: Events

  func join(_ worker: Owner, _ position: LogPosition) {
    guard log != nil else {
      (owner, log, claims, isShared) = (worker, position, [], true)
      return
    }
    crew.append(Worker(worker, position))
  }

  /// What it was given is for others, behind what nobody has had.
  func part(_ number: UInt64) {
    guard let place = place(of: number) else { return }
    giveBack(claims(at: place), from: place)
    if place > 0 {
      crew.remove(at: place - 1)
    } else if let next = crew.first {
      crew.removeFirst()
      (owner, log, claims, hasStopped) = (next.owner, next.log, next.claims, next.hasStopped)
    }
  }

  /// These are all that it has now; so many of them, the last ones, nobody has had before. Whoever reads
  /// that need not have read its log: what it had before and names no more has ended.
  func claim(_ packed: PackedItems, fresh: Int64, for number: UInt64) throws(JobError) {
    guard let place = place(of: number) else { return }
    var all: [ItemSet.Slot] = []
    try packed.visit { item throws(JobError) in all.append(try items.insert(item)) }
    // Items are given out in the order of the plan.
    for slot in all.suffix(Int(clamping: fresh)) {
      var position = claimPosition
      while position < items.planList.count, items.planList[position] != slot { position += 1 }
      if position < items.planList.count { claimPosition = position + 1 }
    }
    setClaims(all, at: place)
    if !returned.isEmpty { returned = returned.filter { !all.contains($0) } }
  }

  func giveBack(_ packed: PackedItems, from number: UInt64) throws(JobError) {
    guard let place = place(of: number) else { return }
    try packed.visit { item throws(JobError) in
      guard let slot = items.find(item) else { return }
      items.notes.giveBack(slot)
      giveBack([slot], from: place)
    }
  }

  private func giveBack(_ slots: [ItemSet.Slot], from place: Int) {
    let mine = claims(at: place)
    for slot in claimed(at: place) where slots.contains(slot) { returned.append(slot) }
    setClaims(mine.filter { !slots.contains($0) }, at: place)
  }

  /// What stands in a log.
  func apply(_ report: Report, ofLogAt place: Int) throws(JobError) {
    if isShared { return try apply(report, ofWorkerAt: place) }
    try apply(
      report, at: (log?.clockOffset ?? 0).clampedAdding(report.time), fromOwner: true)
  }

  /// Of what a worker of a shared job says, only what adds up counts: its order among what others say
  /// is not known.
  private func apply(_ report: Report, ofWorkerAt place: Int) throws(JobError) {
    guard var position = log(at: place) else { return }
    if let offset = report.clockOffset { position.clockOffset = offset }
    setLog(position, at: place)
    var report = report
    report.time = position.clockOffset.clampedAdding(report.time)
    (report.clockOffset, report.currentItem, report.cursor, report.shift) = (nil, nil, nil, nil)
    if let hasStopped = report.acknowledgesPause {
      if place == 0 {
        self.hasStopped = hasStopped
      } else {
        crew[place - 1].hasStopped = hasStopped
      }
      report.acknowledgesPause = nil
      isPauseAcknowledged = self.hasStopped && crew.allSatisfy { $0.hasStopped }
    }
    try apply(report, at: report.time, fromOwner: true)
  }
}
