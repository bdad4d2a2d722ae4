import BackgroundJobs
import Glibc

/// How far a run is, for people: one line that changes, on a terminal; without one a line now and
/// then, since services that run builds end what is silent.
struct RunProgress {
  /// Milliseconds.
  private static let interval: Int64 = 200
  private static let longestSilence: Int64 = 30_000
  private static let shortestSilence: Int64 = 5000

  private let terminal = Terminal.errors
  private let isQuiet: Bool
  private let hasItems: Bool
  private let begin = monotonicMs()
  private var isShown = false
  private var last: Int64
  private var lastPercentage = 0

  init(isQuiet: Bool, hasItems: Bool) {
    self.isQuiet = isQuiet
    self.hasItems = hasItems
    last = terminal.isTerminal ? 0 : begin
  }

  mutating func show(_ info: () -> JobInfo?) {
    let now = monotonicMs()
    guard !isQuiet, now - last >= (terminal.isTerminal ? Self.interval : Self.shortestSilence)
    else { return }
    if terminal.isTerminal {
      last = now
      // In the background of a shell the line is not ours.
      guard tcgetpgrp(STDERR_FILENO) == getpgrp(), let info = info() else { return }
      let text = fitted(
        SafeText.shown(Self.text(info, hasBar: true)), to: terminal.width - 1)
      Output.errors("\r\u{1b}[K\(text)")
      isShown = true
    } else if let info = info() {
      guard
        now - last >= Self.longestSilence || info.percentage >= lastPercentage + 10
      else { return }
      (last, lastPercentage) = (now, info.percentage)
      Output.note("bgjobs: job \(SafeText.shown(Self.text(info, hasBar: false)))")
    }
  }

  mutating func clear() {
    if isShown { Output.errors("\r\u{1b}[K") }
    isShown = false
  }

  /// The last line, which stays.
  mutating func end(_ info: JobInfo) {
    clear()
    guard !isQuiet, hasItems || terminal.isTerminal else { return }
    let took = EstimateText.span(Double(monotonicMs() - begin) / 1000)
    guard hasItems else {
      Output.note("bgjobs: job \(info.id): done in \(took). Its output: bgjobs logs \(info.id)")
      return
    }
    let failed =
      (info.itemsSkipped > 0 ? ", \(info.itemsSkipped) skipped" : "")
      + (info.itemsFailed > 0 ? ", \(info.itemsFailed) failed" : "")
    let count = info.itemsCompleted == 1 ? "1 item" : "\(info.itemsCompleted) items"
    Output.note("bgjobs: job \(info.id): \(count) done\(failed), in \(took)")
  }

  private static func text(_ info: JobInfo, hasBar: Bool) -> String {
    var parts = [info.id, EstimateText.items(info)]
    if info.total > 0 {
      let bar = hasBar ? "\(EstimateText.bar(info.percentage, width: 12)) " : ""
      parts.append("\(bar)\(info.percentage) %")
    }
    if info.itemsSkipped > 0 { parts.append("\(info.itemsSkipped) skipped") }
    if info.itemsFailed > 0 { parts.append("\(info.itemsFailed) failed") }
    if info.status == .paused { parts.append("paused" + (info.reason.map { ", \($0)" } ?? "")) }
    if info.rate != nil { parts.append(EstimateText.rate(info.rate)) }
    if let left = EstimateText.left(info) { parts.append("\(left) left") }
    if let item = info.currentItem { parts.append(Redaction.item(item)) }
    return parts.joined(separator: "  ")
  }
}

/// Milliseconds while the machine is awake.
func monotonicMs() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
