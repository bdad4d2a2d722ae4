#if !hasFeature(Embedded)
  import CPosix

  /// The directory for the output of a job's commands. Others may plant files there, so each is
  /// opened through it, and by its rules (PROTOCOL R10).
  package final class OutputDirectory {
    private let places: StateDirectory
    private let directory: Directory

    init(_ places: StateDirectory, _ directory: Directory) {
      self.places = places
      self.directory = directory
    }

    /// For messages.
    package var path: String { directory.name }

    /// A descriptor of the caller's own, closed on exec; nil: there is no such file.
    package func open(_ name: String, _ flags: Int32) throws(JobError) -> Int32? {
      guard let file = try directory.openIfThere(name, flags) else { return nil }
      return try descriptor(of: file, flags)
    }

    /// A new file in the place of any that has the name, for reading and appending. It belongs to
    /// the directory's owner.
    package func create(_ name: String) throws(JobError) -> Int32 {
      try descriptor(of: try places.create(name, in: directory, isBrief: true), O_APPEND)
    }

    private func descriptor(of file: File, _ flags: Int32) throws(JobError) -> Int32 {
      guard try file.status().is_regular != 0 else {
        throw JobError(.io, "\(file.name) is not a regular file: delete it", osError: EINVAL)
      }
      let copy = try posix(.open, file.name) {
        Int(cposix_fcntl(file.descriptor, F_DUPFD_CLOEXEC, 3))
      }
      _ = cposix_fcntl(Int32(copy), F_SETFL, flags & O_APPEND)
      return Int32(copy)
    }

    package func names() throws(JobError) -> [String] { try directory.names() }

    /// A descriptor of the directory, the caller's own.
    package func duplicate() throws(JobError) -> Int32 {
      let copy = try posix(.open, path) {
        Int(cposix_fcntl(directory.file.descriptor, F_DUPFD_CLOEXEC, 3))
      }
      return Int32(copy)
    }

    package func unlink(_ name: String) throws(JobError) { try directory.unlink(name) }
  }
#endif
