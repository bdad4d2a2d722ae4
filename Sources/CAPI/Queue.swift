// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

@_cdecl("bgj_manager_set_rate") @implementation
public func bgj_manager_set_rate(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ provider: UnsafePointer<CChar>?,
  _ count: Int64, _ period: Int64, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let provider = try text(provider, "provider")
    try object(manager).setRate(provider, count: count, perMs: period)
    return .ok
  }
}

@_cdecl("bgj_manager_permit") @implementation
public func bgj_manager_permit(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ provider: UnsafePointer<CChar>?,
  _ count: Int64, _ wait: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let wait else { throw missing("wait_ms") }
    let permit = try object(manager).permit(try text(provider, "provider"), requests: count)
    wait.pointee = permit.waitMs
    return permit.status
  }
}

@_cdecl("bgj_manager_rate_limited") @implementation
public func bgj_manager_rate_limited(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ provider: UnsafePointer<CChar>?,
  _ seconds: Int64, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let provider = try text(provider, "provider")
    let manager = try object(manager)
    guard seconds >= -1, seconds <= 31 * 86_400 else {
      throw JobError(.invalid, "seconds is \(seconds); it must be -1 to 2678400")
    }
    if seconds < 0 {
      try manager.rateLimitIsOver(provider)
    } else {
      try manager.rateLimited(provider, seconds: seconds == 0 ? nil : seconds)
    }
    return .ok
  }
}

@_cdecl("bgj_manager_get_queue") @implementation
public func bgj_manager_get_queue(
  _ manager: UnsafeMutablePointer<bgj_manager>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let manager = try object(manager)
    guard let json else { throw missing("json") }
    json.pointee = try manager.withQueue { bytes throws(JobError) in try copy(bytes) }
    return .ok
  }
}
