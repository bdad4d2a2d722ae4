import BackgroundJobs
import CProcess
import Glibc

/// A signal that is to end the program: thrown, so that what is open is closed first.
struct Interruption: Error {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP]

  /// Milliseconds between two looks at the signals.
  static let slice: Int64 = 200

  let number: Int32

  /// Ends the program by that signal, as if it had never been held back.
  func raise() -> Int32 {
    Output.flush()
    signal(number, SIG_DFL)
    Self.change(SIG_UNBLOCK, [number])
    Glibc.raise(number)
    return 128 + number
  }

  /// From now on these signals only become pending. An ignored one would, too: it stays ignored.
  static func hold() {
    change(SIG_BLOCK, numbers.filter { cprocess_is_ignored($0) == 0 })
  }

  static func throwPending() throws {
    var pending = sigset_t()
    guard sigpending(&pending) == 0 else { return }
    for number in numbers where sigismember(&pending, number) == 1 {
      throw Interruption(number: number)
    }
  }

  /// Between two looks; a signal ends it.
  static func pause() throws {
    for _ in 0..<5 {
      try throwPending()
      usleep(20_000)
    }
    try throwPending()
  }

  private static func change(_ how: Int32, _ numbers: [Int32]) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    sigprocmask(how, &set, nil)
  }
}

extension Job {
  /// As `wait`, for commands that may wait for long: a signal then throws an `Interruption`. A wait
  /// may end a rate limit, which is to be published also when the wait itself is interrupted.
  func waitHeeding(
    for statuses: JobStatusSet, timeoutMs: Int64? = nil
  ) throws -> (outcome: Status, status: JobStatus) {
    Interruption.hold()
    let begin = monotonicMs()
    while true {
      try Interruption.throwPending()
      let left = timeoutMs.map { max(0, $0 - (monotonicMs() - begin)) }
      let slice = Interruption.slice
      let now = try wait(for: statuses, timeoutMs: min(slice, left ?? slice))
      if now.outcome == .timeout, left.map({ $0 > slice }) ?? true { continue }
      return now
    }
  }
}
