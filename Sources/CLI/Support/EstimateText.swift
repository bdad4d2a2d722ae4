import BackgroundJobs
import Glibc

/// Rates, times and progress for people.
enum EstimateText {
  /// Items per second; below one, seconds per item. Never "0.0/s".
  static func rate(_ rate: Double?) -> String {
    guard let rate, rate > 0, rate.isFinite else { return "-" }
    if rate >= 1 { return "\(short(rate))/s" }
    let seconds = 1 / rate
    return seconds < 60 ? "\(short(seconds)) s/item" : "\(span(seconds))/item"
  }

  /// About so long: to a second below a minute, to ten below ten minutes, else to minutes.
  static func span(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e10 else { return "-" }
    var whole = Int(seconds.rounded())
    if whole >= 600 {
      whole = (whole + 30) / 60 * 60
    } else if whole >= 60 {
      whole = (whole + 5) / 10 * 10
    }
    if whole < 60 { return "\(whole) s" }
    let (minutes, rest) = (whole / 60, whole % 60)
    if minutes < 60 { return rest == 0 ? "\(minutes) min" : "\(minutes) min \(rest) s" }
    let (hours, left) = (minutes / 60, minutes % 60)
    if hours < 48 { return left == 0 ? "\(hours) h" : "\(hours) h \(left) min" }
    return "\(hours / 24) d \(hours % 24) h"
  }

  /// "about 38 min (30 min–50 min)"; nil: no ground for a number.
  static func remaining(_ info: JobInfo) -> String? {
    guard let eta = info.eta, let range = info.etaRange else { return nil }
    func text(_ seconds: Double) -> String { span(Double(info.wholeSeconds(seconds) ?? 0)) }
    let (low, high) = (text(range.lowerBound), text(range.upperBound))
    return low == high ? "about \(text(eta))" : "about \(text(eta)) (\(low)–\(high))"
  }

  /// The same, where there is little room: "38 min"; "~38 min" when other jobs speak for this one.
  static func left(_ info: JobInfo) -> String? {
    guard let eta = info.eta.flatMap(info.wholeSeconds) else { return nil }
    return (info.isEstimateFromHistory ? "~" : "") + span(Double(eta))
  }

  /// Local time, and the day when it is not today's, or always.
  static func time(_ milliseconds: Int64, seconds: Bool, day: Bool) -> String? {
    var (then, now) = (time_t(milliseconds / 1000), Glibc.time(nil))
    var (parts, today) = (tm(), tm())
    guard localtime_r(&then, &parts) != nil, localtime_r(&now, &today) != nil else { return nil }
    let isToday = parts.tm_yday == today.tm_yday && parts.tm_year == today.tm_year
    let format = (day || !isToday ? "%Y-%m-%d " : "") + (seconds ? "%H:%M:%S" : "%H:%M")
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, format, &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func items(_ info: JobInfo) -> String {
    info.total > 0 ? "\(info.current)/\(info.total)" : "\(info.current)"
  }

  static func bar(_ percentage: Int, width: Int) -> String {
    let full = max(0, min(width, percentage * width / 100))
    return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
  }

  /// Three digits, as far as they count.
  private static func short(_ value: Double) -> String {
    if value >= 100 { return String(Int(value.rounded())) }
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
  }
}
