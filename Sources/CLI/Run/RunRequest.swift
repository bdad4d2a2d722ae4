import BackgroundJobs

/// A line of `bgjobs run`, and which job of its key is to do it. What was said last counts: its
/// list is the plan, its options and its command are stored.
struct RunRequest {
  /// What is to be worked on.
  struct Taken {
    let job: Job
    let run: StoredRun
    /// What it is to work on, by the names in the job.
    let names: [String]
    /// To be told once it works.
    let notes: [String]
  }

  let type: String
  let key: String
  let run: StoredRun
  /// nil: one command.
  let items: [String]?
  /// Failed items of the last run are not taken up: all is done again.
  let isAnew: Bool

  private func jobs(in manager: JobManager) throws -> [JobInfo] {
    try manager.list(.all, type: type).filter { $0.key?.utf8.elementsEqual(key.utf8) ?? false }
  }

  /// While another one works on it, nothing of it is changed.
  func busy(in manager: JobManager) throws -> (id: String, error: RunError)? {
    guard let job = try jobs(in: manager).first(where: { $0.isUnfinished }) else { return nil }
    if let pid = job.ownerPID {
      let hint = job.status == .paused ? ". To lift the pause: bgjobs resume \(job.id)" : ""
      return (
        job.id,
        RunError(
          "job \(job.id) is \(job.statusName), process \(pid) owns it: not started\(hint)", .busy)
      )
    }
    if job.status == .paused, job.reason != "interrupted", job.resumeAtMs == nil, !isAnew {
      return (job.id, RunWorker.isPaused(job))
    }
    guard isAnew else { return nil }
    let error = RunError(
      "job \(job.id) of this line has not ended, and --again begins a new one: bgjobs cancel \(job.id)",
      .illegalTransition)
    return (job.id, error)
  }

  /// Finds the job or makes it, and gives it its plan. nil: all is done already.
  func take(in manager: JobManager) throws -> Taken? {
    let known = try jobs(in: manager)
    let unfinished = known.contains { $0.isUnfinished }
    let last = newest(of: known)
    var notes: [String] = []
    var wanted = items
    if run.spec.once == true, let items {
      let memory = try OnceMemory(of: type, key, in: manager)
      try memory.add(known.filter { $0.status.isFinished }, in: manager)
      let done = try memory.done()
      wanted = items.filter { !done.contains(memory.hash($0)) }
      let count = items.count - (wanted?.count ?? 0)
      let verb = count == 1 ? "is" : "are"
      if count > 0 { notes.append("\(Self.items(count)) done by earlier runs \(verb) left out") }
      if wanted?.isEmpty ?? false, !unfinished {
        Output.complain("all \(items.count) items were done by earlier runs of key \(key)")
        return nil
      }
    }
    var run = run
    run.spec.items = Int64(wanted?.count ?? 1)
    let job: Job
    if !unfinished, wanted != nil, let last = takenUp(last) {
      job = try manager.find(last.id)
      try takeUp(job)
      notes.append(
        "job \(job.id) again, with its \(Self.items(last.itemsFailed, "failed ")), for"
          + " \(last.itemsCompleted) are done; --again does all of it anew")
    } else {
      if !unfinished, !isAnew { try hint(last, manager, &notes) }
      job = try manager.ensure(
        type, key: key, config: try run.config.json, total: run.spec.items)
      let info = try job.info()
      if info.current > 0 || info.status == .paused {
        notes.append("going on with job \(job.id), \(EstimateText.items(info)) items are done")
      }
    }
    let names: [String]
    (run, names) = try plan(wanted, run, job, &notes)
    return Taken(job: job, run: run, names: names, notes: notes)
  }

  /// The last run of the line, when its failed items are to be done again.
  private func takenUp(_ last: JobInfo?) -> JobInfo? {
    guard let last, !isAnew, last.itemsFailed > 0, last.reason != "cancelled" else { return nil }
    return last
  }

  /// What a new job leaves aside.
  private func hint(_ last: JobInfo?, _ manager: JobManager, _ notes: inout [String]) throws {
    if let last, last.reason == "cancelled", last.itemsCompleted > 0 {
      notes.append(
        "job \(last.id) of this line was cancelled with \(Self.items(last.itemsCompleted)) done; this"
          + " is a new one. bgjobs retry \(last.id) goes on with that one")
    }
    let command = run.config.command
    for other in try manager.list([.pending, .running, .paused], type: type)
    where try RunSpec.of(manager.find(other.id))?.command == command {
      notes.append(
        "job \(other.id) has the same command and another list, and has not ended: --key K makes one"
          + " job of two lines")
      return
    }
  }

  /// What of these would be worked on now; changes nothing.
  func open(_ items: [String], in manager: JobManager) throws -> [String] {
    let known = try jobs(in: manager)
    var wanted = items
    if run.spec.once == true {
      let memory = try OnceMemory(of: type, key, in: manager)
      var done = try memory.done()
      for job in known where job.status.isFinished {
        done.formUnion(try memory.hashes(of: manager.find(job.id)))
      }
      wanted = items.filter { !done.contains(memory.hash($0)) }
    }
    guard let job = known.first(where: { $0.isUnfinished }) ?? takenUp(newest(of: known)) else {
      return wanted
    }
    let found = try manager.find(job.id)
    var stored = try StoredRun.before(found) ?? run
    let ended = try found.items(job.isUnfinished ? [.done, .failed, .skipped] : [.done, .skipped])
    let names = Set(ended.map { Array($0.name.utf8) })
    let mine = try stored.name(wanted) { try found.items(.all).map(\.name) }
    return zip(wanted, mine).filter { !names.contains(Array($1.utf8)) }.map(\.0)
  }

  private func newest(of jobs: [JobInfo]) -> JobInfo? {
    var newest: JobInfo?
    for job in jobs where (job.createdMs ?? 0) >= (newest?.createdMs ?? 0) { newest = job }
    return newest
  }

  /// Two lines at once may come here: for the second one it is unfinished.
  private func takeUp(_ job: Job) throws {
    do throws(JobError) {
      try job.retry()
    } catch {
      guard error.status == .illegalTransition, try job.info().isUnfinished else { throw error }
    }
  }

  /// Gives the job its items. What is secret in the line is kept beside its output first, so that
  /// there is nothing to start before that.
  private func plan(
    _ items: [String]?, _ new: StoredRun, _ job: Job, _ notes: inout [String]
  ) throws -> (StoredRun, [String]) {
    var run = new
    let before = try StoredRun.before(job)
    // A version before made it, with its items as they are: others would be further ones.
    let isOld = try before == nil && RunSpec.of(job)?.isRedacted == nil
    if let before, before.spec.command != run.spec.command {
      notes.append("job \(job.id) had another command; now it is: \(shownCommand)")
    }
    run.items = before?.items ?? []
    if isOld, let items { SecretItems.warn(of: items) }
    let names =
      try isOld ? items : items.map { try run.name($0) { try job.items(.all).map(\.name) } }
    try run.keep(for: job)
    try job.setConfig(try run.config.json)
    let all = names ?? [isOld ? Self.name(run.spec.command) : shownCommand]
    let withdrawn = try job.makePlan(all)
    if names != nil, withdrawn > 0 { notes.append(Self.withdrawn(withdrawn)) }
    return (run, all)
  }

  private var shownCommand: String { Self.name(Redaction.arguments(run.spec.command)) }

  /// The item of a run that has one: what is run.
  private static func name(_ words: [String]) -> String {
    var name = ""
    for word in words {
      let longer = name.isEmpty ? word : "\(name) \(word)"
      guard longer.utf8.count <= 200 else { return name.isEmpty ? "command" : "\(name) …" }
      name = longer
    }
    return name
  }

  static func withdrawn(_ count: Int) -> String {
    "\(items(count)) \(count == 1 ? "is" : "are") no longer in the list"
  }

  private static func items(_ count: Int, _ kind: String = "") -> String {
    "\(count) \(kind)item\(count == 1 ? "" : "s")"
  }
}

extension StoredRun {
  /// As it may stand in the state file.
  fileprivate var config: RunSpec {
    var shown = spec.redacted
    // Without its own file it is not to be run: it would lack them.
    if variables != nil { shown.isRedacted = true }
    return shown
  }
}

extension Job {
  /// The list is the plan: gives how many open items are not in it any more.
  func makePlan(_ items: [String]) throws(JobError) -> Int {
    // Nothing can be taken out of a new job.
    guard try info().itemsOpen > 0 else {
      try plan(items)
      return 0
    }
    return try setPlan(items)
  }
}
