/// An open state directory: creates, finds and lists jobs.
///
/// Any thread may use it; calls wait for each other. After `fork` a child must open one of its own.
public final class JobManager: @unchecked Sendable {
  /// How a project is opened.
  public struct Options {
    /// Changes give `.unsupported`.
    public var isReadOnly = false
    /// Accepts file systems whose locks and renames are not known to keep what is promised: NFS, for
    /// instance. Else opening there throws `.unsupported`.
    public var acceptsAnyFileSystem = false
    /// How long to wait for the writer lock, in milliseconds, 0 to 86,400,000 (a day).
    public var lockTimeoutMs: Int64 = 10_000
    /// When a job completes, older ones are removed that completed without failed items: but for
    /// the last ones, so many; nil: all stay.
    public var keepCompleted: Int? = 10
    /// Nor are those removed then that ended less than so many seconds ago; nil: all stay.
    public var keepFor: Int64? = 86_400
    /// A clock for tests, in nanoseconds; nil: the system's.
    public var clock: ((ClockID) -> Int64)?

    /// The options that are taken when none are given.
    public init() {}
  }

  private let storage: Storage
  private let mutex: Mutex
  private var isClosed = false

  /// Opens the state of a project directory; nothing is written.
  public convenience init(project: String, options: Options = Options()) throws(JobError) {
    self.init(try Self.parts(project, options))
  }

  /// The same. In Embedded Swift an initialiser that throws leaves its object allocated.
  package static func open(_ project: String, _ options: Options) throws(JobError) -> JobManager {
    JobManager(try parts(project, options))
  }

  private init(_ parts: (storage: Storage, mutex: Mutex)) { (storage, mutex) = parts }

  private static func parts(
    _ project: String, _ options: Options
  ) throws(JobError) -> (storage: Storage, mutex: Mutex) {
    let mutex = try Mutex.make()
    let storage = try Storage.open(project: project, options: options.forStorage)
    try storage.refresh()
    return (storage, mutex)
  }

  /// Runs `body` alone on the storage.
  @inline(__always)
  func with<Result>(_ body: (Storage) throws(JobError) -> Result) throws(JobError) -> Result {
    try lock()
    defer { mutex.unlock() }
    return try body(storage)
  }

  /// A fork is seen before the mutex, which a thread that does not exist in the child may hold.
  @inline(never)
  private func lock() throws(JobError) {
    if storage.isForked { try storage.checkUsable() }
    mutex.lock()
    guard isClosed else { return }
    mutex.unlock()
    throw JobError(.invalid, "the manager is closed")
  }

  /// The same for what never fails; nil where `with` would.
  @inline(__always)
  func withQuickly<Result>(_ body: (Storage) -> Result?) -> Result? {
    if storage.isForked { return nil }
    mutex.lock()
    defer { mutex.unlock() }
    return isClosed ? nil : body(storage)
  }

  /// Leaves all jobs of this manager and publishes. The manager is closed whatever happens.
  public func close() throws(JobError) {
    try close { storage throws(JobError) in try storage.close() }
  }

  private func close(_ body: (Storage) throws(JobError) -> Void) throws(JobError) {
    if storage.isForked { return }
    mutex.lock()
    defer {
      isClosed = true
      mutex.unlock()
    }
    if !isClosed { try body(storage) }
  }

  #if !hasFeature(Embedded)
    /// The same, but leaves what is not to be published yet to `successor`: that hears in how many
    /// milliseconds it is, and an open directory that is the same for all of this project. false: it
    /// cannot do that, and it is published now.
    package func close(leavingTo successor: (Int64, Int32) -> Bool) throws(JobError) {
      try close { storage throws(JobError) in try storage.close(leavingTo: successor) }
    }

    /// Publishes what others have left, if that is due, or `anyway`; gives in how many milliseconds
    /// it is; nil: nothing is left. `cost`: nanoseconds that opening has taken.
    package func publishOwed(anyway: Bool, cost: Int64) throws(JobError) -> Int64? {
      try with { storage throws(JobError) in
        try storage.publishOwed(anyway: anyway, cost: cost)
      }
    }
  #endif

  /// Makes everything reported so far survive a power cut, and publishes.
  public func sync() throws(JobError) {
    try with { storage throws(JobError) in try storage.sync() }
  }

  /// A new pending job. `config`: text of a JSON object.
  public func create(
    _ type: String, config: String? = nil, total: Int64 = 0
  ) throws(JobError) -> Job {
    try make(type, key: nil, config: config, total: total)
  }

  /// The unfinished job of this type and key, else a new one.
  public func ensure(
    _ type: String, key: String, config: String? = nil, total: Int64 = 0
  ) throws(JobError) -> Job {
    try make(type, key: key, config: config, total: total)
  }

  private func make(
    _ type: String, key: String?, config: String?, total: Int64
  ) throws(JobError) -> Job {
    try withBytes(of: type) { bytes throws(JobError) in try Limits.checkName(bytes, "the type") }
    if let key {
      try withBytes(of: key) { bytes throws(JobError) in try Limits.checkName(bytes, "the key") }
    }
    try Limits.checkTotal(total)
    let config = try JobConfig.check(config, type: type)
    let new = NewJob(type: type, key: key, config: config, total: total)
    let id = try with { storage throws(JobError) in try storage.create(new) }
    return Job(id: id, manager: self)
  }

  /// The job with this id, or the only one whose id begins so.
  public func find(_ id: String) throws(JobError) -> Job {
    guard !id.isEmpty else { throw JobError(.invalid, "the id is empty") }
    let found = try with { storage throws(JobError) in try storage.find(id) }
    return Job(id: found, manager: self)
  }

  /// Jobs of these statuses and this type (nil: any), in the order of the state file.
  public func list(
    _ statuses: JobStatusSet = .all, type: String? = nil
  ) throws(JobError) -> [JobInfo] {
    try with { storage throws(JobError) in try storage.infos(statuses, type: type) }
  }

  /// Removes jobs that completed without failed items, oldest first, until `keep` of them are left;
  /// gives how many went. A job that an unfinished one names in `dependsOn` stays.
  public func cleanup(keep: Int = 10) throws(JobError) -> Int {
    try cleanup(keep: keep, includingFailed: false).count
  }

  /// The same; with `includingFailed`, of all finished jobs. Gives those that went, as they were.
  public func cleanup(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    try with { storage throws(JobError) in
      try storage.removeFinished(keep: keep, includingFailed: includingFailed)
    }
  }

  /// What ``cleanup(keep:includingFailed:)`` would remove now.
  public func removals(
    keep: Int = 10, includingFailed: Bool = false
  ) throws(JobError) -> [JobInfo] {
    try with { storage throws(JobError) in
      try storage.removals(keep: keep, includingFailed: includingFailed)
    }
  }

  /// What is remembered of a job that was removed, by its id or the beginning of that; nil: nothing.
  /// The last hundred are.
  package func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
    try with { storage throws(JobError) in try storage.removedJob(id) }
  }

  #if !hasFeature(Embedded)
    /// Whether a damaged file was met, or was set aside and its copy is still there.
    package var hasDamage: Bool {
      let found = try? with { storage throws(JobError) in storage.hasDamage }
      return found ?? false
    }
  #endif

  /// Reads and verifies every file, mending nothing; one line per file. `firstFinding`: the first
  /// of them that tells of damage.
  public func check() throws(JobError) -> (firstFinding: String?, report: String) {
    try with { storage throws(JobError) in
      try storage.checkUsable()
      return try storage.check()
    }
  }
}

extension JobManager.Options {
  fileprivate var forStorage: StorageOptions {
    StorageOptions(
      isReadOnly: isReadOnly, acceptsAnyFileSystem: acceptsAnyFileSystem,
      lockTimeoutMs: min(max(0, lockTimeoutMs), 86_400_000), keepCompleted: keepCompleted,
      keepFor: keepFor, clock: Clock(source: clock))
  }
}
