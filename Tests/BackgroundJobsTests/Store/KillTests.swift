import CPosix
import Foundation
import Testing

@testable import BackgroundJobs

/// Every process is killed before every operation that changes a file: what was acknowledged is
/// there, the call that was under way happened or did not, and the work goes on.
@Suite struct KillTests {
  /// What the disk was before an operation, and what had been acknowledged.
  private struct Moment {
    var what: String
    var disk: Scratch
    var views: [View]
  }

  @Test(arguments: Script.all)
  func everyMomentIsAPrefix(_ script: Script) throws {
    #expect(try play(script) { _ in true } > 5)
  }

  @Test func theJournalIsReplacedAtAnyMoment() throws {
    let almostFull = 16_000
    let count = try play(.long) { scratch in
      var status = stat()
      return stat(scratch.journal, &status) == 0 && status.st_size > almostFull
    }
    #expect(count > 5)
  }

  /// Checks every moment that is of interest; gives how many there were.
  private func play(_ script: Script, _ isOfInterest: @escaping (Scratch) -> Bool) throws -> Int {
    let scratch = try Scratch()
    let (cast, first) = try script.begin(scratch)
    var view = first
    var count = 0
    for step in script.steps {
      var (after, between) = (view, view)
      step.effect(&after)
      step.partly?(&between)
      let views = [view.dead, between.dead, after.dead]
      let hook = Faults.Hook { operation, name in
        guard operation.isChange, isOfInterest(scratch) else { return nil }
        count += 1
        let what = "\(script.name), \(step.name), before \(operation) \(name.suffix(30))"
        failing(what) { try check(Moment(what: what, disk: try scratch.copy(), views: views)) }
        return nil
      }
      try Faults.with(hook, in: scratch) { try step.run(cast) }
      view = after
    }
    let end = Moment(what: "\(script.name), end", disk: try scratch.copy(), views: [view.dead])
    try check(end)
    return count
  }

  private func failing(_ what: String, _ body: () throws -> Void) {
    do { try body() } catch { Issue.record("\(what): \(error)") }
  }

  private func check(_ moment: Moment) throws {
    #expect(moment.disk.hasWholeStateFile, "\(moment.what)")
    let found = try View(moment.disk)
    #expect(moment.views.contains(found), "\(moment.what): \(found), not \(moment.views)")
    try goOn(moment, from: found)
  }

  /// Somebody else finds the dead owner's job, finishes it, and everyone sees that.
  private func goOn(_ moment: Moment, from found: View) throws {
    var wanted = found
    let manager = try moment.disk.manager()
    #expect(try manager.check().firstFinding == nil, "\(moment.what)")
    for info in try manager.list([.pending, .paused]) {
      let job = try manager.find(info.id)
      if info.reason == "asked" || info.reason == "rate-limit" { _ = try job.resume() }
      try job.start()
      try job.done("last")
      _ = try job.complete()
      wanted[info.type].finish("last")
      wanted[info.type].status = "completed"
      wanted[info.type].reason = nil
      wanted[info.type].currentItem = nil
    }
    try manager.sync()
    try manager.close()
    #expect(try View(moment.disk) == wanted, "\(moment.what)")
    let published = try moment.disk.publishedItems()
    for job in wanted.jobs {
      let owners = published[job.type]?.filter { !$0.hasPrefix("x") }
      #expect(owners == job.done, "\(moment.what)")
    }
  }
}

extension Scratch {
  /// `itemsCompleted` by type, as any other tool reads them.
  func publishedItems() throws -> [String: [String]] {
    guard FileManager.default.fileExists(atPath: stateFile) else { return [:] }
    var items: [String: [String]] = [:]
    for job in try stateObject()["jobs"] as? [[String: Any]] ?? [] {
      let progress = job["progress"] as? [String: Any]
      items[job["type"] as? String ?? ""] = progress?["itemsCompleted"] as? [String]
    }
    return items
  }
}
