import CProcess

/// The arguments of this process, which everybody can see (ps, /proc/PID/cmdline).
enum ProcessTitle {
  /// Also that of the processes that are forked from now on.
  static func redact() {
    let arguments = CommandLine.arguments
    let shown = [arguments[0]] + Redaction.arguments(withoutValues(Array(arguments.dropFirst())))
    // From the last one on: a shorter one would move those behind it.
    for (place, text) in shown.enumerated().reversed() where text != arguments[place] {
      cprocess_set_argument(Int32(place), text)
    }
  }

  /// What `--env NAME=VALUE` says is for the commands alone, whatever its name.
  private static func withoutValues(_ arguments: [String]) -> [String] {
    let option = "--env"
    let end = arguments.firstIndex(of: "--") ?? arguments.count
    return arguments.enumerated().map { place, argument in
      guard place < end else { return argument }
      let isNext = place > 0 && arguments[place - 1] == option
      guard isNext || argument.hasPrefix("\(option)=") else { return argument }
      let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
      let kept = isNext ? 1 : 2
      guard parts.count > kept else { return argument }
      return parts[..<kept].joined(separator: "=") + "=" + Redaction.mask
    }
  }
}
