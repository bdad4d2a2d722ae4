import BackgroundJobs
import Glibc

// How a run ends.
extension Runner {
  private static func items(_ count: Int) -> String { "\(count) item\(count == 1 ? "" : "s")" }

  func finish() throws -> Int32 {
    try showLive(all: true)
    let info = try job.info()
    // What the command of a run without items has reported itself does not speak for its end.
    if !spec.hasItems && lastCode != 0
      || info.itemsFailed > 0 && info.itemsCompleted + info.itemsSkipped == 0
    {
      let why =
        spec.hasItems
        ? "all \(Self.items(info.itemsFailed)) failed" : commandFailure ?? "it failed"
      isTriedAgain = try job.fail(why) == .retrying
      progress.clear()
      // Whoever waits for the next one says so.
      if isTriedAgain { return ExitStatus.waiting.rawValue }
      Output.complain("job \(job.id) failed: \(why). Its output: bgjobs logs \(job.id)")
      return spec.hasItems || lastCode == 0 ? ExitStatus.failure.rawValue : lastCode
    }
    try job.complete()
    progress.end(info)
    guard info.itemsFailed > 0, spec.hasItems else { return 0 }
    Output.complain(
      "job \(job.id): \(info.itemsFailed) of \(info.itemsCompleted + info.itemsSkipped + info.itemsFailed) items failed:"
        + " bgjobs show \(job.id). To do them again: bgjobs retry \(job.id)")
    return ExitStatus.failedItems.rawValue
  }

  /// What was not begun stays open.
  func halt(because why: String) throws -> Int32 {
    try showLive(all: true)
    let info = try job.info()
    _ = try job.leave("halted: \(why)")
    progress.clear()
    Output.complain(
      "job \(job.id) was halted: \(why); \(info.itemsOpen) are open. bgjobs show \(job.id) says"
        + " why they failed; to go on with the rest: bgjobs resume \(job.id)")
    return info.itemsCompleted + info.itemsSkipped > 0
      ? ExitStatus.failedItems.rawValue : ExitStatus.failure.rawValue
  }

  func hasNothingLeft() throws -> Bool { try job.info().itemsOpen == 0 }

  func leave() throws -> Int32 {
    let name = [SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"][stopSignal] ?? "a signal"
    try showLive(all: true)
    _ = try job.leave("stopped by \(name)")
    progress.clear()
    Output.complain("job \(job.id) was stopped by \(name). To go on: bgjobs resume \(job.id)")
    return 128 + stopSignal
  }

  func endedByOthers() throws -> Int32 {
    for tag in underWay.keys { try stop(tag, SIGTERM) }
    let deadline = monotonicMs() + Self.grace
    while !underWay.isEmpty, monotonicMs() < deadline {
      var one = pollfd(fd: keeper.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&one, 1, 50) > 0 else { continue }
      switch keeper.receive() {
      case .ended(let tag, _), .refused(let tag, _):
        if let command = underWay.removeValue(forKey: tag) {
          try? log.end(command.output, "stopped", at: realtimeMs())
        }
      case .started: continue
      case .gone: underWay = [:]
      }
    }
    try showLive(all: true)
    progress.clear()
    Output.complain(EndText.of(job, "removed"))
    return ExitStatus.finished.rawValue
  }
}
