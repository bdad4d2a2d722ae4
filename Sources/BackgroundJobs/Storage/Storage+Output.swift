#if !hasFeature(Embedded)
  // What the command keeps beside the jobs, on the disk of this machine whatever the storage.
  extension Storage {
    /// Whether a damaged part was set aside, and its copy is still there.
    var hasDamage: Bool {
      switch self {
      case .files(let store): store.hasDamage
      #if MEMORY_STORAGE
        case .memory: false
      #endif
      }
    }

    func privateDirectory() throws(JobError) -> OutputDirectory {
      switch self {
      case .files(let store): try store.privateDirectory()
      #if MEMORY_STORAGE
        case .memory: throw JobError(.unsupported, "there is no directory")
      #endif
      }
    }

    /// The directory for the output of a job's commands.
    func output(of job: JobReference) throws(JobError) -> OutputDirectory {
      switch self {
      case .files(let store): try store.output(of: job)
      #if MEMORY_STORAGE
        case .memory: throw JobError(.unsupported, "there is no directory")
      #endif
      }
    }
  }
#endif
