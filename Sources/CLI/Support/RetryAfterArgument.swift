import ArgumentParser
import BackgroundJobs

/// When to come again, as a provider says it: 90, 5.7, 15m, an HTTP date, RFC 3339, or seconds since
/// 1970.
struct RetryAfterArgument: ExpressibleByArgument {
  /// From now, rounded up; 0: it has passed.
  let seconds: Int64

  init?(argument: String) {
    guard let wait = RetryAfter.wait(argument, now: realtimeMs()) else { return nil }
    seconds = (wait + 999) / 1000
  }
}
