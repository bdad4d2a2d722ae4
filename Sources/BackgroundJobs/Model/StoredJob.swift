import CPosix

/// What a state knows of an entry that it has not in memory: enough to tell whether a question is
/// about it. It stands in the snapshot like this.
typealias StoredJob = cposix_stored

extension StoredJob {
  /// Bits of `facts`.
  static let isOurs: UInt8 = 1
  static let hasOwner: UInt8 = 2
  static let hasWarnings: UInt8 = 4
  static let hasDependencies: UInt8 = 8
  /// It can tell how long an item of its type takes.
  static let hasPace: UInt8 = 16
  /// It is in the queue, or needs another job.
  static let isQueued: UInt8 = 32

  /// Of a job in memory, which is stored nowhere yet.
  init(_ job: JobState) {
    self.init()
    (id_start, id_count) = Self.start(of: job.id)
    status = UInt8(truncatingIfNeeded: JobStatusSet(job.status).rawValue)
    if job.isOurs { facts |= Self.isOurs }
    if job.owner != nil { facts |= Self.hasOwner }
    if job.hasWarnings { facts |= Self.hasWarnings }
    if !job.dependsOn.isEmpty { facts |= Self.hasDependencies }
    if !job.estimator.buckets.isEmpty { facts |= Self.hasPace }
    if job.needsQueue { facts |= Self.isQueued }
    type_sum = checksum(job.type)
    key_sum = checksum(job.key)
    created = job.createdSeq
    ended = job.endedMs
  }

  func has(_ fact: UInt8) -> Bool { facts & fact != 0 }

  func isOne(of statuses: JobStatusSet) -> Bool { UInt32(status) & statuses.rawValue != 0 }

  /// nil: another tool's.
  var knownStatus: JobStatus? {
    switch JobStatusSet(rawValue: UInt32(status)) {
    case .pending: .pending
    case .running: .running
    case .paused: .paused
    case .completed: .completed
    case .failed: .failed
    default: nil
    }
  }

  /// No job, but what another tool put among them.
  var isOpaque: Bool { status == 0 }

  /// Whether its id may begin with this.
  func mayBegin(with id: String) -> Bool {
    let (start, count) = Self.start(of: id)
    let unknown = UInt64(64 - 8 * min(count, 8))
    return count <= id_count && (start ^ id_start).bigEndian >> unknown == 0
  }

  /// The first eight bytes, zeros behind a shorter one, and how many it has.
  static func start(of id: String) -> (UInt64, UInt16) {
    var id = id
    return id.withUTF8 { bytes in
      var start: UInt64 = 0
      for place in 0..<8 { start = start << 8 | (place < bytes.count ? UInt64(bytes[place]) : 0) }
      return (start.bigEndian, UInt16(clamping: bytes.count))
    }
  }
}

/// Where jobs are that a state has not in memory.
class JobShelf {
  private static let size = MemoryLayout<StoredJob>.size
  /// A `StoredJob` each, from a place of the buffer on.
  private var entries = Buffer()
  private var start = 0
  private(set) final var count = 0

  final func take(_ entries: Buffer, at start: Int, count: Int) {
    (self.entries, self.start, self.count) = (entries, start, count)
  }

  /// `entry`: one that there is.
  final subscript(_ entry: Int) -> StoredJob { @inline(never) get { stored(entry) } }

  /// Without a copy of what nobody asks for.
  @inline(__always)
  private final func stored(_ entry: Int) -> StoredJob {
    entries.bytes.loadUnaligned(fromByteOffset: start + entry * Self.size, as: StoredJob.self)
  }

  /// The next one from `entry` on that may have this id.
  final func find(_ id: String, from entry: Int) -> Int? {
    let (start, length) = StoredJob.start(of: id)
    var entry = entry
    while entry < count {
      if stored(entry).id_start == start, stored(entry).id_count == length { return entry }
      entry += 1
    }
    return nil
  }

  /// nil: it is lost.
  func job(_ entry: Int) throws(JobError) -> JobState? { nil }

  /// As it stands in the state file; valid until the next call. nil: it must be made of the job.
  func text(of entry: Int) throws(JobError) -> UnsafeRawBufferPointer? { nil }
}
