// Who works on what.
extension JobManager {
  /// Takes the next ready job and starts it: the caller owns it then, as by ``Job/start(anyway:shared:)``.
  ///
  /// Ready is a job that was enqueued and is pending, interrupted or past its rate limit, if its time
  /// has come, its provider takes requests, and each limit that it falls under has room. A job that
  /// must wait is passed over.
  ///
  /// - Parameters:
  ///   - types: Only these; nil: any.
  ///   - configMember: Only jobs whose config has a member of this name; nil: any.
  ///   - timeoutMs: How long to wait for one, in milliseconds; 0: only look; nil: no limit.
  ///   - untilEmpty: Ends the wait when no such job is left, and none runs.
  /// - Returns: `.ok` and the job; `.end` (there is none; only where this looked, or `untilEmpty`); or
  ///   `.timeout`, with `why` in words.
  public func claim(
    types: [String]? = nil, configMember: String? = nil, timeoutMs: Int64? = nil,
    untilEmpty: Bool = false
  ) throws(JobError) -> (outcome: Status, job: Job?, why: String?) {
    var request = ClaimRequest()
    (request.types, request.configMember) = (types, configMember)
    let begin = Clock.machine
    var nap: Int64 = 5
    var isReady = true
    while true {
      let found = try with { storage throws(JobError) in
        isReady ? try storage.claim(request) : try storage.lookForClaim(request)
      }
      if let id = found.id {
        if isReady { return (.ok, Job(id: id, manager: self), nil) }
        isReady = true
        continue
      }
      isReady = false
      if found.isEmpty, untilEmpty || timeoutMs == 0 {
        return (.end, nil, Self.none)
      }
      let waited = (Clock.machine - begin) / 1_000_000
      if let timeoutMs, waited >= timeoutMs {
        let why = found.why ?? "the jobs of the queue are paused, or run"
        return (.timeout, nil, found.isEmpty ? Self.none : why)
      }
      Clock.sleep(milliseconds: min(nap, timeoutMs.map { max(1, $0 - waited) } ?? nap))
      nap = min(nap + nap / 2, 50)
    }
  }

  private static let none = "no such job is in the queue, but for paused ones"

  #if !hasFeature(Embedded)
    /// The first ready job that is wanted, which stays as it is; nil: what the first one waits for, and
    /// whether none is in the queue, and none runs.
    package func nextReady(
      types: [String]?, where isWanted: (Job) throws -> Bool
    ) throws -> (id: String?, why: String?, isEmpty: Bool) {
      var request = ClaimRequest()
      request.types = types
      while true {
        let found = try with { storage throws(JobError) in try storage.lookForClaim(request) }
        guard let id = found.id else { return (nil, found.why, found.isEmpty) }
        if try isWanted(Job(id: id, manager: self)) { return (id, nil, false) }
        request.except.insert(TextBytes(id))
      }
    }
  #endif

  /// At most so many jobs of a scope run at once, of all processes. It is counted from those that run
  /// with an owner that lives, so nothing can leak; those that run already go on.
  ///
  /// - Parameters:
  ///   - scope: `*` (all jobs), `type:T`, `lane:L`, or `provider:P` (the one that the config names).
  ///   - most: 0: none may start; nil: no limit any more.
  public func setLimit(_ scope: String, to most: Int64?) throws(JobError) {
    guard QueueLimit(scope, allowed: 0) != nil else {
      throw JobError(
        .invalid, "\(scope) is no scope: it must be *, type:T, lane:L or provider:P")
    }
    guard most ?? 0 >= 0, most ?? 0 <= 1 << 31 else {
      throw JobError(.invalid, "the limit is \(most ?? 0); it must be 0 to 2^31")
    }
    try with { storage throws(JobError) in try storage.setLimit(scope, most ?? -1) }
  }

  /// What a level of priority is worth, in milliseconds of waiting: ten minutes at first.
  ///
  /// - Parameter worthMs: 0 to 315,360,000,000 (ten years); nil: any time, a higher priority always
  ///   goes first.
  public func setPriorityWorth(ms worthMs: Int64?) throws(JobError) {
    guard worthMs ?? 0 >= 0, worthMs ?? 0 <= 315_360_000_000 else {
      throw JobError(.invalid, "\(worthMs ?? 0) ms is no worth: it must be 0 to ten years")
    }
    try with { storage throws(JobError) in try storage.setWorth(worthMs ?? -1) }
  }
}
