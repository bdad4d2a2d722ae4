/// Where jobs are kept: the one seam between what hosts ask for and how it is stored.
///
/// Its verbs are those of hosts. Whatever stands above it names no file, no lock and no log. Time and
/// who lives belong to the storage. One at a time may call it: the manager's mutex sees to that.
enum Storage {
  /// A directory, for the processes of one machine.
  case files(FileStore)
  #if MEMORY_STORAGE
    /// This process alone: for tests of everything else.
    case memory(MemoryStore)
  #endif

  static func open(
    project: String, options: StorageOptions
  ) throws(JobError) -> Storage {
    if let scheme = scheme(of: project) {
      throw JobError(.unsupported, "there is no storage for \(scheme)://")
    }
    #if MEMORY_STORAGE
      if MemoryStore.isWanted { return .memory(MemoryStore(project: project, options: options)) }
    #endif
    return .files(try FileStore.open(project: project, options: options))
  }

  /// Of a URL, `postgres://…` say; nil: it is a path.
  private static func scheme(of project: String) -> String? {
    var project = project
    return project.withUTF8 { (bytes) -> String? in
      let name = bytes.prefix { $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z") }
      let rest = bytes.dropFirst(name.count).prefix(3)
      guard !name.isEmpty, rest.elementsEqual([0x3a, 0x2f, 0x2f]) else { return nil }
      return String(bytes: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: name)))
    }
  }
}
