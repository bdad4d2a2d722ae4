/// What this handle owes the readers of the state file. When that is due is a matter of all
/// processes: see `Pace`.
struct PublicationDebt {
  /// Something has changed that no event tells: reports in own logs, a file that is not ours.
  private var owesReports = false
  /// Events that are not in the file, of this handle or of somebody who went without publishing.
  private var owesEvents = false
  /// Machine nanoseconds before which not to try again, for each kind of call.
  private var transitionNotBefore = Int64.min
  private var progressNotBefore = Int64.min

  var isOwed: Bool { owesReports || owesEvents }

  @inline(__always)
  mutating func owe() { owesReports = true }

  /// With the lock held: whether there are events that are not in the file.
  mutating func settle(isUnpublished: Bool) { owesEvents = isUnpublished }

  mutating func pay() { (owesReports, owesEvents) = (false, false) }

  func isHindered(_ urgency: Urgency, at now: Int64) -> Bool {
    switch urgency {
    case .transition: now < transitionNotBefore
    case .progress: now < progressNotBefore
    }
  }

  /// It failed, or was hindered: to be tried again then.
  mutating func postpone(_ urgency: Urgency, to time: Int64) {
    switch urgency {
    case .transition: transitionNotBefore = time
    case .progress: progressNotBefore = time
    }
  }
}
