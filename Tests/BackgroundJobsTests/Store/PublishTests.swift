import Foundation
import Testing

@testable import BackgroundJobs

/// What other tools write into the state file while we publish it.
@Suite struct PublishTests {
  /// Behind our last look at the file and before it is exchanged: the displaced file is read again.
  @Test func anEditInTheLastMomentIsKept() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone-repos")
    try manager.sync()
    nonisolated(unsafe) var edits = 0
    let hook = Faults.Hook(operation: { operation, name in
      guard operation == .rename, name.hasSuffix("background-jobs.json"), edits == 0 else {
        return nil
      }
      edits += 1
      var object = try? scratch.stateObject()
      object?["note"] = "theirs"
      let data = object.flatMap { try? JSONSerialization.data(withJSONObject: $0) }
      try? data?.write(to: URL(fileURLWithPath: scratch.stateFile))
      return nil
    })
    try Faults.with(hook, in: scratch) {
      try job.start()
      try manager.sync()
    }
    #expect(edits == 1)
    let object = try scratch.stateObject()
    #expect(object["note"] as? String == "theirs")
    let jobs = try #require(object["jobs"] as? [[String: Any]])
    #expect(jobs.first?["status"] as? String == "running")
  }

  /// A writer that opened the file before it was displaced, and writes into it afterwards.
  @Test func aLateWriteIntoTheDisplacedFileIsKept() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone-repos")
    try manager.sync()
    let late = try #require(FileHandle(forUpdatingAtPath: scratch.stateFile))
    var object = try scratch.stateObject()
    object["note"] = "late"
    // Published once: the file that `late` has open stays until the next time.
    try job.start()
    #expect(try scratch.stateObject()["note"] == nil)
    try late.truncate(atOffset: 0)
    try late.write(contentsOf: JSONSerialization.data(withJSONObject: object))
    try late.close()
    try job.complete()
    try manager.sync()
    #expect(try scratch.stateObject()["note"] as? String == "late")
    #expect(try job.info().status == .completed)
  }
}

/// Where the output of a job's commands goes.
@Suite struct OutputDirectoryTests {
  @Test func itGoesWithTheJob() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let (kept, gone) = (try manager.create("a"), try manager.create("b"))
    let paths = try [kept, gone].map { try $0.output().path }
    for path in paths { try writeBytes([1], at: "\(path)/output.log") }
    #expect(try gone.output().path == paths[1])
    try gone.complete()
    #expect(try manager.cleanup(keep: 0) == 1)
    #expect(FileManager.default.fileExists(atPath: "\(paths[0])/output.log"))
    #expect(!FileManager.default.fileExists(atPath: paths[1]))
  }
}
