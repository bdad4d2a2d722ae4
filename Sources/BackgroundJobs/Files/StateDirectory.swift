import CPosix

/// The places on disk (PROTOCOL R10). They are made with the first change: reading makes nothing.
final class StateDirectory {
  static let fileName = "background-jobs.json"
  static let outName = "out"
  private static let privateName = "background-jobs.d"
  private static let outputName = "jobs"

  private let project: Directory
  private let acceptsAnyFileSystem: Bool
  private let user = geteuid()
  private let group = getegid()
  /// `.specweave/state`.
  private(set) var state: Directory?
  /// `background-jobs.d` in it.
  private(set) var files: Directory?

  private init(_ project: Directory, acceptsAnyFileSystem: Bool) {
    self.project = project
    self.acceptsAnyFileSystem = acceptsAnyFileSystem
  }

  /// No initialiser: Embedded Swift leaks the object whose initialiser throws.
  static func open(
    project path: String, acceptsAnyFileSystem: Bool
  ) throws(JobError) -> StateDirectory {
    let project: Directory
    do throws(JobError) { project = try Directory.open(path: path) } catch {
      guard error.osError == ENOENT || error.osError == ENOTDIR else { throw error }
      throw JobError(.notFound, "there is no directory \(path)", osError: error.osError)
    }
    let places = StateDirectory(project, acceptsAnyFileSystem: acceptsAnyFileSystem)
    try places.checkFileSystem(project)
    return places
  }

  /// Where the state file is, for messages.
  var statePath: String { project.path(".specweave/state") }

  /// Opens what is there.
  func find() throws(JobError) {
    if state == nil, let parent = try directory(project, ".specweave"),
      let found = try directory(parent, "state")
    {
      try checkFileSystem(found)
      state = found
    }
    if files == nil, let state, let found = try directory(state, Self.privateName) {
      try checkPrivate(found)
      files = found
    }
  }

  /// By its whole path: a directory that was moved away is not ours any more.
  func journalStatus() throws(JobError) -> cposix_file_status? {
    try project.status(".specweave/state/background-jobs.d/journal")
  }

  /// The host closed our descriptors.
  func abandon() {
    for directory in [files, state, project] { directory?.file.abandon() }
  }

  /// `background-jobs.d` was deleted, or replaced: look again.
  func forget() {
    files = nil
    state = nil
  }

  func make() throws(JobError) -> (state: Directory, files: Directory) {
    try find()
    if let state, let files {
      try ignore(in: state, mode: 0o644)
      return (state, files)
    }
    let parent = try make(".specweave", in: project, mode: 0o755)
    let made = try make("state", in: parent, mode: 0o755)
    let files = try make(Self.privateName, in: made, mode: 0o700)
    try checkPrivate(files)
    try ignore(in: made, mode: 0o644)
    try ignore(in: files, mode: 0o600)
    for directory in [made, parent, project] { try directory.sync() }
    (state, self.files) = (made, files)
    return (made, files)
  }

  /// Git leaves alone what is in there, unless somebody has said otherwise.
  private func ignore(in directory: Directory, mode: mode_t) throws(JobError) {
    let flags = O_WRONLY | O_CREAT | O_EXCL
    guard let file = try? directory.open(".gitignore", flags, mode: mode) else { return }
    try takeOver(file, like: directory.file)
    let text: StaticString = "*\n"
    try? file.write(
      UnsafeRawBufferPointer(start: text.utf8Start, count: 2), at: 0,
      limit: cposix_file_size_limit())
  }

  /// `jobs/<number>`, where the output of one job's commands goes.
  func makeOutputDirectory(_ number: UInt64) throws(JobError) -> Directory {
    let all = try make(Self.outputName, in: try make().files, mode: 0o700)
    return try make(Message("\(number)").text, in: all, mode: 0o700)
  }

  /// Makes it if it is missing.
  func make(
    _ name: String, in parent: Directory, mode: mode_t
  ) throws(JobError) -> Directory {
    let isNew = try parent.makeDirectory(name, mode: mode)
    let made = try parent.openDirectory(name)
    // Somebody may have put another of root's there, and would get it with all that is in it, and all
    // that will be. An empty one has two names: "." and "..".
    guard user == 0, isNew, try made.names().count <= 2 else { return made }
    try takeOver(made.file, like: parent.file)
    return try parent.openDirectory(name)
  }

  /// Deletes the output of jobs that are no more. What cannot be deleted stays.
  func removeOutput(except numbers: [UInt64]) {
    guard let all = try? files?.openDirectory(Self.outputName),
      let names = try? all.names()
    else { return }
    for name in names {
      guard let number = wholeNumber(name).flatMap({ UInt64(exactly: $0) }),
        !numbers.contains(number),
        let one = try? all.openDirectory(name)
      else { continue }
      for entry in (try? one.names()) ?? [] { try? one.unlink(entry) }
      try? all.removeDirectory(name)
    }
  }

  /// A new file of ours, which gets its directory's owner: `sudo` must not lock the owner out.
  func create(
    _ name: String, in directory: Directory, mode: mode_t = 0o600, isBrief: Bool = false
  ) throws(JobError) -> File {
    let flags = O_RDWR | O_CREAT | O_EXCL
    let file: File
    do throws(JobError) {
      file = try directory.open(name, flags, mode: mode, isBrief: isBrief)
    } catch {
      guard error.osError == EEXIST else { throw error }
      try directory.unlink(name)
      file = try directory.open(name, flags, mode: mode, isBrief: isBrief)
    }
    try takeOver(file, like: directory.file)
    return file
  }

  private func takeOver(_ file: File, like model: File) throws(JobError) {
    guard user == 0 else { return }
    let wanted = try model.status()
    // As a new file of root's is.
    if wanted.owner == 0, wanted.group == group { return }
    let now = try file.status()
    guard now.owner == user, now.owner != wanted.owner || now.group != wanted.group else { return }
    _ = try posix(.change, file.name) { Int(fchown(file.descriptor, wanted.owner, wanted.group)) }
  }

  /// nil when there is none.
  func directory(
    _ parent: Directory, _ name: String
  ) throws(JobError) -> Directory? {
    do throws(JobError) { return try parent.openDirectory(name) } catch {
      if error.osError == ENOENT { return nil }
      throw error
    }
  }

  /// Only its owner, and root, may write where our truth is.
  private func checkPrivate(_ directory: Directory) throws(JobError) {
    let status = try directory.file.status()
    guard status.owner == user || user == 0 else {
      throw JobError(
        .io, "\(directory.name) belongs to user \(status.owner), not to \(user)", osError: EPERM)
    }
    guard status.mode & 0o022 == 0 else {
      throw JobError(
        .io, "others may write to \(directory.name); chmod go-w it", osError: EPERM)
    }
  }

  /// Where open file description locks, renames and fdatasync do what PROTOCOL relies on.
  private func checkFileSystem(_ directory: Directory) throws(JobError) {
    guard !acceptsAnyFileSystem else { return }
    var magic: UInt64 = 0
    _ = try posix(.stat, directory.name) {
      Int(cposix_file_system(directory.file.descriptor, &magic))
    }
    switch magic {
    case 0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010, 0x2fc1_2fc1, 0x794c_7630:
      return
    default:
      throw JobError(
        .unsupported,
        "\(directory.name) is on a file system that is not known to keep its promises (type 0x"
          + "\(hex(magic, digits: 8))); opening has an option \"any file system\" to accept it")
    }
  }
}
