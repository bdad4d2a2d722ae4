import BackgroundJobs
import CProcess
import Glibc

// Signals: to this program, and to its commands.
extension Runner {
  func take(_ number: Int32) throws {
    if number == SIGTSTP { return try suspend() }
    let isSecond = stopSignal != 0
    stopSignal = number
    for tag in underWay.keys { try stop(tag, isSecond ? SIGKILL : SIGTERM) }
  }

  /// Ctrl-Z. The time in which nobody works is none of the job's: it is paused for that long.
  private func suspend() throws {
    let reason = "stopped"
    let pauses = try !isPaused && job.info().status == .running
    if pauses {
      _ = try job.pause(reason: reason)
      _ = try job.wait(for: .running, timeoutMs: 0)
    }
    for tag in underWay.keys { try keeper.signal(tag, SIGSTOP) }
    progress.clear()
    let begin = monotonicMs()
    raise(SIGSTOP)
    let passed = monotonicMs() - begin
    for tag in underWay.keys {
      try keeper.signal(tag, SIGCONT)
      underWay[tag]?.deadline? += passed
    }
    let info = try job.info()
    if pauses, info.status == .paused, info.reason == reason { _ = try job.resume() }
    lastLook = 0
  }

  /// It will be run again.
  func stop(_ tag: UInt32, _ number: Int32) throws {
    underWay[tag]?.isStopped = true
    try signal(tag, number)
  }

  func signal(_ tag: UInt32, _ number: Int32) throws {
    try keeper.signal(tag, number)
    // One that is stopped would not see it.
    try keeper.signal(tag, SIGCONT)
    if let command = underWay[tag] { _ = signalStarted(by: command, number) }
    underWay[tag]?.killTime = monotonicMs() + Self.grace
  }

  /// Also what has left the group of the command. Gives how many live.
  func signalStarted(by command: Command, _ number: Int32) -> Int32 {
    cprocess_signal_marked("\(Self.commandMarkName)=\(mark(of: command.output))", number)
  }

  func mark(of output: RunLog.Output) -> String { "\(mark)-\(output.attempt.serial)" }

  func finished(_ tag: UInt32, _ status: Int32) throws {
    guard let command = underWay.removeValue(forKey: tag) else { return }
    try end(command, status)
  }

  func stopLate() throws {
    let now = monotonicMs()
    for (tag, command) in underWay {
      if let time = command.killTime, now >= time {
        underWay[tag]?.killTime = nil
        try keeper.signal(tag, SIGKILL)
        _ = signalStarted(by: command, SIGKILL)
      } else if let deadline = command.deadline, now >= deadline {
        underWay[tag]?.deadline = nil
        underWay[tag]?.isTimedOut = true
        try signal(tag, SIGTERM)
      }
      // Before it is begun again, nothing of it is left.
      if let status = command.endStatus, signalStarted(by: command, 0) == 0 {
        try finished(tag, status)
      }
    }
  }
}
