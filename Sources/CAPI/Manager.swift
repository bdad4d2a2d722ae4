// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

@_cdecl("bgj_manager_open") @implementation
public func bgj_manager_open(
  _ project: UnsafePointer<CChar>?, _ options: UnsafePointer<bgj_options>?,
  _ manager: UnsafeMutablePointer<UnsafeMutablePointer<bgj_manager>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let path = try text(project, "project")
    guard let manager else { throw missing("manager") }
    let chosen = try managerOptions(try read(options, bgj_options(), "options"))
    manager.pointee = handle(try JobManager.open(path, chosen))
    return .ok
  }
}

private func managerOptions(_ raw: bgj_options) throws(JobError) -> JobManager.Options {
  var options = JobManager.Options()
  guard raw.flags & ~0x3 == 0 else {
    throw JobError(.invalid, "flags has bits that this version does not know")
  }
  guard raw.lock_timeout_ms >= 0, raw.lock_timeout_ms <= 86_400_000 else {
    throw JobError(
      .invalid, "the lock timeout is \(raw.lock_timeout_ms) ms; it must be 0 to 86400000")
  }
  options.isReadOnly = raw.flags & 0x1 != 0
  options.acceptsAnyFileSystem = raw.flags & 0x2 != 0
  if raw.lock_timeout_ms > 0 { options.lockTimeoutMs = Int64(raw.lock_timeout_ms) }
  if raw.keep_completed != 0 {
    options.keepCompleted = raw.keep_completed < 0 ? nil : Int(raw.keep_completed)
  }
  if raw.keep_for_s != 0 { options.keepFor = raw.keep_for_s < 0 ? nil : raw.keep_for_s }
  if let clock = raw.clock {
    nonisolated(unsafe) let context = raw.clock_context
    options.clock = { clock(context, bgj_clock_id(rawValue: UInt32($0.rawValue))) }
  }
  return options
}

@_cdecl("bgj_manager_close") @implementation
public func bgj_manager_close(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  callAnyway(error) { () throws(JobError) in
    guard let manager else { return .ok }
    let object = Unmanaged<JobManager>.fromOpaque(manager).takeRetainedValue()
    try object.close()
    return .ok
  }
}

@_cdecl("bgj_manager_sync") @implementation
public func bgj_manager_sync(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    try object(manager).sync()
    return .ok
  }
}

@_cdecl("bgj_manager_create") @implementation
public func bgj_manager_create(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ type: UnsafePointer<CChar>?,
  _ config: UnsafePointer<CChar>?, _ total: Int64,
  _ job: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let job else { throw missing("job") }
    let (type, config) = (try text(type, "type"), try optionalText(config, "config"))
    job.pointee = try handle(try object(manager).create(type, config: config, total: total))
    return .ok
  }
}

@_cdecl("bgj_manager_ensure") @implementation
public func bgj_manager_ensure(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ type: UnsafePointer<CChar>?,
  _ key: UnsafePointer<CChar>?, _ config: UnsafePointer<CChar>?, _ total: Int64,
  _ job: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let job else { throw missing("job") }
    let (type, key) = (try text(type, "type"), try text(key, "key"))
    let config = try optionalText(config, "config")
    job.pointee = try handle(
      try object(manager).ensure(type, key: key, config: config, total: total))
    return .ok
  }
}

@_cdecl("bgj_manager_find") @implementation
public func bgj_manager_find(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ id: UnsafePointer<CChar>?,
  _ job: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let job else { throw missing("job") }
    let id = try text(id, "id")
    job.pointee = try handle(try object(manager).find(id))
    return .ok
  }
}

@_cdecl("bgj_manager_list") @implementation
public func bgj_manager_list(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ statuses: UInt32,
  _ type: UnsafePointer<CChar>?,
  _ list: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job_list>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let list else { throw missing("list") }
    let wanted = statuses == 0 ? JobStatusSet.all : try statusSet(statuses)
    let type = try optionalText(type, "type")
    list.pointee = handle(try object(manager).list(wanted, type: type))
    return .ok
  }
}

func statusSet(_ mask: UInt32) throws(JobError) -> JobStatusSet {
  guard mask != 0, mask & ~JobStatusSet.all.rawValue == 0 else {
    throw JobError(.invalid, "statuses is \(mask), which is no set of statuses")
  }
  return JobStatusSet(rawValue: mask)
}

@_cdecl("bgj_manager_cleanup") @implementation
public func bgj_manager_cleanup(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ keep: Int,
  _ removed: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    // A size_t beyond Int comes in as a negative number: keep everything.
    let count = try object(manager).cleanup(keep: keep < 0 ? .max : keep)
    removed?.pointee = count
    return .ok
  }
}

@_cdecl("bgj_manager_cleanup_with") @implementation
public func bgj_manager_cleanup_with(
  _ manager: UnsafeMutablePointer<bgj_manager>?, _ keep: Int, _ flags: UInt32,
  _ removed: UnsafeMutablePointer<UnsafeMutablePointer<bgj_job_list>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let manager = try object(manager)
    guard flags & ~0x3 == 0 else {
      throw JobError(.invalid, "flags has bits that this version does not know")
    }
    let (keep, failed) = (keep < 0 ? .max : keep, flags & 0x1 != 0)
    let jobs =
      flags & 0x2 != 0
      ? try manager.removals(keep: keep, includingFailed: failed)
      : try manager.cleanup(keep: keep, includingFailed: failed)
    if let removed { removed.pointee = handle(jobs) }
    return .ok
  }
}

@_cdecl("bgj_manager_check") @implementation
public func bgj_manager_check(
  _ manager: UnsafeMutablePointer<bgj_manager>?,
  _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let (firstFinding, lines) = try object(manager).check()
    if let report { report.pointee = try copy(lines) }
    if let firstFinding { throw JobError(.damaged, Message(firstFinding)) }
    return .ok
  }
}

@_cdecl("bgj_job_list_count") @implementation
public func bgj_job_list_count(_ list: UnsafePointer<bgj_job_list>?) -> Int {
  guard let list else { return 0 }
  return Unmanaged<JobListHandle>.fromOpaque(list).takeUnretainedValue().jobs.count
}

@_cdecl("bgj_job_list_at") @implementation
public func bgj_job_list_at(
  _ list: UnsafePointer<bgj_job_list>?, _ index: Int,
  _ info: UnsafeMutablePointer<bgj_job_info>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let list else { throw missing("list") }
    guard let info else { throw missing("info") }
    let jobs = Unmanaged<JobListHandle>.fromOpaque(list).takeUnretainedValue().jobs
    guard index >= 0, index < jobs.count else {
      throw JobError(
        .notFound, "the list has \(jobs.count) jobs, none at \(UInt(bitPattern: index))")
    }
    try fill(info, from: jobs[index])
    return .ok
  }
}

@_cdecl("bgj_job_list_free") @implementation
public func bgj_job_list_free(_ list: UnsafeMutablePointer<bgj_job_list>?) {
  guard let list else { return }
  Unmanaged<JobListHandle>.fromOpaque(list).release()
}
