// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

@_cdecl("bgj_job_is_done") @implementation
public func bgj_job_is_done(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?
) -> Int32 {
  guard let item, let job = try? object(job) else { return 0 }
  return job.isDone(bytes(item)) ? 1 : 0
}

@_cdecl("bgj_job_next") @implementation
public func bgj_job_next(
  _ job: UnsafeMutablePointer<bgj_job>?,
  _ item: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let item else { throw missing("item") }
    let status = try job.next { bytes throws(JobError) in item.pointee = try copy(bytes) }
    if status != .ok { item.pointee = nil }
    return status
  }
}

@_cdecl("bgj_job_get_info") @implementation
public func bgj_job_get_info(
  _ job: UnsafeMutablePointer<bgj_job>?, _ info: UnsafeMutablePointer<bgj_job_info>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let info else { throw missing("info") }
    try fill(info, from: try job.info())
    return .ok
  }
}

@_cdecl("bgj_job_info_clear") @implementation
public func bgj_job_info_clear(_ info: UnsafeMutablePointer<bgj_job_info>?) { clear(info) }

@_cdecl("bgj_job_id") @implementation
public func bgj_job_id(_ job: UnsafePointer<bgj_job>?) -> UnsafePointer<CChar>? {
  guard let job else { return nil }
  return UnsafePointer(Unmanaged<JobHandle>.fromOpaque(job).takeUnretainedValue().id)
}

@_cdecl("bgj_job_get_config") @implementation
public func bgj_job_get_config(
  _ job: UnsafeMutablePointer<bgj_job>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let json else { throw missing("json") }
    guard let config = try job.config() else {
      throw JobError(.notFound, "job \(job.id) has no config")
    }
    json.pointee = try copy(config)
    return .ok
  }
}

@_cdecl("bgj_job_get_cursor") @implementation
public func bgj_job_get_cursor(
  _ job: UnsafeMutablePointer<bgj_job>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let json else { throw missing("json") }
    guard let cursor = try job.cursor() else {
      throw JobError(.notFound, "job \(job.id) has no cursor")
    }
    json.pointee = try copy(cursor)
    return .ok
  }
}

@_cdecl("bgj_job_get_json") @implementation
public func bgj_job_get_json(
  _ job: UnsafeMutablePointer<bgj_job>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    return try give(json) { () throws(JobError) in try job.encoded() }
  }
}

@_cdecl("bgj_job_release") @implementation
public func bgj_job_release(_ job: UnsafeMutablePointer<bgj_job>?) {
  guard let job else { return }
  Unmanaged<JobHandle>.fromOpaque(job).release()
}
