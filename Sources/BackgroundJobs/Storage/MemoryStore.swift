#if MEMORY_STORAGE
  import CPosix

  /// Jobs in the memory of this process: what a second storage has to bring along, and no more. For
  /// tests of all that stands above the storage; no product has it.
  final class MemoryStore: JobDesk {
    /// What all handles on one project share.
    private final class World {
      let project: String
      let state = State()
      /// Of each owner that lives, by the number of the event that made it one: when its clock began.
      var bases = [UInt64: Int64]()

      init(_ project: String) { self.project = project }
    }

    nonisolated(unsafe) private static var worlds: [World] = []
    nonisolated(unsafe) private static let mutex = try? Mutex.make()

    /// The tests that are to run on it say so.
    static var isWanted: Bool { getenv("BGJOBS_STORAGE") != nil }

    private let world: World
    private let options: StorageOptions
    let clock: Clock
    private let process = ProcessIdentity.current()
    private let forkGeneration = cposix_fork_begin()
    var dispensers = Dispensers()
    var handouts: [Handout] = []
    /// Of each job that is owned here, by the number of its owner: whether its pause was seen.
    private var owned = [UInt64: Bool]()

    init(project: String, options: StorageOptions) {
      (self.options, clock) = (options, options.clock)
      Self.mutex?.lock()
      defer { Self.mutex?.unlock() }
      world = Self.worlds.first { $0.project.bytes == project.bytes } ?? World(project)
      if !Self.worlds.contains(where: { $0 === world }) { Self.worlds.append(world) }
    }

    deinit {
      if isForked { return }
      try? look { () throws(JobError) in for number in owned.keys { world.bases[number] = nil } }
    }

    private var state: State { world.state }
    var jobs: State { world.state }

    private func look<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
      Self.mutex?.lock()
      defer { Self.mutex?.unlock() }
      return try body()
    }

    private func ask<Result>(
      _ job: JobReference, _ body: (JobState) throws(JobError) -> Result
    ) throws(JobError) -> Result {
      try look { () throws(JobError) in try body(try resolve(job)) }
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
      try look { () throws(JobError) in
        for job in state.known where isOwner(of: job) { try apply(leaving(job, nil), job.id) }
        owned = [:]
      }
    }

    func check() throws(JobError) -> (firstFinding: String?, report: String) {
      (nil, Message("memory: \(state.known.count) jobs, sound\n").text)
    }

    // MARK: Jobs

    func create(_ new: NewJob) throws(JobError) -> String {
      try alone { () throws(JobError) -> String in
        if let key = new.key, let job = try state.unfinished(new.type, key) { return job.id }
        let id = try state.unusedID()
        try apply(.created(new), id)
        return id
      }
    }

    func find(_ id: String) throws(JobError) -> String {
      try look { () throws(JobError) in try state.find(id) }
    }

    func removedJob(_ id: String) throws(JobError) -> RemovedJob? {
      try look { () throws(JobError) in state.removedJob(id) }
    }

    func infos(_ statuses: JobStatusSet, type: String?) throws(JobError) -> [JobInfo] {
      try look { () throws(JobError) in
        state.known.filter { type == nil || $0.type.bytes == type?.bytes }.map(info)
          .filter { statuses.contains($0.status) }
      }
    }

    func removals(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
      try look { () throws(JobError) in try state.removals(keep: keep, includingFailed).map(info) }
    }

    func removeFinished(keep: Int, includingFailed: Bool) throws(JobError) -> [JobInfo] {
      try alone { () throws(JobError) in
        for job in state.known { try closeIfOwnerIsDead(job) }
        let jobs = try state.removals(keep: keep, includingFailed)
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
      let info = JobInfo(job.summary, isAlive: isAlive, isOwned: isOwner(of: job))
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

    func json(_ job: JobReference) throws(JobError) -> Buffer {
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

    func next(
      _ reference: JobReference, _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
    ) throws(JobError) -> Status {
      if try ask(reference, { job throws(JobError) in hasWorkers(job) }) {
        return try nextShared(reference, take)
      }
      return try ask(reference) { job throws(JobError) in
        try Dispenser.next(of: job, in: &dispensers, take)
      }
    }

    // MARK: Progress

    func report(_ reference: JobReference, _ report: inout Report) throws(JobError) -> Status {
      var copy = report
      try requireWritable()
      if let status = try ask(
        reference,
        { job throws(JobError) in
          isOwner(of: job) ? try reportAsOwner(&copy, job) : nil
        })
      {
        return status
      }
      return try alone { () throws(JobError) in
        let (job, _, already) = try admit(copy.isPreparation ? .prepare : .report, reference)
        if let already { return already }
        if job.isShared { try job.requireShareable(copy) }
        if try job.isNews(&copy) {
          (copy.time, copy.seen) = (clock.realtimeMs, job.isShared ? nil : job.log?.index)
          try apply(.reported(copy), job.id)
        }
        return job.status == .paused ? .paused : .ok
      }
    }

    private func reportAsOwner(_ report: inout Report, _ job: JobState) throws(JobError) -> Status {
      guard job.status == .running || job.status == .paused else {
        let why = Lifecycle.hasEnded(job.summary, "it takes no more reports")
        try apply(leaving(job, nil), job.id)
        throw JobError(.finished, why)
      }
      if job.isShared { try job.requireShareable(report) }
      try acknowledge(job)
      if try job.isNews(&report) { try keep(&report, job) }
      return job.status == .paused ? .paused : .ok
    }

    private func keep(_ report: inout Report, _ job: JobState) throws(JobError) {
      let number = ownNumber(in: job) ?? job.owner?.log ?? 0
      report.time = clock.awakeMs &- (world.bases[number] ?? 0)
      if job.isShared, let place = job.place(of: number) {
        return try job.apply(report, ofLogAt: place)
      }
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
      return try look { () throws(JobError) in
        guard let job = try state.job(reference.id) else { return nil }
        if isOwner(of: job) {
          guard job.status == .running || job.status == .paused else {
            try apply(leaving(job, nil), job.id)
            return (job.status, false)
          }
          try acknowledge(job)
        }
        if job.summary.isRateLimitOver(at: clock.realtimeMs), !options.isReadOnly {
          try closeIfOwnerIsDead(job)
          try endRateLimit(of: job)
        }
        let info = info(job)
        return (
          info.status, info.status == .paused && info.reason?.bytes == Reason.interrupted.bytes
        )
      }
    }

    // MARK: Inside

    func alone<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
      try requireWritable()
      return try look { () throws(JobError) in
        try heal()
        let result = try body()
        try heal()
        return result
      }
    }

    func note(_ change: JobChange, _ job: JobState) throws(JobError) { try apply(change, job.id) }

    func aloneBriefly<Result>(_ body: () throws(JobError) -> Result) throws(JobError) -> Result {
      try alone(body)
    }

    func takeOwnership(of job: JobState, isShared: Bool) throws(JobError) {
      try apply(
        isShared ? .joined(by: process, fence: 0) : .started(by: process, fence: 0), job.id)
      owned[state.seq] = false
      world.bases[state.seq] = clock.awakeMs
    }

    func hasSeenPause(of job: JobState) -> Bool { own(job).flatMap { owned[$0] } ?? false }

    func lock(_ descriptor: Int32, for job: JobState) throws(JobError) -> OwnerLock {
      let (path, _) = try File.identify(descriptor)
      throw JobError(.unsupported, "a lock on \(path) is of no use in memory")
    }

    private func requireWritable() throws(JobError) {
      try checkUsable()
      if options.isReadOnly { throw JobError(.unsupported, "this manager is read-only") }
    }

    func resolve(_ job: JobReference) throws(JobError) -> JobState {
      try job.resolve(in: state, 0)
    }

    private func apply(_ change: JobChange, _ id: String) throws(JobError) {
      let moment = Moment(seq: state.seq &+ 1, time: clock.realtimeMs)
      try state.apply(change, to: id, at: moment)
    }

    func settle(_ change: JobChange, _ job: JobState) throws(JobError) {
      try apply(change, job.id)
      if job.isShared, job.status.isFinished, let number = ownNumber(in: job) {
        try apply(job.leaving(number), job.id)
      }
      if case .completed = change {
        for old in try state.oldJobs(options, now: clock.realtimeMs) { try apply(.removed, old.id) }
      }
      if isOwner(of: job) { try acknowledge(job) }
    }

    func queue() throws(JobError) -> Buffer {
      try look { () throws(JobError) in try queue(state) }
    }

    func waits(_ reference: JobReference) throws(JobError) -> Buffer {
      try ask(reference) { job throws(JobError) in try waits(state, job) }
    }

    func lookForClaim(_ request: ClaimRequest) throws(JobError) -> ClaimOutcome {
      try look { () throws(JobError) in try claim(request, state, claims: false) }
    }

    func settle(_ change: QueueChange, durable: Bool) throws(JobError) {
      state.apply(change, at: Moment(seq: state.seq &+ 1, time: clock.realtimeMs))
    }

    func isOwner(of job: JobState) -> Bool { own(job) != nil }

    func ownNumber(in job: JobState) -> UInt64? { job.isShared ? own(job) : nil }

    private func own(_ job: JobState) -> UInt64? {
      job.logs.first { owned[$0.number] != nil }?.number
    }

    func isOwnerAlive(_ job: JobState) -> Bool? {
      guard let owner = job.owner else { return nil }
      if job.isShared { return job.logs.contains { world.bases[$0.number] != nil } }
      guard owner.isDetached else { return world.bases[owner.log] != nil }
      return owner.process.pid == 0 ? nil : owner.process.mayBeAlive
    }

    func closeIfOwnerIsDead(_ job: JobState) throws(JobError) {
      for log in job.logs where job.isShared && world.bases[log.number] == nil {
        try apply(job.leaving(log.number, "its process ended", isDeath: true), job.id)
      }
      if job.isShared { return }
      guard isOwnerAlive(job) == false, let pid = job.owner?.process.pid else { return }
      let why = Message("process \(pid) ended without leaving the job").text
      try apply(job.queue == nil ? .left(why: why) : .died(why: why), job.id)
    }

    /// Tells everyone that the owner has seen a pause, or its end.
    func acknowledge(_ job: JobState) throws(JobError) {
      guard let number = own(job), job.status == .running || job.status == .paused else {
        return
      }
      let isPaused = job.status == .paused
      guard isPaused != owned[number] || (isPaused && !job.isPauseAcknowledged && !job.isShared)
      else { return }
      var report = Report()
      report.acknowledgesPause = isPaused
      try keep(&report, job)
      owned[number] = isPaused
    }
  }
#endif
