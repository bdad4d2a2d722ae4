import Glibc

/// Where the commands of a run work. Inside its project that is stored relative to it: a project
/// that was copied or moved works in the copy.
enum RunDirectory {
  /// The current directory, as it is stored.
  static func stored(project: String) -> String {
    let current = currentDirectory()
    guard let root = real(project) else { return current }
    if current == root { return "." }
    let inside = root == "/" ? root : "\(root)/"
    guard current.utf8.starts(with: inside.utf8) else { return current }
    return String(decoding: current.utf8.dropFirst(inside.utf8.count), as: UTF8.self)
  }

  /// A version before stored all of them absolute.
  static func path(of stored: String, project: String) -> String {
    if stored.hasPrefix("/") { return stored }
    return stored == "." ? project : "\(project)/\(stored)"
  }

  /// For people.
  static func shown(_ stored: String) -> String {
    if stored.hasPrefix("/") { return stored }
    return stored == "." ? "the directory of the project" : "\(stored) of the project"
  }

  private static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }
}
