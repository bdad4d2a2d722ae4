/// Who runs a job.
struct Owner: Equatable {
  /// pid 0: a detached job that nobody watches.
  var process = ProcessIdentity()
  /// The owner's log; 0: none, its reports go through the journal.
  var log: UInt64 = 0
  /// What every record of that log is checked against.
  var salt: UInt64 = 0
  /// Of a detached job: held by whoever runs it, instead of a process that is watched.
  var lock: OwnerLock?
  /// Milliseconds since 1970.
  var since: Int64 = 0

  var isDetached: Bool { log == 0 }

  /// Everyone may end a detached job, but not run it beside the process that is watched.
  func stands(against operation: Operation) -> Bool {
    !isDetached || operation == .start || operation == .join
  }
}

/// A lock on a file of the host's: it goes with the last descriptor that its holder has of it.
struct OwnerLock: Equatable {
  var path: String
  var device: UInt64
  var inode: UInt64
  /// A lock does not outlive the machine's start.
  var boot: UInt64

  static func == (a: Self, b: Self) -> Bool {
    a.path.bytes == b.path.bytes && a.device == b.device && a.inode == b.inode && a.boot == b.boot
  }
}

/// How far the log of an owner is in the state.
struct LogPosition: Equatable {
  var number: UInt64
  var salt: UInt64
  /// Records, and the byte offset behind the last of them.
  var index: UInt64 = 0
  var offset: Int64 = 0
  /// The sum of the checksums of these records; nil: an older version has not written it down.
  var sum: UInt32? = 0
  /// So many records are known to be on disk.
  var synced: UInt64 = 0
  /// Milliseconds from the log's clock to 1970.
  var clockOffset: Int64 = 0
}
