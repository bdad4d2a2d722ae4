import CProcess

/// The arguments of this process, which everybody can see (ps, /proc/PID/cmdline).
enum ProcessTitle {
  /// Also that of the processes that are forked from now on.
  static func redact() {
    let arguments = CommandLine.arguments
    let shown = [arguments[0]] + Redaction.arguments(Array(arguments.dropFirst()))
    // From the last one on: a shorter one would move those behind it.
    for (place, text) in shown.enumerated().reversed() where text != arguments[place] {
      cprocess_set_argument(Int32(place), text)
    }
  }
}
