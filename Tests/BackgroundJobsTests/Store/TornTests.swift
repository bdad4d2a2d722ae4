import Foundation
import Testing

@testable import BackgroundJobs

/// Files that are cut off or rotten. A cut tail is what a kill or a power cut leaves: the prefix
/// counts. Damage in the middle is reported, set aside, and mended from what else is there.
@Suite struct TornTests {
  private static let items = (0..<8).map { "item-\($0)" }

  /// A job of a dead owner, or of none; `sizes`: how long `file` was when each item was
  /// acknowledged.
  private struct Case {
    var disk: Scratch
    var file: String
    var sizes: [Int] = []

    func cut(at size: Int, keepsStateFile: Bool) throws -> Scratch {
      let copy = try disk.copy()
      let path = copy.path + file
      try writeBytes(try readBytes(at: path).prefix(size), at: path)
      if !keepsStateFile {
        try? FileManager.default.removeItem(atPath: copy.stateFile)
        try? FileManager.default.removeItem(atPath: copy.files + "/out")
      }
      return copy
    }

    func flip(at place: Int) throws -> Scratch {
      let copy = try disk.copy()
      let path = copy.path + file
      var bytes = try readBytes(at: path)
      bytes[place] ^= 0x10
      try writeBytes(bytes, at: path)
      return copy
    }
  }

  private enum Kind: CaseIterable { case journal, log }

  private func build(_ kind: Kind) throws -> Case {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    if kind == .journal { _ = try job.startDetached() } else { try job.start() }
    let path = kind == .journal ? scratch.journal : try #require(try scratch.logs().first)
    var found = Case(disk: scratch, file: String(path.dropFirst(scratch.path.count)))
    for item in Self.items {
      try job.done(item)
      found.sizes.append(try readBytes(at: path).count)
    }
    try manager.sync()
    found.disk = try scratch.copy()
    return found
  }

  private func items(_ disk: Scratch) throws -> [String] { try View(disk)["clone"].done }

  @Test(arguments: Kind.allCases)
  private func everyCutLeavesAPrefix(_ kind: Kind) throws {
    let built = try build(kind)
    let first = built.sizes[3]
    for size in first...built.sizes[7] {
      let disk = try built.cut(at: size, keepsStateFile: false)
      let found = try items(disk)
      #expect(found == Array(Self.items.prefix(found.count)), "cut at \(size)")
      let atLeast = built.sizes.filter { $0 <= size }.count
      #expect(found.count >= atLeast && found.count <= atLeast + 1, "cut at \(size): \(found)")
      let manager = try disk.manager()
      let job = try manager.find(try manager.list()[0].id)
      if try job.info().status == .paused { try job.start() }
      try job.done("after")
      try manager.close()
      #expect(try items(disk) == found + ["after"], "cut at \(size)")
      #expect(try manager.reopened(disk).check().firstFinding == nil)
    }
  }

  /// PROTOCOL R2: a power cut may leave a hole, and sound records behind it. They were never
  /// acknowledged together with what the hole took, and must not come back behind the next record.
  @Test func whatIsBehindAHoleStaysGone() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("clone")
    _ = try job.startDetached()
    try onlyAppend(manager)
    var sizes: [Int] = []
    for item in Self.items {
      try job.done(item)
      sizes.append(try readBytes(at: scratch.journal).count)
    }
    let built = Case(disk: scratch, file: String(scratch.journal.dropFirst(scratch.path.count)))
    for hole in 3..<7 {
      let disk = try built.flip(at: sizes[hole - 1] + Record.headerSize + 2)
      let left = Array(Self.items.prefix(hole))
      try #expect(items(disk) == left)
      let next = try disk.manager()
      try #expect(next.check().firstFinding == nil)
      try onlyAppend(next)
      for item in ["next-0", "next-1"] {
        try next.find(next.list()[0].id).done(item)
        try #expect(items(disk) == left + (item == "next-0" ? ["next-0"] : ["next-0", "next-1"]))
      }
    }
  }

  /// So in a log; but in the boot of its owner there was no power cut.
  @Test(arguments: [true, false])
  func aHoleIsDamageInTheSameBoot(_ isSame: Bool) throws {
    let built = try build(.log)
    let disk = try built.cut(at: built.sizes[7], keepsStateFile: false)
    let path = disk.path + built.file
    var bytes = try readBytes(at: path)
    bytes[built.sizes[3] + LogFormat.recordHeader + 2] ^= 1
    try writeBytes(bytes, at: path)
    if !isSame {
      let header = try #require(try LogFormat.decode(try File.open(path: path)))
      var owner = header.owner
      owner.boot ^= 1
      let encoded = try LogFormat.encode(
        LogFormat.Header(
          epoch: header.epoch, salt: header.salt, number: header.number, owner: owner,
          base: header.base, job: header.job))
      bytes.replaceSubrange(..<encoded.count, with: encoded.bytes)
      try writeBytes(bytes, at: path)
    }
    try #expect(items(disk) == Array(Self.items.prefix(4)))
    let finding = try disk.manager().check().firstFinding
    #expect((finding != nil) == isSame, "\(finding ?? "")")
  }

  /// Neither syncs nor publishes, so that records of reports follow each other.
  private func onlyAppend(_ manager: JobManager) throws {
    try manager.withFiles { store throws(JobError) in
      store.syncThrottle = Throttle(burst: 0, interval: .max)
      store.debt.postpone(.progress, to: .max)
    }
  }

  /// What was published is known to have been there.
  @Test(arguments: Kind.allCases)
  private func theStateFileGivesBackWhatACutTook(_ kind: Kind) throws {
    let built = try build(kind)
    for size in stride(from: built.sizes[3], to: built.sizes[7], by: 5) {
      let disk = try built.cut(at: size, keepsStateFile: true)
      try mend(disk, "cut at \(size)")
      let now = try items(disk)
      #expect(now == Self.items, "cut at \(size): \(now)")
    }
  }

  @Test(arguments: Kind.allCases)
  private func everyRottenByteIsMended(_ kind: Kind) throws {
    let built = try build(kind)
    let size = try readBytes(at: built.disk.path + built.file).count
    for place in stride(from: 0, to: size, by: 1) {
      // Another version is left alone; the holder's text is for people, and no part of the truth.
      if kind == .journal, (8..<12).contains(place) || (48..<128).contains(place) { continue }
      let disk = try built.flip(at: place)
      try mend(disk, "byte \(place)")
      #expect(try items(disk) == Self.items, "byte \(place)")
    }
  }

  /// Opens it as often as a person would try, and works on.
  private func mend(_ disk: Scratch, _ what: String) throws {
    var last: (any Error)?
    for _ in 0..<3 {
      do {
        let manager = try disk.manager()
        for info in try manager.list([.paused]) { try manager.find(info.id).start() }
        try manager.close()
        #expect(disk.hasWholeStateFile, "\(what)")
        return
      } catch {
        last = error
      }
    }
    Issue.record("\(what): \(last.map { "\($0)" } ?? "")")
  }
}

extension JobManager {
  func reopened(_ scratch: Scratch) throws -> JobManager {
    try? close()
    return try scratch.manager()
  }
}
