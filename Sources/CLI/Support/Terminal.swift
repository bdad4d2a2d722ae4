import Glibc

/// What standard output or standard error is.
struct Terminal {
  static let output = Terminal(STDOUT_FILENO)
  static let errors = Terminal(STDERR_FILENO)

  let isTerminal: Bool
  /// Columns.
  let width: Int
  /// The terminal is one, can do it, and nobody said no (no-color.org).
  let hasColor: Bool

  private init(_ descriptor: Int32) {
    isTerminal = isatty(descriptor) == 1
    var size = winsize()
    let columns =
      ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
      ? Int(size.ws_col) : environment("COLUMNS").flatMap { Int($0) } ?? 80
    width = max(20, columns)
    let isDumb = environment("TERM").map { $0 == "dumb" || $0.isEmpty } ?? true
    hasColor = isTerminal && !isDumb && environment("NO_COLOR")?.isEmpty ?? true
  }
}

/// A variable of the environment.
func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
