#if !hasFeature(Embedded)
  extension JobManager {
    /// The directory for what is ours alone, made when it is missing.
    package func privateDirectory() throws(JobError) -> OutputDirectory {
      try with { storage throws(JobError) in try storage.privateDirectory() }
    }
  }

  extension Job {
    /// Made when it is missing. It goes when the job is removed.
    package func output() throws(JobError) -> OutputDirectory {
      try manager.with { storage throws(JobError) in try storage.output(of: reference) }
    }
  }
#endif
