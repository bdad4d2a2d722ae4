import Testing

@testable import BackgroundJobs

/// The table of ARCHITECTURE.md and of the header, written down again.
@Suite struct LifecycleTests {
  enum Condition: CaseIterable {
    case pending, running, asked, interrupted, limited, limitOver, completed, completedWithFailures
    case failed, unknown

    var isPaused: Bool { [.asked, .interrupted, .limited, .limitOver].contains(self) }
    var isUnfinished: Bool { self == .pending || self == .running || isPaused }
    var isCompleted: Bool { self == .completed || self == .completedWithFailures }
    var isFinished: Bool { isCompleted || self == .failed }
  }

  enum Who: CaseIterable { case owner, otherOwned, nobodys }

  private static let now: Int64 = 1_000_000

  private func job(_ condition: Condition) throws -> JobState {
    let job = JobState(id: "j", type: "t", status: .pending)
    switch condition {
    case .pending: break
    case .running: job.status = .running
    case .asked: (job.status, job.reason) = (.paused, "asked")
    case .interrupted: (job.status, job.reason) = (.paused, "interrupted")
    case .limited:
      (job.status, job.reason, job.resumeAt) = (.paused, "rate-limit", Self.now + 1)
    case .limitOver: (job.status, job.reason, job.resumeAt) = (.paused, "rate-limit", Self.now)
    case .completed: job.status = .completed
    case .completedWithFailures:
      job.status = .completed
      let item = Array("f".utf8)
      let slot = try withBytes(item) { bytes throws(JobError) in try job.items.insert(bytes) }
      _ = try job.items.markFailed(slot, why: nil)
    case .failed: job.status = .failed
    case .unknown: job.status = .other("completed_with_warnings")
    }
    return job
  }

  private func wanted(_ operation: BackgroundJobs.Operation, _ c: Condition, _ who: Who) -> Verdict
  {
    let anothers = who == .otherOwned
    switch operation {
    // Of a job that is not shared.
    case .start, .join:
      if c.isFinished { return .refuse(.finished) }
      if c == .unknown { return .refuse(.illegalTransition) }
      if c == .running {
        // Running without an owner that we know is another tool's.
        return who == .owner ? .already(.ok) : .refuse(anothers ? .busy : .illegalTransition)
      }
      if c == .pending { return .go }
      if anothers { return .refuse(.busy) }
      return c == .interrupted || c == .limitOver ? .go : .already(.paused)
    case .report:
      if c.isFinished { return .refuse(.finished) }
      return c == .running || c.isPaused ? .go : .refuse(.illegalTransition)
    case .plan, .prepare, .pause, .enqueue:
      if c.isFinished { return .refuse(.finished) }
      return c.isUnfinished ? .go : .refuse(.illegalTransition)
    case .rateLimited:
      if c.isFinished { return .refuse(.finished) }
      if c == .running || c == .limited || c == .limitOver { return .go }
      return c.isPaused ? .already(.paused) : .refuse(.illegalTransition)
    case .resume:
      if c.isFinished { return .refuse(.finished) }
      if c == .pending || c == .running { return .already(.ok) }
      return c.isPaused ? .go : .refuse(.illegalTransition)
    case .leave:
      if c.isFinished { return .refuse(.finished) }
      return (c == .running || c.isPaused) && who == .owner ? .go : .refuse(.illegalTransition)
    case .complete:
      if c.isCompleted { return .already(.ok) }
      if c == .failed { return .refuse(.finished) }
      if c == .unknown { return .refuse(.illegalTransition) }
      return anothers ? .refuse(.busy) : .go
    case .fail, .cancel:
      if c == .failed { return .already(.ok) }
      if c.isCompleted { return .refuse(.finished) }
      return c.isUnfinished ? .go : .refuse(.illegalTransition)
    case .retry:
      if c == .failed { return anothers ? .refuse(.busy) : .go }
      return c == .completedWithFailures ? .go : .refuse(.illegalTransition)
    case .depend:
      // Here none of those was started.
      if c.isFinished { return .refuse(.finished) }
      return c == .pending || c.isPaused ? .go : .refuse(.illegalTransition)
    case .remove:
      return c.isFinished ? (anothers ? .refuse(.busy) : .go) : .refuse(.illegalTransition)
    }
  }

  private static let operations: [BackgroundJobs.Operation] = [
    .start, .join, .report, .plan, .prepare, .pause, .rateLimited, .resume, .leave, .complete,
    .fail,
    .cancel, .retry, .remove, .enqueue, .depend,
  ]

  @Test func workersOfASharedJobComeAndComplete() throws {
    let job = JobState(id: "j", type: "t", status: .running)
    for number in 1...2 as ClosedRange<UInt64> {
      job.join(
        Owner(ProcessIdentity(), log: number, since: 0), LogPosition(number: number, salt: 0))
    }
    let stranger = Caller.notOwner(ownerIsAlive: true)
    func verdict(_ operation: BackgroundJobs.Operation, _ caller: Caller) -> Verdict {
      Lifecycle.verdict(operation, job.summary, caller, now: Self.now)
    }
    #expect(verdict(.join, stranger) == .go)
    #expect(verdict(.join, .owner) == .already(.ok))
    #expect(verdict(.start, stranger) == .refuse(.busy))
    #expect(verdict(.complete, stranger) == .refuse(.busy))
    #expect(verdict(.complete, .owner) == .go)
    try withBytes(Array("a".utf8)) { item throws(JobError) in
      try job.items.plan(try job.items.insert(item))
    }
    #expect(verdict(.complete, .owner) == .refuse(.busy))
    (job.status, job.reason) = (.paused, "asked")
    #expect(verdict(.join, stranger) == .already(.paused))
    #expect(verdict(.start, stranger) == .refuse(.busy))
    // The last one has what is left, and may leave it.
    (job.status, job.reason) = (.running, nil)
    job.part(1)
    #expect(job.owner?.log == 2)
    #expect(verdict(.complete, .owner) == .go)
    job.status = .completed
    #expect(verdict(.remove, stranger) == .refuse(.busy))
    #expect(verdict(.retry, stranger) == .refuse(.busy))
  }

  @Test(arguments: operations, Condition.allCases)
  func everyVerdict(_ operation: BackgroundJobs.Operation, _ condition: Condition) throws {
    for who in Who.allCases {
      // A completed job has no owner, and what is pending nobody runs.
      if who != .nobodys, condition == .pending || condition.isCompleted { continue }
      let caller: Caller = who == .owner ? .owner : .notOwner(ownerIsAlive: who == .otherOwned)
      let job = try job(condition).summary
      let verdict = Lifecycle.verdict(operation, job, caller, now: Self.now)
      #expect(verdict == wanted(operation, condition, who), "\(who)")
      if case .refuse(let status) = verdict {
        let message = Lifecycle.explain(operation, job, status).text
        #expect(message.contains("j") && message.contains(job.status.name))
        #expect(message.contains(operation.verb))
      }
    }
  }
}
