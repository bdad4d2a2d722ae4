/// One event of the journal: what happens to a job, or to the store itself.
/// Indirect, like those in it: copies of their payloads would be two percent of the library.
indirect enum Change {
  case job(String, JobChange)
  case store(StoreChange)
  case queue(QueueChange)
}

/// What only a store of files knows of: its own books, and what other tools write into its document.
indirect enum StoreChange {
  /// An owner replaces its log by a new one, whose number is that of this event.
  /// `worker`: the number of the one before, of a shared job.
  case rolled(job: String, owner: ProcessIdentity, salt: UInt64, worker: UInt64?)
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

/// How much of a job's life another tool's edit changes.
enum Life: UInt8 {
  case nothing
  /// Status, progress, times, error and result.
  case all
  /// Status, its time and error: its writer had not seen the latest progress.
  case status
}

extension Change {
  /// The job that it is about; nil: none, or several.
  var jobID: String? {
    switch self {
    case .job(let id, _): id
    case .queue: nil
    case .store(let change):
      switch change {
      case .rolled(let id, _, _, _), .adopted(let id, _, _), .refused(let id, _): id
      case .imported(let job), .edited(let job, _, _): job.id
      case .importedOpaque, .removedOpaque, .collided, .topEdited, .setAside, .named, .published:
        nil
      }
    }
  }

  /// The same, if it can have been there before.
  var jobBefore: String? {
    switch self {
    case .job(_, .created), .store(.imported): nil
    case .job, .store, .queue: jobID
    }
  }

  /// It came from another tool.
  var isOthers: Bool {
    switch self {
    case .job, .queue: false
    case .store(let change):
      switch change {
      case .imported, .importedOpaque, .edited, .adopted, .refused, .topEdited: true
      case .rolled, .removedOpaque, .collided, .setAside, .named, .published: false
      }
    }
  }

  /// Whether the job may have another owner after it.
  var mayChangeOwner: Bool {
    switch self {
    case .job(_, let change):
      switch change {
      case .started, .left, .died, .detached, .completed, .failed, .attempted, .retried, .removed,
        .joined, .parted:
        true
      case .created, .paused, .resumed, .reported, .planned, .replanned, .configured, .queued,
        .needs, .reinstated, .claimed, .returned:
        false
      }
    case .queue: false
    case .store(let change):
      switch change {
      case .edited(_, _, let life): life != .nothing
      case .rolled, .imported, .importedOpaque, .removedOpaque, .adopted, .refused, .collided,
        .topEdited, .setAside, .named, .published:
        false
      }
    }
  }

  /// Of a shared job: whose log ends with it.
  var worker: UInt64? {
    switch self {
    case .job(_, .parted(let worker, _, _)): worker
    case .store(.rolled(_, _, _, let worker)): worker
    case .job, .store, .queue: nil
    }
  }

  /// The job whose log ends with it.
  var closesLog: Bool {
    switch self {
    case .job(_, let change):
      switch change {
      case .started, .left, .died, .detached, .completed, .attempted, .retried, .removed, .parted:
        true
      case .failed(_, _, let ownerIsToSee): !ownerIsToSee
      case .created, .paused, .resumed, .reported, .planned, .replanned, .configured, .queued,
        .needs, .reinstated, .joined, .claimed, .returned:
        false
      }
    case .queue: false
    case .store(let change):
      switch change {
      case .rolled: true
      case .imported, .importedOpaque, .removedOpaque, .edited, .adopted, .refused, .collided,
        .topEdited, .setAside, .named, .published:
        false
      }
    }
  }

  /// So many of the owner's reports its writer had read; nil: it does not matter.
  var mark: UInt64? {
    switch self {
    case .job(_, let change):
      switch change {
      case .reported(let report): report.seen
      case .planned(_, let mark): mark?.seen
      case .replanned(_, let mark): mark.seen
      case .created, .started, .left, .died, .detached, .paused, .resumed, .completed, .failed,
        .attempted, .retried, .removed, .configured, .queued, .needs, .reinstated, .joined, .parted,
        .claimed, .returned:
        nil
      }
    case .store, .queue: nil
    }
  }
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
  /// What is behind this event is owed to the readers of the file.
  var paid: UInt64 = 0
  var pace = Pace()
}
