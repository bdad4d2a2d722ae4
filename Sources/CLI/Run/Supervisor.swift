import BackgroundJobs
import CProcess
import Glibc

/// The workers that `bgjobs work` has started, one for each job.
final class Supervisor {
  /// Milliseconds between two looks, for what no file tells: a time that comes, an owner that dies.
  private static let lookInterval: Int32 = 1000
  /// Milliseconds until a job that could not be started is tried again.
  private static let pause: Int64 = 5000
  /// The same, where that was a matter of the moment.
  private static let soon: Int64 = 100

  private let project: ProjectOptions
  private let most: Int
  private let signals: Int32
  private var workers: [pid_t: String] = [:]
  /// Jobs that could not be started, and until when they are left alone.
  private var onHold: [String: Int64] = [:]
  private(set) var stopSignal: Int32?
  private(set) var hasFailures = false

  init(_ project: ProjectOptions, most: Int) {
    (self.project, self.most) = (project, most)
    var mask: UInt32 = 1 << UInt32(SIGCHLD)
    for number in [SIGINT, SIGTERM, SIGHUP] where cprocess_is_ignored(number) == 0 {
      mask |= 1 << UInt32(number)
    }
    signals = cprocess_signals(mask)
  }

  /// Nothing of it runs, and nothing is to be tried again at once.
  var isIdle: Bool { workers.isEmpty && !isUnsure }
  /// A job could not be started just now, for somebody was faster or its place was taken.
  private var isUnsure: Bool {
    onHold.values.contains { $0 - monotonicMs() <= Self.soon && $0 > monotonicMs() }
  }
  var hasRoom: Bool { workers.count < most }

  func isOnHold(_ id: String) -> Bool {
    if let until = onHold[id], monotonicMs() < until { return true }
    onHold[id] = nil
    return workers.values.contains(id)
  }

  func start(_ id: String) {
    do {
      workers[try RunWorker.startChild(id, project)] = id
      Output.note("job \(id) runs")
    } catch let error as RunError {
      // Somebody else was faster, or there is no place for it just now.
      if error.status == .busy || error.status == .waiting {
        onHold[id] = monotonicMs() + Self.soon
      }
      guard error.status != .busy, error.status != .waiting else { return }
      onHold[id] = monotonicMs() + Self.pause
      hasFailures = true
      Output.complain("job \(id) cannot be started: \(error)")
    } catch { Output.complain("job \(id) cannot be started: \(error)") }
  }

  /// Until something happens.
  func wait(beside watch: JournalWatch) {
    var descriptors = [
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
      pollfd(fd: watch.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    let hasHolds = !onHold.isEmpty
    _ = poll(&descriptors, 2, hasHolds ? 100 : Self.lookInterval)
    watch.clear()
    while case let number = cprocess_next_signal(signals), number > 0 {
      if number == SIGCHLD { continue }
      stop(number)
    }
    reap()
  }

  private func stop(_ number: Int32) {
    // The first one lets them leave their jobs, a second one kills their commands: see Runner.
    stopSignal = stopSignal ?? number
    for pid in workers.keys { kill(pid, SIGTERM) }
  }

  private func reap() {
    var status: Int32 = 0
    while case let pid = waitpid(-1, &status, WNOHANG), pid > 0 {
      guard let id = workers.removeValue(forKey: pid) else { continue }
      let (signal, code) = (status & 0x7f, status >> 8 & 0xff)
      // An attempt that failed, where there is to be another one.
      let isWaiting = signal == 0 && code == ExitStatus.waiting.rawValue
      if status != 0, !isWaiting, stopSignal == nil { hasFailures = true }
      if isWaiting {
        Output.note("job \(id): an attempt has failed; it waits for the next one")
        continue
      }
      let end = signal != 0 ? "was killed by signal \(signal)" : "ended with exit code \(code)"
      Output.note("job \(id) \(status == 0 ? "is done" : end)")
    }
  }
}
