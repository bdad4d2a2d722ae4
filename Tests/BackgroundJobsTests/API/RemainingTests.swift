import Foundation
import Testing

@testable import BackgroundJobs

/// Loops over what remains of a plan.
@Suite struct RemainingTests {
  private func begin(_ items: [String]) throws -> (Scratch, JobManager, Job) {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.ensure("import-issues", key: "all")
    try job.plan(items)
    try job.start()
    return (scratch, manager, job)
  }

  @Test func eachOpenItemOnceInOrder() throws {
    let (scratch, _, job) = try begin(["a", "b", "c", "d"])
    defer { withExtendedLifetime(scratch) {} }
    try job.itemDone("b")
    try job.itemFailed("d", why: "no")
    var seen: [String] = []
    for item in try job.remaining() {
      seen.append(item)
      try job.itemDone(item)
    }
    #expect(seen == ["a", "c"])
    #expect(try job.complete() == .ok)
  }

  @Test func onlyTheOwnerMayAsk() throws {
    let (scratch, _, job) = try begin(["a"])
    defer { withExtendedLifetime(scratch) {} }
    let other = try scratch.manager()
    let error = #expect(throws: JobError.self) { try other.find(job.id).remaining() }
    #expect(error?.status == .illegalTransition)
  }

  /// A loop that ends early must not be taken for one that has done everything.
  @Test func completeTellsWhyTheLoopEnded() throws {
    let (scratch, _, job) = try begin(["a", "b", "c"])
    defer { withExtendedLifetime(scratch) {} }
    let other = try scratch.manager()
    var seen: [String] = []
    for item in try job.remaining() {
      seen.append(item)
      if seen.count == 1 { try other.find(job.id).cancel("enough") }
      Thread.sleep(forTimeInterval: 0.05)
    }
    #expect(seen == ["a"])
    let error = #expect(throws: JobError.self) { try job.complete() }
    #expect(error?.status == .finished)
  }

  /// Each item is for one of the loops, which end together.
  @Test func workersOfASharedJobShareIt() async throws {
    let scratch = try Scratch()
    let items = (0..<200).map { "i\($0)" }
    let first = try scratch.manager().create("t")
    try first.plan(items)
    try first.start(shared: true)
    let second = try scratch.manager().find(first.id)
    try second.start(shared: true)
    #expect(try second.info().workers == 2)
    let seen = try await withThrowingTaskGroup(of: [String].self) { group in
      for job in [first, second] {
        group.addTask {
          var seen: [String] = []
          for try await item in try job.remaining() {
            seen.append(item)
            try job.itemDone(item)
          }
          try job.complete()
          return seen
        }
      }
      return try await group.reduce(into: [String]()) { $0 += $1 }
    }
    #expect(seen.sorted() == items.sorted())
    #expect(try first.info().status == .completed)
    // The rest comes back from one who leaves.
    let other = try scratch.manager().create("t")
    try other.plan(["a", "b"])
    try other.start(shared: true)
    let leaver = try scratch.manager().find(other.id)
    try leaver.start(shared: true)
    _ = try leaver.next { _ in }
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.1)
      _ = try? leaver.leave()
    }
    var rest: [String] = []
    for item in try other.remaining() {
      rest.append(item)
      try other.itemDone(item)
    }
    #expect(rest == ["b", "a"])
  }

  @Test func aPauseHoldsTheLoop() async throws {
    let (scratch, _, job) = try begin(["a", "b"])
    defer { withExtendedLifetime(scratch) {} }
    let controller = try scratch.manager().find(job.id)
    try controller.pause()
    try await Task.sleep(for: .milliseconds(60))
    async let items = Task.detached { try job.remaining().map { $0 } }.value
    while try !controller.info().isPauseAcknowledged {
      try await Task.sleep(for: .milliseconds(5))
    }
    try controller.resume()
    #expect(try await items == ["a", "b"])
  }

  @Test func theAsyncLoopIsCancelledInAPause() async throws {
    let (scratch, _, job) = try begin(["a", "b"])
    defer { withExtendedLifetime(scratch) {} }
    let controller = try scratch.manager().find(job.id)
    var seen: [String] = []
    for try await item in try job.remaining() { seen.append(item) }
    #expect(seen == ["a", "b"])
    try job.start()
    try controller.pause()
    try await Task.sleep(for: .milliseconds(60))
    let loop = Task {
      var count = 0
      for try await _ in try job.remaining() { count += 1 }
      return count
    }
    while try !controller.info().isPauseAcknowledged {
      try await Task.sleep(for: .milliseconds(5))
    }
    loop.cancel()
    await #expect(throws: CancellationError.self) { try await loop.value }
    try controller.resume()
    try await job.resumed()
    #expect(try job.info().status == .running)
  }

  @Test func resumedThrowsWhenTheJobEnds() async throws {
    let (scratch, _, job) = try begin(["a"])
    defer { withExtendedLifetime(scratch) {} }
    try scratch.manager().find(job.id).cancel()
    let error = await #expect(throws: JobError.self) { try await job.resumed() }
    #expect(error?.status == .finished)
  }
}
