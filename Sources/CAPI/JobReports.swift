// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

/// The usual report without counting references; nil: nothing has happened.
@inline(__always)
private func doneQuickly(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  currentItem: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status? {
  guard let job, let item else { return nil }
  let status = Unmanaged<JobHandle>.fromOpaque(job)._withUnsafeGuaranteedRef {
    $0.job.sendQuickly(bytes(item), currentItem: optionalBytes(currentItem))
  }
  guard let status, status == .ok else { return nil }
  if let error { clear(error) }
  return BGJ_OK
}

@_cdecl("bgj_job_update") @implementation
public func bgj_job_update(
  _ job: UnsafeMutablePointer<bgj_job>?, _ current: Int64, _ current_item: UnsafePointer<CChar>?,
  _ completed_item: UnsafePointer<CChar>?, _ failed_item: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  if current == -1, failed_item == nil,
    let status = doneQuickly(job, completed_item, currentItem: current_item, error)
  {
    return status
  }
  return call(error) { () throws(JobError) in
    let job = try object(job)
    return try job.send {
      $0.current = current == -1 ? nil : current
      $0.currentItem = optionalBytes(current_item)
      $0.done = optionalBytes(completed_item)
      $0.failed = optionalBytes(failed_item)
    }
  }
}

@_cdecl("bgj_job_advance") @implementation
public func bgj_job_advance(
  _ job: UnsafeMutablePointer<bgj_job>?, _ count: Int64, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).send { $0.advance = count } }
}

@_cdecl("bgj_job_item_done") @implementation
public func bgj_job_item_done(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  if let status = doneQuickly(job, item, currentItem: nil, error) { return status }
  return call(error) { () throws(JobError) in
    let job = try object(job)
    guard let item else { throw missing("item") }
    return try job.send { $0.done = bytes(item) }
  }
}

@_cdecl("bgj_job_items_done") @implementation
public func bgj_job_items_done(
  _ job: UnsafeMutablePointer<bgj_job>?, _ items: UnsafePointer<UnsafePointer<CChar>?>?,
  _ count: Int, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    return try job.sendDone(packed: try pack(items, count))
  }
}

@_cdecl("bgj_job_item_failed") @implementation
public func bgj_job_item_failed(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ why: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status { ended(job, item, why, isFailure: true, error) }

@_cdecl("bgj_job_item_skipped") @implementation
public func bgj_job_item_skipped(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ why: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status { ended(job, item, why, isFailure: false, error) }

// Not inlined: the library is to stay small.
@inline(never)
private func ended(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ why: UnsafePointer<CChar>?, isFailure: Bool, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let item else { throw missing("item") }
    return try job.send {
      if isFailure { $0.failed = bytes(item) } else { $0.skipped = bytes(item) }
      $0.why = optionalBytes(why)
    }
  }
}

@_cdecl("bgj_job_set_total") @implementation
public func bgj_job_set_total(
  _ job: UnsafeMutablePointer<bgj_job>?, _ total: Int64, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in try object(job).send { $0.total = total } }
}

@_cdecl("bgj_job_set_cursor") @implementation
public func bgj_job_set_cursor(
  _ job: UnsafeMutablePointer<bgj_job>?, _ json: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let json else { throw missing("json") }
    guard bytes(json).count <= Limits.cursor else {
      throw JobError(
        .invalid, "the cursor has \(bytes(json).count) bytes; at most \(Limits.cursor) are possible"
      )
    }
    let compact = try JobConfig.checkValue(bytes(json), "the cursor")
    return try withBytes(of: compact) { bytes throws(JobError) in
      try job.send { $0.cursor = bytes }
    }
  }
}

@_cdecl("bgj_job_plan") @implementation
public func bgj_job_plan(
  _ job: UnsafeMutablePointer<bgj_job>?, _ items: UnsafePointer<UnsafePointer<CChar>?>?,
  _ count: Int, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    return try job.plan(packed: try pack(items, count))
  }
}

@_cdecl("bgj_job_set_plan") @implementation
public func bgj_job_set_plan(
  _ job: UnsafeMutablePointer<bgj_job>?, _ items: UnsafePointer<UnsafePointer<CChar>?>?,
  _ count: Int, _ withdrawn: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    let result = try job.setPlan(packed: try pack(items, count))
    withdrawn?.pointee = result.withdrawn
    return result.status
  }
}

@_cdecl("bgj_job_item_begin") @implementation
public func bgj_job_item_begin(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ attempt: UnsafeMutablePointer<Int64>?, _ unended: UnsafeMutablePointer<Int64>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let item else { throw missing("item") }
    let result = try job.begin(bytes(item))
    attempt?.pointee = result.attempt
    unended?.pointee = result.unended
    return result.status
  }
}

@_cdecl("bgj_job_item_give_back") @implementation
public func bgj_job_item_give_back(
  _ job: UnsafeMutablePointer<bgj_job>?, _ item: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let item else { throw missing("item") }
    return try job.giveBack(bytes(item))
  }
}

/// A caller's items, each behind its length.
func pack(
  _ items: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int
) throws(JobError) -> Buffer {
  guard count >= 0 else { throw JobError(.invalid, "count is too large") }
  let packed = Buffer()
  guard let items else {
    if count == 0 { return packed }
    throw missing("items")
  }
  for index in 0..<count {
    guard let item = items[index] else { throw JobError(.invalid, "items[\(index)] is NULL") }
    try Limits.checkItem(bytes(item))
    packed.appendCounted(bytes(item))
  }
  try packed.requireWhole()
  return packed
}
