import BackgroundJobs
import Glibc

/// One line of progress for people, on a terminal only.
struct StatusLine {
  private let terminal = Terminal.errors
  private var isShown = false
  private var last: Int64 = 0

  mutating func show(_ info: () -> JobInfo?) {
    let now = monotonicMs()
    guard terminal.isTerminal, now - last >= 200, let info = info() else { return }
    last = now
    var parts = [info.id, EstimateText.items(info)]
    if info.total > 0 {
      parts.append("\(EstimateText.bar(info.percentage, width: 12)) \(info.percentage) %")
    }
    if info.itemsFailed > 0 { parts.append("\(info.itemsFailed) failed") }
    if info.status == .paused { parts.append("paused" + (info.reason.map { ", \($0)" } ?? "")) }
    if info.rate != nil { parts.append(EstimateText.rate(info.rate)) }
    if let left = EstimateText.left(info) { parts.append("\(left) left") }
    if let item = info.currentItem { parts.append(Redaction.item(item)) }
    let text = fitted(SafeText.shown(parts.joined(separator: "  ")), to: terminal.width - 1)
    Output.errors("\r\u{1b}[K\(text)")
    isShown = true
  }

  mutating func clear() {
    if isShown { Output.errors("\r\u{1b}[K") }
    isShown = false
  }
}

/// Milliseconds while the machine is awake.
func monotonicMs() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
