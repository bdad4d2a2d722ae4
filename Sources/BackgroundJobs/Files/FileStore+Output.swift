#if !hasFeature(Embedded)
  // What the command keeps beside the jobs.
  extension FileStore {
    /// Whether a damaged file was set aside, and its copy is still there.
    var hasFilesSetAside: Bool { state.setAside.contains { places.isThere($0.name) } }

    func privateDirectory() throws(JobError) -> OutputDirectory {
      try refresh()
      return OutputDirectory(places, try places.make().files)
    }

    func output(of reference: JobReference) throws(JobError) -> OutputDirectory {
      let number = try seen(reference).createdSeq
      return OutputDirectory(places, try places.makeOutputDirectory(number))
    }
  }
#endif
