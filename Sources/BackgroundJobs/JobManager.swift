import CPosix

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

  private let store: Store
  private let mutex: Mutex
  private var isClosed = false

  private init(_ store: Store, _ mutex: Mutex) {
    self.store = store
    self.mutex = mutex
  }

  /// Opens the state of a project directory; nothing is written.
  public convenience init(project: String, options: Options = Options()) throws(JobError) {
    let forkGeneration = cposix_fork_begin()
    let mutex = try Mutex()
    let places = try StateDirectory.open(
      project: project, acceptsAnyFileSystem: options.acceptsAnyFileSystem)
    let store = Store(
      places,
      options: .init(
        isReadOnly: options.isReadOnly, acceptsAnyFileSystem: options.acceptsAnyFileSystem,
        lockTimeoutMs: min(max(0, options.lockTimeoutMs), 86_400_000),
        keepCompleted: options.keepCompleted, keepFor: options.keepFor),
      clock: Clock(source: options.clock), forkGeneration: forkGeneration)
    try store.refresh()
    self.init(store, mutex)
  }

  /// Runs `body` alone on the store. A fork is seen before the mutex, which a thread that does not
  /// exist in the child may hold.
  @inline(__always)
  func with<Result>(_ body: (Store) throws(JobError) -> Result) throws(JobError) -> Result {
    if store.isForked { try store.checkUsable() }
    mutex.lock()
    defer { mutex.unlock() }
    if isClosed { throw JobError(.invalid, "the manager is closed") }
    return try body(store)
  }

  /// The same for what never fails; nil where `with` would.
  @inline(__always)
  func withQuickly<Result>(_ body: (Store) -> Result?) -> Result? {
    if store.isForked { return nil }
    mutex.lock()
    defer { mutex.unlock() }
    return isClosed ? nil : body(store)
  }

  /// Leaves all jobs of this manager and publishes. The manager is closed whatever happens.
  public func close() throws(JobError) {
    if store.isForked { return }
    mutex.lock()
    defer {
      isClosed = true
      store.owned = .init()
      store.journal = nil
      store.readers = .init()
      mutex.unlock()
    }
    guard !isClosed, !store.lostDescriptors,
      store.owesPublication || !store.owned.isEmpty || store.hasSeenRequest
    else { return }
    try store.transact { () throws(JobError) in
      var changes: [Change] = []
      for log in store.owned.values {
        guard let job = store.state.job(log.job), store.ownedLog(of: job) === log else { continue }
        try log.sync()
        changes.append(.closed(job: job.id, why: nil))
      }
      try store.append(changes, durable: true)
      store.owesPublication = true
    }
    try store.publishPatiently()
  }

  /// Makes everything reported so far survive a power cut, and publishes.
  public func sync() throws(JobError) {
    try with { store throws(JobError) in
      try store.checkUsable()
      guard !store.options.isReadOnly else {
        throw JobError(.unsupported, "this manager is read-only")
      }
      try store.catchUp()
      guard store.journal != nil else { return }
      try store.transact { () throws(JobError) in
        for log in store.owned.values {
          if let job = store.state.job(log.job) { try store.sync(log, job) }
        }
        try store.journal?.sync(store.state.seq)
        store.owesPublication = true
      }
      try store.publishPatiently()
    }
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
    let id = try with { store throws(JobError) in
      try store.transact { () throws(JobError) -> String in
        if let key, let job = store.state.unfinished(type, key) { return job.id }
        // What a version before has left out there comes with the next job.
        _ = try store.places.make()
        let new = NewJob(
          id: store.state.unusedID(), type: type, key: key, config: config, total: total)
        try store.append([.created(new)], durable: true)
        return new.id
      }
    }
    return Job(id: id, manager: self)
  }

  /// The job with this id, or the only one whose id begins so.
  public func find(_ id: String) throws(JobError) -> Job {
    guard !id.isEmpty else { throw JobError(.invalid, "the id is empty") }
    let found = try with { store throws(JobError) in
      try store.refresh()
      return try store.state.find(id)
    }
    return Job(id: found, manager: self)
  }

  /// Jobs of these statuses and this type (nil: any), in the order of the state file.
  public func list(
    _ statuses: JobStatusSet = .all, type: String? = nil
  ) throws(JobError) -> [JobInfo] {
    try with { store throws(JobError) in
      try store.refresh()
      var found: [JobInfo] = []
      for job in store.state.jobs where type == nil || job.type == type {
        let info = try store.info(job)
        if statuses.contains(info.status) { found.append(info) }
      }
      return found
    }
  }

  /// Removes jobs that completed without failed items, oldest first, until `keep` of them are left;
  /// gives how many went. A job that another one names in `dependsOn` stays.
  public func cleanup(keep: Int = 10) throws(JobError) -> Int {
    try cleanup(keep: keep, includingFailed: false).count
  }

  /// The same; with `includingFailed`, of all finished jobs. Gives those that went, as they were.
  public func cleanup(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
    try with { store throws(JobError) in
      try store.transact { () throws(JobError) -> [JobInfo] in
        try store.closeDeadOwners()
        let jobs = store.state.removals(keep: keep, includingFailed)
        let infos = try store.infos(jobs)
        try store.remove(jobs)
        return infos
      }
    }
  }

  /// What ``cleanup(keep:includingFailed:)`` would remove now.
  public func removals(
    keep: Int = 10, includingFailed: Bool = false
  ) throws(JobError) -> [JobInfo] {
    try with { store throws(JobError) in
      try store.refresh()
      return try store.infos(store.state.removals(keep: keep, includingFailed))
    }
  }

  /// What is remembered of a job that was removed, by its id or the beginning of that; nil: nothing.
  /// The last hundred are.
  package func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
    try with { store throws(JobError) in
      try store.refresh()
      return store.state.removedJob(id)
    }
  }

  #if !hasFeature(Embedded)
    /// Whether a damaged file was set aside, and its copy is still there.
    package var hasFilesSetAside: Bool {
      let found = try? with { store throws(JobError) in
        store.state.setAside.contains { store.places.isThere($0.name) }
      }
      return found ?? false
    }
  #endif

  /// Reads and verifies every file, mending nothing; one line per file. `firstFinding`: the first
  /// of them that tells of damage.
  public func check() throws(JobError) -> (firstFinding: String?, report: String) {
    try with { store throws(JobError) in
      try store.checkUsable()
      return try store.check()
    }
  }
}

extension Store {
  func infos(_ jobs: [JobState]) throws(JobError) -> [JobInfo] {
    var infos: [JobInfo] = []
    for job in jobs { infos.append(try info(job)) }
    return infos
  }
}
