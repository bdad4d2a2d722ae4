import CPosix

/// Which files in a directory are read and written (PROTOCOL R10): none that somebody put there who
/// may not read it himself, for what we read, others may see.
///
/// A hard link takes any file that its maker can name; moving takes any file that lies in a directory
/// of the mover's. Both are told by who may put names into the directory, and who may read the file.
struct Trust {
  private let user = geteuid()
  private let directory: cposix_file_status
  /// The one user beside root who may own what root is to use: the first on the way that is not
  /// root. 0: none yet.
  private let holder: UInt32

  private init(_ directory: cposix_file_status, holder: UInt32) {
    self.directory = directory
    self.holder = holder == 0 ? directory.owner : holder
  }

  static func project(_ file: File) throws(JobError) -> Trust {
    Trust(try file.status(), holder: 0)
  }

  /// For a directory in this one.
  func entering(_ file: File) throws(JobError) -> Trust {
    let status = try file.status()
    if holder != 0 { try checkOwner(status, file) }
    return Trust(status, holder: holder)
  }

  /// For a file that was there. What is no regular file is for the caller to refuse.
  func check(_ file: File) throws(JobError) {
    let status = try file.status()
    guard status.is_regular != 0 else { return }
    let isForeign = directory.owner != user && directory.owner != 0
    let isOpen = directory.mode & 0o022 != 0
    // Where nobody but root can have put it, root's own project is as root wants it.
    if holder != 0 || isOpen { try checkOwner(status, file) }
    guard isForeign || isOpen else { return }
    let isForAll = status.mode & 0o004 != 0
    // A directory may have a group whose member its owner is not.
    let isForGroup =
      isForAll || (user != 0 && status.group == directory.group && status.mode & 0o040 != 0)
    let isKnown =
      (!isForeign || isForGroup || status.owner == directory.owner)
      && (directory.mode & 0o002 == 0 || isForAll) && (directory.mode & 0o020 == 0 || isForGroup)
    let isMine = isForeign && status.owner == user
    let isLinked = status.links > 1
    // Where users share a directory, what one of them shares with a group is no private file.
    let isPrivate = isMine && (user == 0 || status.mode & 0o044 == 0)
    if isKnown ? isLinked && isMine && user == 0 : isLinked || isPrivate {
      throw JobError(
        .io,
        "\(file.name) may have been put there by somebody who may not read it (it has "
          + "\(status.links) names, and user \(status.owner) owns it): it is not used; replace it "
          + "by a copy that belongs to user \(directory.owner), or delete it", osError: EPERM)
    }
  }

  /// Root reads for nobody but the one whose project it is.
  private func checkOwner(_ status: cposix_file_status, _ file: File) throws(JobError) {
    guard user == 0, status.owner != 0, status.owner != holder else { return }
    let who: Message = holder == 0 ? "root" : "user \(holder) or root"
    throw JobError(
      .io,
      "\(file.name) belongs to user \(status.owner), not to \(who): root does not use it; give it "
        + "to one of them, or delete it", osError: EPERM)
  }
}

extension File {
  /// Gives this file the owner, group and mode of another, as far as that is permitted. Never more
  /// may read it than the other.
  func keepAccess(
    of old: cposix_file_status, _ now: cposix_file_status
  ) throws(JobError) {
    var now = now
    if old.owner != now.owner || old.group != now.group {
      // Only root may give files away; a colleague's file becomes ours, and stays its group's.
      if fchown(descriptor, old.owner, old.group) != 0 { _ = fchown(descriptor, .max, old.group) }
      now = try status()
    }
    var mode = old.mode & 0o777
    if now.group != old.group { mode &= ~0o070 | (mode & 0o007) << 3 }
    guard mode != now.mode else { return }
    _ = try posix(.change, name) { Int(fchmod(descriptor, mode)) }
  }
}
