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

@_cdecl("bgj_manager_claim") @implementation
public func bgj_manager_claim(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ options: UnsafePointer<bgj_claim_options>?,
  _ job: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let manager = try object(manager)
    guard let job else { throw missing("job") }
    let options = try read(options, bgj_claim_options(), "options")
    guard options.flags & ~0x1 == 0 else {
      throw JobError(.invalid, "flags has bits that this version does not know")
    }
    var types: [String]?
    if let names = options.types {
      var all: [String] = []
      for place in 0..<options.type_count { all.append(try text(names[place], "a type")) }
      types = all
    }
    let (outcome, found, why) = try manager.claim(
      types: types, configMember: try optionalText(options.config_member, "config_member"),
      timeoutMs: options.timeout_ms < 0 ? nil : options.timeout_ms,
      untilEmpty: options.flags & 0x1 != 0)
    guard let found else {
      if outcome == .end { job.pointee = nil }
      throw JobError(outcome, Message(why ?? ""))
    }
    job.pointee = try handle(found)
    return .ok
  }
}

@_cdecl("bgj_manager_set_limit") @implementation
public func bgj_manager_set_limit(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ scope: UnsafePointer<CChar>?, _ most: Int32,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let scope = try text(scope, "scope")
    try object(manager).setLimit(scope, to: most < 0 ? nil : Int64(most))
    return .ok
  }
}

@_cdecl("bgj_manager_set_priority_worth") @implementation
public func bgj_manager_set_priority_worth(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ ms: Int64,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    try object(manager).setPriorityWorth(ms: ms < 0 ? nil : ms)
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
    return try give(json) { () throws(JobError) in try manager.encodedQueue() }
  }
}
