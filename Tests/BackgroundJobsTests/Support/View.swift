import Foundation

@testable import BackgroundJobs

/// What a state directory says, in the order of the state file. It is also the tests' model of what
/// was acknowledged: kept apart from the code, and compared with what a fresh manager finds.
struct View: Equatable, CustomStringConvertible {
  struct Job: Equatable {
    var type: String
    var status = "pending"
    var reason: String?
    /// What the owner said, in order.
    var done: [String] = []
    /// What somebody else said, and so named x: between the two there is no order (PROTOCOL R6).
    var othersDone: [String] = []
    var failed: [String] = []
    var planned: [String] = []
    var current: Int64 = 0
    var total: Int64 = 0
    var currentItem: String?
    var cursor: String?
    var result: String?
    var attempts: Int64 = 1
    var isDetached = false

    mutating func finish(_ item: String) {
      guard !done.contains(item), !othersDone.contains(item) else { return }
      if !failed.contains(item) { current += 1 }
      failed.removeAll { $0 == item }
      planned.removeAll { $0 == item }
      add(item)
      if currentItem == item { currentItem = nil }
    }

    mutating func add(_ item: String) {
      if item.hasPrefix("x") { othersDone.append(item) } else { done.append(item) }
    }

    mutating func fail(_ item: String) {
      guard !done.contains(item), !failed.contains(item) else { return }
      failed.append(item)
      current += 1
      if currentItem == item { currentItem = nil }
    }
  }

  var jobs: [Job] = []
  var activeJobId: String?

  subscript(type: String) -> Job {
    get { jobs.first { $0.type == type } ?? Job(type: type) }
    set {
      if let place = jobs.firstIndex(where: { $0.type == type }) { jobs[place] = newValue }
    }
  }

  mutating func remove(_ type: String) { jobs.removeAll { $0.type == type } }

  /// After the end of every process.
  var dead: View {
    var view = self
    for place in view.jobs.indices
    where view.jobs[place].status == "running" && !view.jobs[place].isDetached {
      view.jobs[place].status = "paused"
      view.jobs[place].reason = "interrupted"
    }
    return view
  }

  var description: String {
    let all = jobs.map { job in
      "\(job.type) \(job.status)/\(job.reason ?? "-") done\(job.done)+\(job.othersDone)"
        + " failed\(job.failed) plan\(job.planned) \(job.current)/\(job.total)"
        + " item \(job.currentItem ?? "-") cursor \(job.cursor ?? "-")"
        + " result \(job.result ?? "-") try \(job.attempts)"
    }
    return "[\(all.joined(separator: "; "))] active \(activeJobId ?? "-")"
  }
}

extension View {
  init(_ scratch: Scratch) throws {
    let manager = try scratch.manager { $0.isReadOnly = true }
    self = try manager.withFiles { store throws(JobError) in try store.view() }
  }
}

extension FileStore {
  func view() throws(JobError) -> View {
    try refresh()
    try foldLogs()
    var view = View()
    view.activeJobId = state.topMembers["activeJobId"]
    for job in try state.jobs() {
      let info = try info(job)
      var seen = View.Job(type: job.type, status: info.status.name, reason: info.reason)
      try job.items.forEachDone { item throws(JobError) in seen.add(string(item)) }
      try? job.items.forEachFailed { _, item throws(JobError) in
        seen.failed.append(string(item))
      }
      try job.items.forEachPlanned { item throws(JobError) in seen.planned.append(string(item)) }
      (seen.current, seen.total) = (info.current, info.total)
      seen.currentItem = info.currentItem
      if job.cursor.count > 0 { seen.cursor = string(job.cursor.bytes) }
      seen.result = job.result
      seen.attempts = job.attempts
      seen.isDetached = job.owner?.isDetached ?? false
      view.jobs.append(seen)
    }
    return view
  }
}

func string(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
