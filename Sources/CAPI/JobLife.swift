// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

@_cdecl("bgj_job_start") @implementation
public func bgj_job_start(
  _ job: UnsafeMutablePointer<bgj_job>?, _ options: UnsafePointer<bgj_start_options>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    let options = try read(options, bgj_start_options(), "options")
    guard options.flags & ~0xf == 0 else {
      throw JobError(.invalid, "flags has bits that this version does not know")
    }
    let isDetached = options.flags & 0x1 != 0
    guard options.owner_pid >= 0, isDetached || options.owner_pid == 0 else {
      throw JobError(
        .invalid,
        "the owner's pid is \(options.owner_pid); it must be above 0, and the start a detached one")
    }
    let hasDescriptor = options.flags & 0x2 != 0
    guard !hasDescriptor || (isDetached && options.owner_pid == 0) else {
      throw JobError(
        .invalid, "an owner's descriptor goes with a detached start, and without an owner's pid")
    }
    guard hasDescriptor || options.owner_fd == 0 else {
      throw JobError(
        .invalid, "the owner's descriptor is \(options.owner_fd), but no flag says that it counts")
    }
    let (anyway, isShared) = (options.flags & 0x4 != 0, options.flags & 0x8 != 0)
    guard isDetached else { return try job.start(anyway: anyway, shared: isShared) }
    if isShared { throw JobError(.invalid, "a detached start cannot be a shared one") }
    return try job.startDetached(
      watching: options.owner_pid == 0 ? nil : options.owner_pid,
      lockedBy: hasDescriptor ? options.owner_fd : nil, anyway: anyway)
  }
}

@_cdecl("bgj_job_enqueue") @implementation
public func bgj_job_enqueue(
  _ job: UnsafeMutablePointer<bgj_job>?, _ options: UnsafePointer<bgj_queue_options>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    let request = QueueRequest()
    guard options != nil else { return try job.enqueue(request) }
    let options = try read(options, bgj_queue_options(), "options")
    guard options.flags & ~0xf == 0 else {
      throw JobError(.invalid, "flags has bits that this version does not know")
    }
    let said = options.flags == 0 ? 0xf : options.flags
    if said & 0x1 != 0 { request.priority = Int64(options.priority) }
    if said & 0x2 != 0 { request.notBefore = options.not_before_ms }
    if said & 0x4 != 0 { request.lane = try optionalText(options.lane, "lane") ?? "" }
    if options.lane != nil, request.lane?.isEmpty ?? false {
      throw JobError(.invalid, "the lane is empty")
    }
    if said & 0x8 != 0 {
      // 0 stands for what is usual.
      request.attempts = options.max_attempts == 0 ? 1 : Int64(options.max_attempts)
      request.backoff = options.backoff_ms == 0 ? 1000 : options.backoff_ms
      request.mostBackoff = options.backoff_max_ms == 0 ? 3_600_000 : options.backoff_max_ms
    }
    return try job.enqueue(request)
  }
}

@_cdecl("bgj_job_add_dependency") @implementation
public func bgj_job_add_dependency(
  _ job: UnsafeMutablePointer<bgj_job>?, _ id: UnsafePointer<CChar>?, _ policy: UInt32,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let (job, id) = (try object(job), try text(id, "id"))
    guard (1...4).contains(policy & ~0x10) else {
      throw JobError(.invalid, "policy is \(policy); it must be one of BGJ_AFTER_...")
    }
    return try job.setEdge(id, UInt8(truncatingIfNeeded: policy))
  }
}

@_cdecl("bgj_job_remove_dependency") @implementation
public func bgj_job_remove_dependency(
  _ job: UnsafeMutablePointer<bgj_job>?, _ id: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    try object(job).setEdge(try text(id, "id"), nil)
  }
}

@_cdecl("bgj_job_get_waits") @implementation
public func bgj_job_get_waits(
  _ job: UnsafeMutablePointer<bgj_job>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    return try give(json) { () throws(JobError) in try job.encodedWaits() }
  }
}

@_cdecl("bgj_job_leave") @implementation
public func bgj_job_leave(
  _ job: UnsafeMutablePointer<bgj_job>?, _ why: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    try object(job).leave(try words(why))
  }
}

@_cdecl("bgj_job_pause") @implementation
public func bgj_job_pause(
  _ job: UnsafeMutablePointer<bgj_job>?, _ reason: UnsafePointer<CChar>?, _ retry_after_s: Int64,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    if let reason { try Limits.checkName(bytes(reason), "the reason") }
    guard retry_after_s >= 0, retry_after_s <= 3_155_760_000 else {
      throw JobError(
        .invalid,
        "the wait is \(retry_after_s) s; it must be 0 to 3155760000, a hundred years")
    }
    return try job.pause(
      reason: try optionalText(reason, "reason"),
      retryAfter: retry_after_s == 0 ? nil : retry_after_s)
  }
}

@_cdecl("bgj_job_rate_limited") @implementation
public func bgj_job_rate_limited(
  _ job: UnsafeMutablePointer<bgj_job>?, _ provider: UnsafePointer<CChar>?, _ seconds: Int64,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    if let provider { try Limits.checkName(bytes(provider), "the provider") }
    guard seconds >= 0, seconds <= 31 * 86_400 else {
      throw JobError(.invalid, "seconds is \(seconds); it must be 0 to 2678400")
    }
    return try job.rateLimited(
      provider: try optionalText(provider, "provider"), seconds: seconds == 0 ? nil : seconds)
  }
}

@_cdecl("bgj_job_rate_limited_until") @implementation
public func bgj_job_rate_limited_until(
  _ job: UnsafeMutablePointer<bgj_job>?, _ provider: UnsafePointer<CChar>?,
  _ when: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    if let provider { try Limits.checkName(bytes(provider), "the provider") }
    guard let when = try optionalText(when, "when") else { throw missing("when") }
    return try job.rateLimited(provider: try optionalText(provider, "provider"), until: when)
  }
}

@_cdecl("bgj_job_resume") @implementation
public func bgj_job_resume(
  _ job: UnsafeMutablePointer<bgj_job>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).resume() }
}

@_cdecl("bgj_job_wait") @implementation
public func bgj_job_wait(
  _ job: UnsafeMutablePointer<bgj_job>?, _ statuses: UInt32, _ timeout_ms: Int64,
  _ status: UnsafeMutablePointer<bgj_job_status>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    let wanted = try statusSet(statuses)
    let (outcome, now) = try job.wait(for: wanted, timeoutMs: timeout_ms < 0 ? nil : timeout_ms)
    status?.pointee = number(now)
    switch outcome {
    case .finished: throw JobError(.finished, job.hasEnded(as: now))
    case .timeout: throw JobError(.timeout, "job \(job.id) is still \(now.name)")
    default: return outcome
    }
  }
}

@_cdecl("bgj_job_complete") @implementation
public func bgj_job_complete(
  _ job: UnsafeMutablePointer<bgj_job>?, _ result: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    try object(job).complete(result: try optionalText(result, "result"))
  }
}

@_cdecl("bgj_job_fail") @implementation
public func bgj_job_fail(
  _ job: UnsafeMutablePointer<bgj_job>?, _ why: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).fail(try words(why)) }
}

@_cdecl("bgj_job_cancel") @implementation
public func bgj_job_cancel(
  _ job: UnsafeMutablePointer<bgj_job>?, _ why: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).cancel(try words(why)) }
}

@_cdecl("bgj_job_set_config") @implementation
public func bgj_job_set_config(
  _ job: UnsafeMutablePointer<bgj_job>?, _ config: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let config = try optionalText(config, "config") else { throw missing("config") }
    return try job.setConfig(config)
  }
}

@_cdecl("bgj_job_retry") @implementation
public func bgj_job_retry(
  _ job: UnsafeMutablePointer<bgj_job>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).retry() }
}

@_cdecl("bgj_job_retry_items") @implementation
public func bgj_job_retry_items(
  _ job: UnsafeMutablePointer<bgj_job>?, _ items: UnsafePointer<UnsafePointer<CChar>?>?,
  _ count: Int, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    return try job.retry(packed: try pack(items, count))
  }
}

/// A reason in words; none is fine.
private func words(_ why: UnsafePointer<CChar>?) throws(JobError) -> String? {
  guard let why else { return nil }
  try Limits.checkText(bytes(why), "why")
  return try optionalText(why, "why")
}
