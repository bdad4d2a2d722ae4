import CPosix

/// Which time is asked for.
public enum ClockID: Int32, Sendable {
  /// Since 1970.
  case realtime = 0
  /// Only while the machine is awake.
  case monotonic = 1
  /// Asleep or awake.
  case boottime = 2
}

/// The time, in nanoseconds. Tests bring their own source.
struct Clock {
  let source: ((ClockID) -> Int64)?

  /// Milliseconds since 1970.
  var realtimeMs: Int64 {
    @inline(never) get {
      (source.map { max(0, $0(.realtime)) } ?? cposix_realtime()) / 1_000_000
    }
  }

  /// Milliseconds of the machine being awake. Coarse: up to 10 ms old, and free of system calls.
  @inline(never)
  var awakeMs: Int64 {
    if let source { return max(0, source(.monotonic)) / 1_000_000 }
    return cposix_monotonic_coarse() / 1_000_000
  }

  /// Nanoseconds of real machine time, for costs, waits and intervals: never a test's.
  static var machine: Int64 { cposix_monotonic() }

  @inline(__always)
  static var machineCoarse: Int64 { cposix_monotonic_coarse() }

  static func sleep(milliseconds: Int64) { cposix_sleep(milliseconds * 1_000_000) }
}
