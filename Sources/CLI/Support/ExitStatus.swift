import BackgroundJobs

/// How the program ends. The numbers are part of its interface.
enum ExitStatus: Int32, Error {
  case ok = 0
  case failure = 1
  case usage = 2
  case notFound = 3
  case busy = 4
  case damaged = 5
  case illegalTransition = 6
  /// All is done, but some items failed.
  case failedItems = 7
  /// Kept, but the job is paused.
  case paused = 8
  /// The job has ended: nothing was kept.
  case finished = 9
  /// Not yet: something must come first.
  case waiting = 10
  case timeout = 124

  init(_ status: Status) {
    self =
      switch status {
      case .ok, .resumed, .retrying: .ok
      case .paused: .paused
      case .end: .failure
      case .waiting: .waiting
      case .finished: .finished
      case .invalid: .usage
      case .notFound, .ambiguous: .notFound
      case .illegalTransition: .illegalTransition
      case .busy: .busy
      case .timeout: .timeout
      case .damaged: .damaged
      case .io, .noSpace, .noMemory, .unsupported, .forked: .failure
      }
  }
}
