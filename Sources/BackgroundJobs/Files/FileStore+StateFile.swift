import CPosix

// Reading the state file, and what to do when it cannot be read.
extension FileStore {
  /// jansson has no limit of its own, and needs several times the size in memory.
  static let largestFile = FileStream.largest
  /// Other tools write in place: a file that cannot be read may be half written for so long.
  static let writingTime: Int64 = 2_000_000_000

  /// nil: there is none.
  func readWhole(
    _ name: String, in directory: Directory
  ) throws(JobError) -> (bytes: Buffer, stamp: FileStamp)? {
    guard let file = try openForReading(name, in: directory) else { return nil }
    let status = try file.status()
    return (try readWhole(file, status), status.stamp)
  }

  /// What was displaced lies in our own directory, but was put where others may put files.
  private func openForReading(_ name: String, in directory: Directory) throws(JobError) -> File? {
    let isDisplaced = begins(name, with: StateDirectory.outName)
    return try directory.openIfThere(name, O_RDONLY, from: isDisplaced ? places.state : nil)
  }

  private func readWhole(_ file: File, _ status: cposix_file_status) throws(JobError) -> Buffer {
    guard status.is_regular != 0 else {
      throw JobError(.damaged, "\(file.name) is not a regular file")
    }
    guard status.size <= Self.largestFile else {
      throw JobError(.damaged, "\(file.name) has \(status.size) bytes, more than 256 MiB")
    }
    let bytes = Buffer()
    try file.read(Int(status.size), at: 0, into: bytes)
    return bytes
  }

  /// The state where there is no journal: the state file is all there is.
  func readStateFile() throws(JobError) {
    guard let directory = places.state else { return loaded(FileState(), FileStamp()) }
    let name = StateDirectory.fileName
    let deadline = Clock.machine + Self.writingTime
    while true {
      guard let found = try directory.status(name) else { return loaded(FileState(), FileStamp()) }
      if readFrom == found.stamp { return }
      guard let (bytes, stamp) = try readWhole(name, in: directory) else { continue }
      let fault: StateDocument.Fault
      do throws(StateDocument.Fault) {
        let decoded = try StateDocument.decode(bytes.bytes)
        disown(decoded.state)
        if decoded.epoch == nil { decoded.state.hasNeighbours = true }
        return loaded(decoded.state, stamp)
      } catch {
        fault = error
      }
      if isBeingWritten(stamp), Clock.machine < deadline {
        Clock.sleep(milliseconds: 50)
        continue
      }
      let error = StateDocument.describe(fault, directory.path(name))
      guard error.status == .damaged, mends else { throw error }
      if try isSetAside(name, bytes, in: directory) { return loaded(FileState(), stamp) }
      let aside = asideName(name)
      try copy(name, to: aside, in: directory)
      throw JobError(
        .damaged, "\(error.message); a copy is in \(aside), the next call goes on without it")
    }
  }

  private func loaded(_ state: FileState, _ stamp: FileStamp) {
    guard readFrom != stamp else { return }
    take(state)
    readFrom = stamp
  }

  func isBeingWritten(_ stamp: FileStamp) -> Bool {
    let age = cposix_realtime() &- stamp.modified
    return age >= 0 && age < Self.writingTime
  }

  /// The journal is gone: whoever ran the jobs runs them no more. What their logs say still counts.
  private func disown(_ state: FileState) {
    for job in state.known where job.owner != nil {
      try? foldLog(job)
      let moment = Moment(seq: state.seq, time: job.updated ?? 0)
      for log in job.logs where job.isShared { try? job.apply(job.leaving(log.number), at: moment) }
      if job.owner != nil { try? job.apply(.left(why: nil), at: moment) }
    }
  }

  /// Whether this very content was set aside, and so reported, before.
  private func isSetAside(
    _ name: String, _ bytes: Buffer, in directory: Directory
  ) throws(JobError) -> Bool {
    for other in try directory.names() where begins(other, with: Message("\(name).corrupt-").text) {
      guard let (copy, _) = try? readWhole(other, in: directory) else { continue }
      if copy.bytes.elementsEqual(bytes.bytes) { return true }
    }
    return false
  }

  /// Sets aside what is there now; whoever may read the copy may read what it is a copy of.
  func copy(_ name: String, to aside: String, in directory: Directory) throws(JobError) {
    guard let original = try openForReading(name, in: directory) else {
      throw .system(ENOENT, "copy", directory.path(name))
    }
    let status = try original.status()
    let bytes = try readWhole(original, status)
    let file = try places.create(aside, in: directory)
    do throws(JobError) {
      try file.keepAccess(of: status, try file.status())
      try file.write(bytes.bytes, at: 0, limit: cposix_file_size_limit())
      try file.sync()
    } catch {
      try? directory.unlink(aside)
      throw error
    }
    try directory.sync()
  }
}

extension StateDocument {
  static func describe(_ fault: Fault, _ path: String) -> JobError {
    switch fault {
    case .syntax(let at):
      JobError(
        .damaged, "\(path): line \(at.line), column \(at.column), byte \(at.byte): \(at.text)")
    case .shape(let what): JobError(.damaged, "\(path): line 1, byte 0: \(what)")
    case .other(let error): error
    }
  }
}
