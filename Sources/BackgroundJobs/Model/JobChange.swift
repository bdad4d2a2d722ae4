/// What happens to a job. Whoever applies the same changes in the same order gets the same job.
indirect enum JobChange {
  case created(NewJob)
  /// An owner begins. `fence`: what each of its reports is checked against.
  case started(by: ProcessIdentity, fence: UInt64)
  /// The owner stopped working on it, or died.
  case left(why: String?)
  /// The owner of a job of the queue died.
  case died(why: String?)
  /// Runs without an owner that reports: `watched`, or the holder of a lock, tells whether it lives.
  /// Neither: nobody is watched.
  case detached(watched: ProcessIdentity?, lock: OwnerLock?)
  case paused(reason: String, error: String?, resumeAt: Int64?)
  case resumed
  case completed(result: String?)
  /// `ownerIsToSee`: another live process owns it and has yet to see this.
  case failed(reason: String, error: String?, ownerIsToSee: Bool)
  /// An attempt failed, and it is tried again then, in milliseconds since 1970.
  case attempted(error: String?, retryAt: Int64)
  /// nil: all items that failed are forgotten; else these.
  case retried(PackedItems?)
  case removed
  /// A report of somebody who is not the owner.
  case reported(Report)
  /// Items, each behind its length. `beside`: while an owner reports.
  case planned(PackedItems, beside: PlanMark?)
  /// These items alone are the plan from now on; what has ended stays.
  case replanned(PackedItems, PlanMark)
  /// A config in place of the one before; JSON text.
  case configured(String)
  /// Put up for whoever claims one, or its place in the queue is another one.
  case queued(QueueEntry)
  /// It needs another job to end first; nil: not any more.
  case needs(String, Edge?)
  /// Somebody works on it, beside others; the number of the event is its name.
  case joined(by: ProcessIdentity, fence: UInt64)
  /// Such a worker stopped working on it, or died.
  case parted(UInt64, why: String?, isDeath: Bool)
  /// Such a worker has these items now; the last ones, so many, nobody has had before.
  case claimed(PackedItems, fresh: Int64, by: UInt64)
  /// It gives them back.
  case returned(PackedItems, by: UInt64)
  /// It had failed for what it needs, and that may be met again.
  case reinstated
}

/// When something happened.
struct Moment {
  /// The number of the event: 1, 2, 3 … without gaps.
  var seq: UInt64
  /// Milliseconds since 1970.
  var time: Int64
}

final class NewJob {
  let type: String
  let key: String?
  /// JSON text of an object.
  let config: String
  let total: Int64

  init(type: String, key: String?, config: String, total: Int64) {
    (self.type, self.key, self.config, self.total) = (type, key, config, total)
  }
}

/// What the writer of a plan knew while the job had an owner, whose reports have no common order with
/// the events of others (PROTOCOL R6).
struct PlanMark {
  /// So many of the owner's reports it had read.
  var seen: UInt64
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
