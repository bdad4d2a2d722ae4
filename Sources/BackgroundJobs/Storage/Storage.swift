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
    #if MEMORY_STORAGE
      if MemoryStore.isWanted { return .memory(MemoryStore(project: project, options: options)) }
    #endif
    return .files(try FileStore.open(project: project, options: options))
  }
}
