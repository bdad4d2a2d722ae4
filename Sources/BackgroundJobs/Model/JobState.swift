/// Everything that is known of one job. Events and reports change it.
final class JobState {
  let id: String
  var type: String
  var key: String?
  var status: JobStatus
  /// The word that the file has for `status`, where it is not our own.
  var statusWord: String?
  var reason: String?
  var error: String?
  /// JSON text.
  var result: String?
  var attempts: Int64 = 1

  var items = ItemSet()
  var total: Int64 = 0
  var advances: Int64 = 0
  var shift: Int64 = 0
  let currentItem = Buffer()
  let cursor = Buffer()

  // Milliseconds since 1970; nil: not yet, or not known.
  var created: Int64?
  var started: Int64?
  var updated: Int64?
  var completed: Int64?
  var resumeAt: Int64?

  var owner: Owner?
  var log: LogPosition?
  /// Others may work on it beside the owner, which do.
  var isShared = false
  var crew: [Worker] = []
  /// Of a shared job: what its owner was given, and whether it has stopped for the pause.
  var claims: [ItemSet.Slot] = []
  var hasStopped = false
  /// All before it in the plan has ended, or was given to somebody; and what of that came back.
  var claimPosition = 0
  var claimGeneration = 0
  /// What ended before others claimed anew is known: their logs were read since this was made.
  var hasSeenClaims = false
  var returned: [ItemSet.Slot] = []
  /// In which record of the log the owner last said each; 0: not in this log. Of what others say, it
  /// tells what is older (PROTOCOL R6).
  var totalSaid: UInt64 = 0
  var currentItemSaid: UInt64 = 0
  var shiftSaid: UInt64 = 0
  var cursorSaid: UInt64 = 0
  /// The owner has stopped for the pause.
  var isPauseAcknowledged = false

  var clock = ActiveClock()
  var estimator = Estimator()

  /// The event that created it, and the last one that changed status or progress. 0: never ours.
  var createdSeq: UInt64 = 0
  var revision: UInt64 = 0
  var foreignEdits: [ForeignEdit] = []
  /// What others may still believe: the last changes of its status.
  var history = StatusHistory()
  /// What another tool tried in vain, since the last start.
  var refusal: Refusal?

  /// All members as the file had them, in its order; empty for a job that began here. The typed
  /// values above win where they differ.
  var members: [JSONMember] = [] { didSet { knownProvider = nil } }
  private var knownProvider: String?
  /// How it stands in the queue; nil: it was never put up.
  var queue: QueueEntry?
  var progressMembers: [JSONMember] = []
  /// Read from a file whose lists of items are no lists of texts: what it says of items is nothing.
  var saysNoItems = false
  /// Another tool's list of failed items, where it also names done ones: kept while nothing
  /// changes.
  var foreignFailures: (text: String, done: Int, failed: Int)?
  var dependsOn: [String] = []
  /// What is known of these beyond their ids.
  var after: [Edge] = []
  /// While a queue is ordered.
  unowned(unsafe) var member: Queue.Member?
  /// It is in no state any more.
  var isRemoved = false
  /// Names the file that its items were stored in last; 0: none.
  var itemsName: UInt64 = 0
  /// What is left of it after damage has the events up to this in it; 0: it is whole.
  var knownUpTo: UInt64 = 0
  /// Its entry on the state's shelf; nil: it has changed since, or was never stored.
  var entry: Int?

  init(id: String, type: String, status: JobStatus) {
    self.id = id
    self.type = type
    self.status = status
  }

  /// Jobs that we never changed belong to other tools.
  var isOurs: Bool { revision != 0 }

  /// JSON text of whom its config names as `provider`; empty: nobody.
  var provider: String {
    if let knownProvider { return knownProvider }
    let config = members["config"].flatMap { JSONObjectText.members($0) }
    let provider = config?["provider"] ?? ""
    knownProvider = provider
    return provider
  }

  /// What a version that knows no queue would start too early.
  var needsQueue: Bool { (queue != nil || !after.isEmpty) && !status.isFinished }

  /// It waits, or would wait, for whoever claims one.
  var isQueued: Bool { queue != nil && !status.isFinished }

  /// Items and advances, before what was said explicitly.
  var counted: Int64 { Int64(items.endedCount).clampedAdding(advances) }

  var current: Int64 { Swift.max(0, counted.clampedAdding(shift)) }

  /// JSON; nil: there is none.
  var cursorText: String? {
    cursor.count == 0 ? nil : String(bytes: cursor.bytes)
  }

  var percentage: Int64 {
    JobSummary.percentage(of: total, current: current, open: items.openCount)
  }
}
