import Foundation
import Testing

@testable import BackgroundJobs

/// Two managers on one directory: `a` owns jobs, `b` is somebody else.
final class Cast {
  let scratch: Scratch
  private(set) var a: JobManager
  private(set) var b: JobManager
  private var ids: [String: String] = [:]
  private var handles: [String: Job] = [:]

  init(_ scratch: Scratch, keepCompleted: Int? = nil) throws {
    self.scratch = scratch
    a = try scratch.manager {
      ($0.keepCompleted, $0.keepFor) = (keepCompleted, 0)
    }
    b = try scratch.manager()
  }

  func create(_ type: String, total: Int64 = 0) throws(JobError) {
    ids[type] = try a.create(type, total: total).id
  }

  func a(_ type: String) throws(JobError) -> Job { try handle("a", type, a) }
  func b(_ type: String) throws(JobError) -> Job { try handle("b", type, b) }

  private func handle(_ who: String, _ type: String, _ manager: JobManager) throws(JobError) -> Job
  {
    if let job = handles[who + type] { return job }
    // A creation that gave an error may have happened all the same.
    if ids[type] == nil { ids[type] = try manager.list(type: type).first?.id }
    let job = try manager.find(ids[type] ?? "none")
    handles[who + type] = job
    return job
  }

  /// The next report looks at what others did, however soon it comes.
  func lookAgain() throws(JobError) {
    try a.withFiles { store throws(JobError) in for log in store.logs.owned { log.lastLook = 0 } }
  }

  /// `a` is killed: its locks are gone, and nothing was said.
  func kill() throws {
    let logs = try a.withFiles { store throws(JobError) in store.logs.owned.map(\.number).sorted() }
    handles = handles.filter { !$0.key.hasPrefix("a") }
    a = try scratch.manager()
    for log in logs { try Locks.waitUntilFree("\(scratch.files)/\(LogFormat.name(log))") }
  }

  func compact() throws(JobError) {
    try a.withFiles { store throws(JobError) in
      try store.transact { () throws(JobError) in try store.compact() }
    }
  }

  /// Another tool's edit, whole and in place.
  func edit(_ change: (inout [String: Any]) -> Void) throws {
    var object = try scratch.stateObject()
    change(&object)
    let data = try JSONSerialization.data(withJSONObject: object)
    try data.write(to: URL(fileURLWithPath: scratch.stateFile))
  }
}

/// A call and what it means once it is acknowledged.
struct Step: Sendable {
  let name: String
  let run: @Sendable (Cast) throws -> Void
  let effect: @Sendable (inout View) -> Void
  /// What a kill may leave besides all of it and nothing: housekeeping is done after the call's own
  /// work, and may fail without it.
  let partly: (@Sendable (inout View) -> Void)?

  init(
    _ name: String, _ run: @escaping @Sendable (Cast) throws -> Void,
    means effect: @escaping @Sendable (inout View) -> Void = { _ in },
    partly: (@Sendable (inout View) -> Void)? = nil
  ) {
    (self.name, self.run, self.effect, self.partly) = (name, run, effect, partly)
  }
}

struct Script: Sendable, CustomTestStringConvertible {
  let name: String
  /// Done before anything fails.
  var prelude: [Step] = []
  let steps: [Step]
  var keepCompleted: Int?
  var testDescription: String { name }

  func begin(_ scratch: Scratch) throws -> (Cast, View) {
    let cast = try Cast(scratch, keepCompleted: keepCompleted)
    var view = View()
    for step in prelude {
      try step.run(cast)
      step.effect(&view)
    }
    return (cast, view)
  }
}
