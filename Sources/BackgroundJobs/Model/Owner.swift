/// Who runs a job. A class, for what a job has of it is one pointer.
final class Owner {
  /// pid 0: a detached job that nobody watches.
  let process: ProcessIdentity
  /// The owner's log; 0: none, its reports go through the journal.
  let log: UInt64
  /// What every record of that log is checked against.
  let salt: UInt64
  /// Of a detached job: held by whoever runs it, instead of a process that is watched.
  let lock: OwnerLock?
  /// Milliseconds since 1970.
  let since: Int64

  init(
    _ process: ProcessIdentity, log: UInt64 = 0, salt: UInt64 = 0, lock: OwnerLock? = nil,
    since: Int64
  ) {
    (self.process, self.log, self.salt) = (process, log, salt)
    (self.lock, self.since) = (lock, since)
  }

  /// The same, with another log.
  func rolled(to log: UInt64, _ salt: UInt64) -> Owner {
    Owner(process, log: log, salt: salt, lock: lock, since: since)
  }

  var isDetached: Bool { log == 0 }

  /// Everyone may end a detached job, but not run it beside the process that is watched.
  func stands(against operation: Operation) -> Bool {
    !isDetached || operation == .start || operation == .join
  }
}

/// A lock on a file of the host's: it goes with the last descriptor that its holder has of it.
final class OwnerLock {
  let path: String
  let device: UInt64
  let inode: UInt64
  /// A lock does not outlive the machine's start.
  let boot: UInt64

  init(path: String, device: UInt64, inode: UInt64, boot: UInt64) {
    (self.path, self.device, self.inode, self.boot) = (path, device, inode, boot)
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
