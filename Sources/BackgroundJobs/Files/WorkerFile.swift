import CPosix

/// `state/jobs/<id>/worker.pid`: where tools of this format look whether a running job has a live
/// worker. One that is missing, or names a dead process, makes them fail the job. It is information
/// for them, never for us, and nothing fails because of it.
struct WorkerFile {
  private static let parent = "jobs"
  private static let name = "worker.pid"
  private static let newName = "worker.pid.new"

  private let places: StateDirectory
  private let id: String

  /// nil: an id of another tool's that is no name of a directory.
  init?(_ places: StateDirectory, _ id: String) {
    guard Self.isName(id) else { return nil }
    (self.places, self.id) = (places, id)
  }

  private static func isName(_ id: String) -> Bool {
    var id = id
    return id.withUTF8 { bytes in
      let isDots = bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: ".") }
      return !isDots && bytes.count <= 200
        && bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7f }
    }
  }

  /// Whole at every moment.
  func write(pid: Int64) throws(JobError) {
    guard let state = places.state else { return }
    let all = try places.make(Self.parent, in: state, mode: 0o755)
    let mine = try places.make(id, in: all, mode: 0o755)
    let text = Buffer()
    text.append(Message("\(pid)").text)
    try text.requireWhole()
    let file = try places.create(Self.newName, in: mine, mode: 0o644, isBrief: true)
    try file.write(text.bytes, at: 0, limit: cposix_file_size_limit())
    try mine.rename(Self.newName, to: Self.name)
  }

  /// Unless it is about another process by now. What other tools have put beside it stays.
  func remove(pid: Int64) throws(JobError) {
    guard let state = places.state,
      let all = try places.directory(state, Self.parent),
      let mine = try places.directory(all, id),
      let file = try mine.openIfThere(Self.name, O_RDONLY)
    else { return }
    let text = Buffer()
    try file.read(32, at: 0, into: text)
    guard String(bytes: text.bytes).bytes == Message("\(pid)").text.bytes else { return }
    try mine.unlink(Self.name)
    try? all.removeDirectory(id)
  }
}

extension FileStore {
  /// 0: nobody's.
  @inline(never)
  func ownerPid(of id: String?) -> Int64 {
    guard let id else { return 0 }
    return state.known(id)?.owner?.process.pid ?? 0
  }

  /// What the changes just made mean for the file of this job. `before`: its owner before them.
  func keepWorkerFile(of id: String?, was before: Int64) {
    let now = ownerPid(of: id)
    guard now != before, let id, let file = WorkerFile(places, id) else { return }
    if now != 0 { try? file.write(pid: now) } else { try? file.remove(pid: before) }
  }
}
