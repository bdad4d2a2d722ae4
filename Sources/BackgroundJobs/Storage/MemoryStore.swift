#if MEMORY_STORAGE
  import CPosix

  /// Jobs in the memory of this process: what a second storage has to bring along, and no more. For
  /// tests of all that stands above the storage; no product has it.
  final class MemoryStore {
    /// What all handles on one project share.
    private final class World {
      let project: String
      let state = State()
      /// Of each owner that lives, by the number of the event that made it one: when its clock began.
      var bases = [UInt64: Int64]()

      init(_ project: String) { self.project = project }
    }

    nonisolated(unsafe) private static var worlds: [World] = []
    nonisolated(unsafe) private static let mutex = try? Mutex()

    /// The tests that are to run on it say so.
    static var isWanted: Bool { getenv("BGJOBS_STORAGE") != nil }

    private let world: World
    private let options: StorageOptions
    private let clock: Clock
    private let process = ProcessIdentity.current()
    private let forkGeneration = cposix_fork_begin()
    private var dispensers = [TextKey: Dispenser]()
    /// Of each job that is owned here, by the number of its owner: whether its pause was seen.
    private var owned = [UInt64: Bool]()

    init(project: String, options: StorageOptions) {
      (self.options, clock) = (options, options.clock)
      Self.mutex?.lock()
      defer { Self.mutex?.unlock() }
      world = Self.worlds.first { $0.project == project } ?? World(project)
      if !Self.worlds.contains(where: { $0 === world }) { Self.worlds.append(world) }
    }

    deinit {
      if isForked { return }
      try? alone { () throws(JobError) in for number in owned.keys { world.bases[number] = nil } }
    }

    private var state: State { world.state }

    private func alone<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
      Self.mutex?.lock()
      defer { Self.mutex?.unlock() }
      return try body()
    }

    private func ask<Result>(
      _ job: JobReference, _ body: (JobState) throws(JobError) -> Result
    ) throws(JobError) -> Result {
      try alone { () throws(JobError) in try body(try resolve(job)) }
    }

    // MARK: The handle

    var isForked: Bool { cposix_fork_generation() != forkGeneration }

    func checkUsable() throws(JobError) {
      guard isForked else { return }
      throw JobError(.forked, "this manager was opened before fork; open another in the child")
    }

    func refresh() throws(JobError) { try checkUsable() }

    func sync() throws(JobError) { try requireWritable() }

    func close() throws(JobError) {
      try alone { () throws(JobError) in
        for job in state.jobs where isMine(job) { try apply(.left(why: nil), job.id) }
        owned = [:]
      }
    }

    func check() throws(JobError) -> (firstFinding: String?, report: String) {
      (nil, Message("memory: \(state.jobs.count) jobs, sound\n").text)
    }

    // MARK: Jobs

    func create(_ new: NewJob) throws(JobError) -> String {
      try change { () throws(JobError) -> String in
        if let key = new.key, let job = state.unfinished(new.type, key) { return job.id }
        let id = state.unusedID()
        try apply(.created(new), id)
        return id
      }
    }

    func find(_ id: String) throws(JobError) -> String {
      try alone { () throws(JobError) in try state.find(id) }
    }

    func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
      try alone { () throws(JobError) in state.removedJob(id) }
    }

    func infos(_ statuses: JobStatusSet, type: String?) throws(JobError) -> [JobInfo] {
      try alone { () throws(JobError) in
        state.jobs.filter { type == nil || $0.type == type }.map(info)
          .filter { statuses.contains($0.status) }
      }
    }

    func removals(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
      try alone { () throws(JobError) in state.removals(keep: keep, includingFailed).map(info) }
    }

    func removeFinished(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
      try change { () throws(JobError) in
        for job in state.jobs { try leaveIfOwnerIsDead(job) }
        let jobs = state.removals(keep: keep, includingFailed)
        let infos = jobs.map(info)
        for job in jobs { try apply(.removed, job.id) }
        return infos
      }
    }

    func info(_ job: JobReference) throws(JobError) -> JobInfo {
      try ask(job) { job throws(JobError) in info(job) }
    }

    private func info(_ job: JobState) -> JobInfo {
      let isAlive = isOwnerAlive(job)
      var info = JobInfo(job.summary, isAlive: isAlive, isOwned: isMine(job))
      if let owner = job.owner, job.clock.mark != nil {
        if owner.isDetached { info.activeMs = job.clock.reading(at: clock.realtimeMs) }
        if let base = world.bases[owner.log] {
          info.activeMs = job.clock.reading(at: clock.awakeMs &- base)
        }
      }
      info.estimate(job, at: clock.realtimeMs) { state.prior(for: job) }
      return info
    }

    func config(_ job: JobReference) throws(JobError) -> String? {
      try ask(job) { job throws(JobError) in job.members["config"] }
    }

    func cursor(_ job: JobReference) throws(JobError) -> String? {
      try ask(job) { job throws(JobError) in job.cursorText }
    }

    func json(_ job: JobReference) throws(JobError) -> String {
      try ask(job) { job throws(JobError) in try StateDocument.text(of: job) }
    }

    // MARK: Items

    func forEachItem(
      _ job: JobReference, _ states: ItemStateSet,
      _ body: (UnsafeRawBufferPointer, ItemState, String?, Int64) throws(JobError) -> Void
    ) throws(JobError) {
      try ask(job) { job throws(JobError) in
        let hasWorker = job.owner != nil && isOwnerAlive(job) != false
        try job.forEachItem(states, hasWorker: hasWorker, body)
      }
    }

    func isDone(_ job: JobReference, _ item: UnsafeRawBufferPointer) throws(JobError) -> Bool {
      try ask(job) { job throws(JobError) in job.items.isDone(item) }
    }

    func attempts(
      _ job: JobReference, _ item: UnsafeRawBufferPointer
    ) throws(JobError) -> (all: Int64, unended: Int64)? {
      try ask(job) { job throws(JobError) in job.items.attempts(at: item) }
    }

    func next(
      _ job: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
    ) throws(JobError) -> Status {
      try ask(job) { job throws(JobError) in
        try Dispenser.next(of: job, in: &dispensers, take)
      }
    }

    func begin(
      _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
    ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
      let status = try self.report(reference, &report)
      let attempts = try attempts(reference, item) ?? (1, 1)
      return (status, attempts.all, attempts.unended)
    }

    func giveBack(
      _ reference: JobReference, _ item: UnsafeRawBufferPointer, _ report: inout Report
    ) throws(JobError) -> Status {
      let status = try self.report(reference, &report)
      dispensers[TextKey(text: reference.id)]?.takeBack(item)
      return status
    }

    // MARK: Changes

    func transact(
      _ reference: JobReference, _ operation: Operation,
      _ decide: (JobSummary, Int64) throws(JobError) -> JobChange?
    ) throws(JobError) -> Status {
      try transact(reference, operation) { job throws(JobError) in
        try decide(job.summary, clock.realtimeMs)
      }
    }

    private func transact(
      _ reference: JobReference, _ operation: Operation,
      _ decide: (JobState) throws(JobError) -> JobChange?
    ) throws(JobError) -> Status {
      try admit(operation, reference) { job throws(JobError) in
        // A storage may have to decide again: it must do no harm.
        _ = try decide(job)
        if let change = try decide(job) { try settle(change, job) }
        return .ok
      }
    }

    func start(_ reference: JobReference) throws(JobError) -> Status {
      let status = try admit(.start, reference) { job throws(JobError) in
        if isMine(job) {
          try settle(.resumed, job)
        } else {
          try apply(.started(by: process, fence: 0), job.id)
          owned[state.seq] = false
          world.bases[state.seq] = clock.awakeMs
        }
        return .ok
      }
      if status == .ok { dispensers[TextKey(text: reference.id)] = nil }
      return status
    }

    func startDetached(
      _ job: JobReference, watching process: ProcessIdentity?, lockedBy descriptor: Int32?
    ) throws(JobError) -> Status {
      if let descriptor {
        let (path, _) = try File.identify(descriptor)
        throw JobError(.unsupported, "a lock on \(path) is of no use in memory")
      }
      return try transact(job, .start) { _ throws(JobError) in
        .detached(watched: process, lock: nil)
      }
    }

    func leave(_ reference: JobReference, _ why: String?) throws(JobError) -> Status {
      try admit(.leave, reference) { job throws(JobError) in
        if job.owner.flatMap({ owned[$0.log] }) ?? false, job.status == .running {
          try acknowledge(job)
          return .resumed
        }
        try settle(.left(why: why), job)
        return .ok
      }
    }

    func fail(
      _ job: JobReference, _ operation: Operation, _ reason: String, _ why: String?
    ) throws(JobError) -> Status {
      try transact(job, operation) { job throws(JobError) in
        .failed(reason: reason, error: why, ownerIsToSee: job.log != nil && !isMine(job))
      }
    }

    func plan(_ job: JobReference, _ items: PackedItems) throws(JobError) -> Status {
      try transact(job, .plan) { job throws(JobError) in
        .planned(items, beside: try job.mark(of: items))
      }
    }

    func replan(
      _ job: JobReference, _ items: PackedItems
    ) throws(JobError) -> (status: Status, withdrawn: Int) {
      var withdrawn = 0
      let status = try transact(job, .plan) { job throws(JobError) in
        let plan = try job.markOfNewPlan(items)
        withdrawn = plan.withdrawn
        return .replanned(items, plan.mark)
      }
      return (status, withdrawn)
    }

    func retry(_ job: JobReference, _ items: PackedItems) throws(JobError) -> Status {
      try transact(job, .retry) { job throws(JobError) in
        try job.requireFailed(items)
        return .retried(items)
      }
    }

    func configure(_ job: JobReference, _ config: String) throws(JobError) -> Status {
      try transact(job, .plan) { job throws(JobError) in
        let config = try JobConfig.check(config, type: job.type)
        return config == job.members["config"] ?? "" ? nil : .configured(config)
      }
    }

    // MARK: Progress

    func report(_ reference: JobReference, _ report: inout Report) throws(JobError) -> Status {
      var copy = report
      try requireWritable()
      if let status = try ask(
        reference,
        { job throws(JobError) in
          isMine(job) ? try reportAsOwner(&copy, job) : nil
        })
      {
        return status
      }
      return try admit(copy.isPreparation ? .prepare : .report, reference) { job throws(JobError) in
        if try job.isNews(&copy) {
          (copy.time, copy.seen) = (clock.realtimeMs, job.log?.index)
          try apply(.reported(copy), job.id)
        }
        return job.status == .paused ? .paused : .ok
      }
    }

    private func reportAsOwner(_ report: inout Report, _ job: JobState) throws(JobError) -> Status {
      guard job.status == .running || job.status == .paused else {
        let why = Lifecycle.hasEnded(job.summary, "it takes no more reports")
        try apply(.left(why: nil), job.id)
        throw JobError(.finished, why)
      }
      try acknowledge(job)
      if try job.isNews(&report) { try keep(&report, job) }
      return job.status == .paused ? .paused : .ok
    }

    private func keep(_ report: inout Report, _ job: JobState) throws(JobError) {
      report.time = clock.awakeMs &- (world.bases[job.owner?.log ?? 0] ?? 0)
      try job.apply(report, at: clock.realtimeMs, fromOwner: true)
      job.log?.index &+= 1
    }

    func reportQuickly(
      _ job: JobReference, done item: UnsafeRawBufferPointer, currentItem: UnsafeRawBufferPointer?
    ) -> Status? { nil }

    func lookForChange(
      _ reference: JobReference
    ) throws(JobError) -> (status: JobStatus, isInterrupted: Bool)? {
      try checkUsable()
      return try alone { () throws(JobError) in
        guard let job = state.job(reference.id) else { return nil }
        if isMine(job) {
          guard job.status == .running || job.status == .paused else {
            try apply(.left(why: nil), job.id)
            return (job.status, false)
          }
          try acknowledge(job)
        }
        if job.summary.isRateLimitOver(at: clock.realtimeMs), !options.isReadOnly {
          try leaveIfOwnerIsDead(job)
          if caller(of: job, .resume) != .notOwner(ownerIsAlive: true) { try settle(.resumed, job) }
        }
        let info = info(job)
        return (info.status, info.status == .paused && info.reason == Reason.interrupted)
      }
    }

    // MARK: Inside

    private func change<Result>(
      _ body: () throws(JobError) -> Result
    ) throws(JobError) -> Result {
      try requireWritable()
      return try alone(body)
    }

    private func requireWritable() throws(JobError) {
      try checkUsable()
      if options.isReadOnly { throw JobError(.unsupported, "this manager is read-only") }
    }

    private func resolve(_ job: JobReference) throws(JobError) -> JobState {
      try job.resolve(in: state, 0)
    }

    private func apply(_ change: JobChange, _ id: String) throws(JobError) {
      let moment = Moment(seq: state.seq &+ 1, time: clock.realtimeMs)
      try state.apply(change, to: id, at: moment)
    }

    private func settle(_ change: JobChange, _ job: JobState) throws(JobError) {
      try apply(change, job.id)
      if case .completed = change {
        for old in state.oldJobs(options, now: clock.realtimeMs) { try apply(.removed, old.id) }
      }
      if isMine(job) { try acknowledge(job) }
    }

    /// Asks the life cycle first.
    private func admit(
      _ operation: Operation, _ reference: JobReference,
      _ body: (JobState) throws(JobError) -> Status
    ) throws(JobError) -> Status {
      try change { () throws(JobError) -> Status in
        let job = try resolve(reference)
        try leaveIfOwnerIsDead(job)
        let caller = caller(of: job, operation)
        switch Lifecycle.verdict(operation, job.summary, caller, now: clock.realtimeMs) {
        case .go: return try body(job)
        case .already(let status): return status
        case .refuse(let status):
          throw JobError(status, Lifecycle.explain(operation, job.summary, status))
        }
      }
    }

    private func isMine(_ job: JobState) -> Bool {
      job.owner.map { owned[$0.log] != nil } ?? false
    }

    private func isOwnerAlive(_ job: JobState) -> Bool? {
      guard let owner = job.owner else { return nil }
      guard owner.isDetached else { return world.bases[owner.log] != nil }
      return owner.process.pid == 0 ? nil : owner.process.mayBeAlive
    }

    private func caller(of job: JobState, _ operation: Operation) -> Caller {
      if isMine(job) { return .owner }
      guard let owner = job.owner, owner.stands(against: operation) else {
        return .notOwner(ownerIsAlive: false)
      }
      return .notOwner(ownerIsAlive: isOwnerAlive(job) ?? false)
    }

    private func leaveIfOwnerIsDead(_ job: JobState) throws(JobError) {
      guard isOwnerAlive(job) == false, let pid = job.owner?.process.pid else { return }
      let why = Message("process \(pid) ended without leaving the job").text
      try apply(.left(why: why), job.id)
    }

    /// Tells everyone that the owner has seen a pause, or its end.
    private func acknowledge(_ job: JobState) throws(JobError) {
      guard let number = job.owner?.log, job.status == .running || job.status == .paused else {
        return
      }
      let isPaused = job.status == .paused
      guard isPaused != owned[number] || (isPaused && !job.isPauseAcknowledged) else { return }
      var report = Report()
      report.acknowledgesPause = isPaused
      try keep(&report, job)
      owned[number] = isPaused
    }
  }
#endif
