import Testing

@testable import BackgroundJobs

@Suite struct ItemsTests {
  @Test func eachItemHasAStateAndAReason() throws {
    let scratch = try Scratch()
    let job = try scratch.manager().create("t")
    try job.plan(["a", "b", "c"])
    try job.start()
    try job.itemFailed("c", why: "no route")
    try job.itemDone("b")
    let items = [
      JobItem(name: "b", state: .done, why: nil, attempts: 1),
      JobItem(name: "c", state: .failed, why: "no route", attempts: 1),
      JobItem(name: "a", state: .open, why: nil, attempts: 0),
    ]
    let all: [JobItem] = try job.items()
    #expect(all == items)
    #expect(try job.items([.failed, .open]) == Array(items[1...]))
    let other = try scratch.manager { $0.isReadOnly = true }
    #expect(try other.find(job.id).items(.failed) == [items[1]])
  }

  @Test func anItemThatCouldNotBeTakenIsGivenOutAgain() throws {
    let scratch = try Scratch()
    let job = try scratch.manager().create("t")
    try job.plan(["a", "b"])
    try job.start()
    #expect(throws: JobError.self) {
      try job.next { _ throws(JobError) in throw JobError(.noMemory, "no memory") }
    }
    var given: [String] = []
    while let item = try job.next().item { given.append(item) }
    #expect(given.sorted() == ["a", "b"])
  }

  @Test func aSkippedItemHasEnded() throws {
    let scratch = try Scratch()
    let job = try scratch.manager().create("t")
    try job.plan(["a", "b"])
    try job.start()
    try job.itemSkipped("a", why: "already there")
    let skipped = JobItem(name: "a", state: .skipped, why: "already there", attempts: 1)
    #expect(try job.items(.skipped) == [skipped])
    let info = try job.info()
    #expect((info.itemsSkipped, info.itemsCompleted, info.itemsOpen) == (1, 0, 1))
    #expect(info.percentage == 50)
    try job.itemDone("b")
    try job.complete()
    #expect(try !job.info().hasWarnings)
  }
}
