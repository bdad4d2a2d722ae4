import CPosix
import Foundation
import Testing

@testable import BackgroundJobs

/// Every file operation fails, one at a time. What was acknowledged stays, a call that gave an
/// error changed nothing, and the manager goes on.
@Suite struct FaultTests {
  enum Mode: CaseIterable {
    /// One operation of any kind gives EIO.
    case broken
    /// From one write on none succeeds, until the call is over.
    case full
    /// From one change or sync on nothing works, until the call is over: not even undoing.
    case dead
    /// The same of the contents of files only: names can be changed.
    case stuck
    /// One write writes half, and the next one of that call nothing.
    case short

    /// Nothing can be undone.
    var isLasting: Bool { self == .dead || self == .stuck }
  }

  @Test(arguments: Script.all, Mode.allCases)
  func everyFault(_ script: Script, _ mode: Mode) throws {
    var place = 0
    while try playScript(script, mode, failingAt: place) { place += 1 }
    #expect(place > 3)
  }

  /// A directory that was not writable for a while: no handle remembers that.
  @Test(arguments: [EACCES, EROFS])
  func aManagerWritesAgainWhenItMay(_ errno: Int32) throws {
    let scratch = try Scratch()
    _ = try JobManager(project: scratch.path).create("before")
    var isWritable = false
    var opened = 0
    let hook = Faults.Hook(operation: { operation, name in
      guard operation == .open, name.hasSuffix("/journal"), !isWritable else { return nil }
      // The second is for reading.
      opened += 1
      return opened == 2 ? nil : errno
    })
    try Faults.with(hook, in: scratch) {
      let manager = try JobManager(project: scratch.path)
      for _ in 0..<3 {
        let error = #expect(throws: JobError.self) { try manager.create("now") }
        #expect(error?.osError == errno)
      }
      isWritable = true
      _ = try manager.create("after")
      #expect(try manager.list().map(\.type) == ["before", "after"])
    }
  }

  /// With a second name it would have a link left when it is replaced: its owners would take that
  /// for a directory that was moved. A sync of the directory can take long, and others work then.
  @Test func theFirstJournalHasOneNameBeforeItsSync() throws {
    let scratch = try Scratch()
    var links: [UInt] = []
    let hook = Faults.Hook(operation: { operation, _ in
      var status = stat()
      guard operation == .sync, stat(scratch.journal, &status) == 0 else { return nil }
      links.append(UInt(status.st_nlink))
      return nil
    })
    try Faults.with(hook, in: scratch) {
      _ = try JobManager(project: scratch.path).create("job")
    }
    #expect(!links.isEmpty)
    #expect(links.allSatisfy { $0 == 1 }, "\(links)")
  }

  /// Another process has compacted twice: this one begins at the snapshot again, and cannot read it.
  /// The job is not gone for that.
  @Test func aReportReadsAgainWhatALookCouldNot() throws {
    var place = 0
    var isHit = true
    while isHit {
      let scratch = try Scratch()
      let manager = try JobManager(project: scratch.path)
      let job = try manager.create("job")
      _ = try job.startDetached()
      try replaceJournal(scratch, times: 2)
      var left = place
      isHit = false
      let hook = Faults.Hook(operation: { operation, name in
        guard [.open, .read, .stat].contains(operation), !isHit else { return nil }
        left -= 1
        isHit = left < 0
        return isHit ? EIO : nil
      })
      let error = failure { try Faults.with(hook, in: scratch) { _ = try job.itemDone("a") } }
      #expect(error == nil || error?.hasPrefix("io:") == true, "\(place): \(error ?? "")")
      let again = failure {
        if place % 2 == 0 { _ = job.isDone("b") }
        _ = try job.itemDone("b")
      }
      #expect(again == nil, "\(place): \(again ?? "")")
      place += 1
    }
    #expect(place > 5)
  }

  private func replaceJournal(_ scratch: Scratch, times: Int) throws {
    let manager = try JobManager(project: scratch.path)
    let job = try manager.create("other")
    let padding = String(repeating: "y", count: 20_000)
    var last: UInt?
    var changes = -1
    for number in 0..<1000 where changes < times {
      _ = try job.setConfig("{\"number\": \(number), \"padding\": \"\(padding)\"}")
      var status = stat()
      #expect(stat(scratch.journal, &status) == 0)
      if status.st_ino != last { changes += 1 }
      last = status.st_ino
    }
    #expect(changes == times)
  }

  /// false: there are not that many operations.
  private func playScript(_ script: Script, _ mode: Mode, failingAt place: Int) throws -> Bool {
    let scratch = try Scratch()
    var (cast, view) = try script.begin(scratch)
    let trigger = Trigger(mode, place)
    for step in script.steps {
      let wasHit = trigger.isHit
      let before = view
      trigger.isOver = wasHit
      let error = failure { try Faults.with(trigger.hook, in: scratch) { try step.run(cast) } }
      if error == nil { step.effect(&view) }
      guard trigger.isHit, !wasHit else {
        #expect(error == nil, "\(script.name), \(step.name): \(trigger.what)")
        if error != nil { return true }
        continue
      }
      let what = "\(script.name), \(step.name): \(mode) \(trigger.what), then \(error ?? "OK")"
      let disk = try scratch.copy()
      #expect(disk.hasWholeStateFile, "\(what)")
      let found = try View(disk)
      #expect(try disk.manager().check().firstFinding == nil, "\(what)")
      var after = before
      step.effect(&after)
      // What could not be undone may have happened: nobody can know then.
      let mayBe = mode.isLasting && error != nil && after.dead != before.dead
      if mayBe, found == after.dead { view = after }
      if mayBe || error == nil, let partly = step.partly {
        var between = before
        partly(&between)
        if found == between.dead { view = between }
      }
      #expect(found == view.dead, "\(what)")
      guard error != nil, view == before else { continue }
      // A call that was not acknowledged is made again.
      if let again = failure({ try step.run(cast) }) {
        if mode.isLasting, after.dead == before.dead, again.contains("illegalTransition") {
          view = after
          continue
        }
        // A descriptor that cannot be looked at any more is given up.
        if trigger.operation == .stat, again.contains("close it and open another") { return true }
        Issue.record("\(what): again: \(again)")
        return true
      }
      view = after
    }
    guard trigger.isHit else { return false }
    let end = "\(script.name): \(mode) \(trigger.what)"
    #expect(try View(try scratch.copy()) == view.dead, "\(end)")
    if let error = failure({ try cast.a.close() }) { Issue.record("\(end): close: \(error)") }
    #expect(scratch.hasWholeStateFile, "\(end)")
    return true
  }

  private func failure(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch let error as JobError {
      return "\(error.status): \(error.message.suffix(60))"
    } catch {
      return "\(error)"
    }
  }

  /// Counts operations, and fails the one that it is meant for.
  private final class Trigger {
    let mode: Mode
    private var left: Int
    private(set) var isHit = false
    private(set) var what = ""
    private(set) var operation = FileOperation.open
    var isOver = false
    private var isFull = false

    init(_ mode: Mode, _ place: Int) { (self.mode, left) = (mode, place) }

    private func counts(_ operation: FileOperation, _ name: String) -> Bool {
      guard !isHit else { return false }
      left -= 1
      guard left < 0 else { return false }
      isHit = true
      self.operation = operation
      what = "\(operation) \(name.suffix(24))"
      return true
    }

    var hook: Faults.Hook {
      switch mode {
      case .broken:
        Faults.Hook { [self] operation, name in counts(operation, name) ? EIO : nil }
      case .dead:
        Faults.Hook { [self] operation, name in
          guard !isOver, isHit || operation.isChange || operation == .sync else { return nil }
          return isHit || counts(operation, name) ? EIO : nil
        }
      case .stuck:
        Faults.Hook { [self] operation, name in
          guard !isOver, [.write, .truncate, .sync].contains(operation) else { return nil }
          return isHit || counts(operation, name) ? EIO : nil
        }
      case .full:
        Faults.Hook { [self] operation, name in
          guard operation == .write, !isOver else { return nil }
          return isHit || counts(operation, name) ? ENOSPC : nil
        }
      case .short:
        Faults.Hook(
          operation: { [self] operation, _ in
            defer { if operation == .write { isFull = false } }
            return operation == .write && isFull ? ENOSPC : nil
          },
          write: { [self] count, name in
            guard counts(.write, name) else { return count }
            isFull = true
            return count / 2
          })
      }
    }
  }
}
