/// One change of the state, numbered without gaps. Everything that ever happens to a job is one of
/// these, or a `Report` in its owner's log.
struct Event {
  var seq: UInt64
  /// Milliseconds since 1970.
  var time: Int64
  var change: Change
}

enum Change {
  case created(NewJob)
  /// An owner begins log number `seq` of this event. A roll replaces the owner's own log by a new
  /// one.
  case opened(job: String, owner: ProcessIdentity, salt: UInt64, isRoll: Bool)
  /// The owner stopped working on it, or died.
  case closed(job: String, why: String?)
  /// Runs without a log: reports go through the journal. No pid: nobody is watched.
  /// Or the holder of a lock.
  case detached(job: String, watched: ProcessIdentity?, lock: OwnerLock?)
  case paused(job: String, reason: String, error: String?, resumeAt: Int64?)
  case resumed(job: String)
  case completed(job: String, result: String?)
  /// `keepsLog`: another live process owns it and has yet to see this.
  case failed(job: String, reason: String, error: String?, keepsLog: Bool)
  case retried(job: String)
  /// Of these items only.
  case retriedItems(job: String, PackedItems)
  case removed(job: String)
  /// A report of somebody who is not the owner.
  case reported(job: String, Report)
  /// Items, each behind its length (see `PackedItems`). `beside`: while a log is open.
  case planned(job: String, PackedItems, beside: PlanMark? = nil)
  /// These items alone are the plan from now on; what has ended stays.
  case replanned(job: String, PackedItems, PlanMark)
  /// A config in place of the one before; JSON text.
  case configured(job: String, config: String)
  /// Another tool added a job.
  case imported(JobState)
  /// Another tool added an entry that is no job we could name; JSON text.
  case importedOpaque(String)
  /// Another tool changed, or removed, such an entry.
  case removedOpaque(String)
  /// Another tool changed a job: `members` names what of it to take, members of members by their
  /// paths (`MemberPath`).
  case edited(JobState, members: [String], takes: Life)
  /// Another tool knows of items that have ended, of a job of which its word does not count
  /// otherwise. A set only grows.
  case adopted(job: String, done: PackedItems, failed: PackedItems)
  /// Another tool gave a job whose owner lives a status that only its owner may give.
  case refused(job: String, status: String)
  /// Edits of these jobs were displaced by a publication and are taken in late: who read in between
  /// may write without them.
  case collided(jobs: [String])
  /// Another tool changed a member of the top level; nil: removed it.
  case topEdited(name: String, text: String?)
  /// A damaged file was set aside under this name.
  case setAside(name: String, why: String)
  /// The journal's name is durable.
  case named
  /// What the state file and the displaced file look like since the last publication.
  case published(Publication)
}

extension Change {
  /// It came from another tool.
  var isOthers: Bool {
    switch self {
    case .imported, .importedOpaque, .edited, .adopted, .refused, .topEdited: true
    default: false
    }
  }
}

/// How much of a job's life another tool's edit changes.
enum Life: UInt8 {
  case nothing
  /// Status, progress, times, error and result.
  case all
  /// Status, its time and error: its writer had not seen the latest progress.
  case status
}

struct NewJob {
  var id: String
  var type: String
  var key: String?
  /// JSON text of an object.
  var config: String
  var total: Int64
}

struct Publication: Equatable {
  var seq: UInt64 = 0
  var file = FileStamp()
  /// The file that was displaced; unknown when it was written so late that equal stamps do not
  /// prove equal contents.
  var out = FileStamp()
  var checksum: UInt32 = 0
  /// Of what was merged before it was displaced.
  var outChecksum: UInt32 = 0
  /// The event number that stands in the state file.
  var fileSeq: UInt64 = 0
}

/// What the writer of a plan knew while the job had an owner, whose log has no common order with the
/// journal (PROTOCOL R6).
struct PlanMark {
  /// So many records of the owner's log it had read.
  var log: UInt64
  /// So many items the job had with the plan.
  var items: Int64
}

/// Many items in one buffer.
final class PackedItems {
  let buffer: Buffer
  init(_ buffer: Buffer) { self.buffer = buffer }

  func visit(_ body: (UnsafeRawBufferPointer) throws(JobError) -> Void) throws(JobError) {
    var reader = Reader(buffer.bytes)
    while !reader.isAtEnd {
      let item = reader.counted()
      if reader.failed { return }
      try body(item)
    }
  }
}
