import BackgroundJobs

/// The one document that `--json` prints. `schema` counts up when a member changes its meaning or
/// goes; new members may come without that.
struct JSONDocument {
  static let schema = 2

  private(set) var text = "{\"schema\":\(schema)"

  mutating func add(_ name: String, _ value: String) { text += ",\(Self.quoted(name)):\(value)" }

  func print() { Output.line(text + "}") }

  /// What is known of a job at this moment. Absent: it does not apply, or is not known.
  static func object(_ info: JobInfo) -> String {
    var members: [String] = []
    func add(_ name: String, _ value: String?) {
      if let value { members.append("\(quoted(name)):\(value)") }
    }
    add("id", quoted(info.id))
    add("type", quoted(info.type))
    add("key", info.key.map(quoted))
    add("status", quoted(info.status.name))
    add("statusName", info.statusName == info.status.name ? nil : quoted(info.statusName))
    add("reason", info.reason.map(quoted))
    add("error", info.error.map(quoted))
    add("current", String(info.current))
    add("total", String(info.total))
    add("percentage", String(info.percentage))
    add("currentItem", info.currentItem.map(quoted))
    add("itemsCompleted", String(info.itemsCompleted))
    add("itemsFailed", String(info.itemsFailed))
    add("itemsSkipped", String(info.itemsSkipped))
    add("itemsOpen", String(info.itemsOpen))
    add("itemsUnderWay", String(info.itemsUnderWay))
    add("rate", info.rate.flatMap(number))
    func seconds(_ value: Double?) -> String? { value.flatMap(info.wholeSeconds).map { "\($0)" } }
    add("eta", seconds(info.eta))
    add("etaLow", seconds(info.etaRange?.lowerBound))
    add("etaHigh", seconds(info.etaRange?.upperBound))
    add("stalled", info.isStalled ? "true" : nil)
    add("etaFromHistory", info.isEstimateFromHistory ? "true" : nil)
    add("waitMs", info.waitMs.flatMap { $0 > 0 ? String($0) : nil })
    add("finishMs", info.finishMs.map { String($0) })
    add("activeMs", String(info.activeMs))
    add("createdMs", info.createdMs.map { String($0) })
    add("startedMs", info.startedMs.map { String($0) })
    add("updatedMs", info.updatedMs.map { String($0) })
    add("completedMs", info.completedMs.map { String($0) })
    add("resumeAtMs", info.resumeAtMs.map { String($0) })
    add("ownerPid", info.ownerPID.map { String($0) })
    add("pauseAcknowledged", info.status == .paused ? String(info.isPauseAcknowledged) : nil)
    add("attempts", String(info.attempts))
    add("hasWarnings", info.hasWarnings ? "true" : nil)
    add("priority", info.isEnqueued ? String(info.priority) : nil)
    add("lane", info.lane.map(quoted))
    add("notBeforeMs", info.notBeforeMs.map { String($0) })
    add("mostAttempts", info.mostAttempts > 0 ? String(info.mostAttempts) : nil)
    add("failures", info.mostAttempts > 0 ? String(info.failures) : nil)
    add("workers", info.workers > 0 ? String(info.workers) : nil)
    add("itemsClaimed", info.workers > 0 ? String(info.itemsClaimed) : nil)
    add("retryAtMs", info.retryAtMs.map { String($0) })
    add("refusedStatus", info.refusedStatus.map(quoted))
    add("refusedMs", info.refusedMs.map { String($0) })
    return "{\(members.joined(separator: ","))}"
  }

  static func array(_ values: [String]) -> String { "[\(values.joined(separator: ","))]" }

  /// A string; everything that is not ASCII stays as it is.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private static func number(_ value: Double) -> String? {
    value.isFinite ? (value * 1000).rounded() / 1000 == value ? "\(value)" : rounded(value) : nil
  }

  private static func rounded(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
