import Glibc

/// Data goes to standard output, all else to standard error.
enum Output {
  /// The program has one thread.
  nonisolated(unsafe) private static var pending: [UInt8] = []
  nonisolated(unsafe) private static var failure: Int32 = 0

  static func line(_ text: String) { raw(text + "\n") }

  /// As `line`, with what is in `text` made harmless where people would see it.
  static func data(_ text: String) {
    line(Terminal.output.isTerminal ? SafeText.shown(text) : text)
  }

  static func raw(_ text: String) { raw(bytes: Array(text.utf8)) }

  static func raw(bytes: [UInt8]) {
    pending += bytes
    if pending.count >= 1 << 16 { flush() }
  }

  /// For people.
  static func note(_ text: String) {
    flush()
    _ = write(Array((text + "\n").utf8), to: STDERR_FILENO)
  }

  /// To the terminal as it is.
  static func errors(_ text: String) { _ = write(Array(text.utf8), to: STDERR_FILENO) }

  /// What went wrong, why, and what to do.
  static func complain(_ text: String) {
    note("bgjobs: \(SafeText.shown(Redaction.item(text)))")
  }

  static var isPending: Bool { !pending.isEmpty }

  static func flush() {
    let number = write(pending, to: STDOUT_FILENO)
    if failure == 0 { failure = number }
    pending = []
  }

  /// Ends the program. Output that could not be written, to a full disk say, is a failure.
  static func finish(_ code: Int32) -> Never {
    flush()
    guard failure != 0 else { exit(code) }
    complain("cannot write the output: \(String(cString: strerror(failure)))")
    exit(code == 0 ? ExitStatus.failure.rawValue : code)
  }

  /// 0, or errno.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if put < 0, errno == EINTR { continue }
      if put <= 0 { return put < 0 ? errno : EIO }
      done += put
    }
    return 0
  }
}
