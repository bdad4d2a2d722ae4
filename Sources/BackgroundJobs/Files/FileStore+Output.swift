#if !hasFeature(Embedded)
  // What the command keeps beside the jobs.
  extension FileStore {
    /// Whether a damaged file was met, or was set aside and its copy is still there. The log of a
    /// dead owner may be one that nobody has told yet.
    var hasDamage: Bool {
      if !lost.parts.isEmpty || partial.damaged != nil { return true }
      for directory in [places.state, places.files] {
        let names = (try? directory?.names()) ?? []
        if names.contains(where: { has($0, ".corrupt-") }) { return true }
      }
      return state.known.contains { job in
        guard (try? isOwnerAlive(job)) == false else { return false }
        return job.logs.contains { (try? isBroken($0)) ?? false }
      }
    }

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
