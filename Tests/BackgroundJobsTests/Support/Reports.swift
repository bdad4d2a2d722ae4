@testable import BackgroundJobs

/// Reports as a Swift host would say them.
extension Job {
  @discardableResult
  func done(_ item: String) throws(JobError) -> Status {
    try withBytes(of: item) { bytes throws(JobError) in try send { $0.done = bytes } }
  }

  @discardableResult
  func failed(_ item: String, _ why: String) throws(JobError) -> Status {
    try withBytes(of: item) { bytes throws(JobError) in
      try withBytes(of: why) { why throws(JobError) in
        try send {
          $0.failed = bytes
          $0.why = why
        }
      }
    }
  }

  @discardableResult
  func workOn(_ item: String, cursor: String) throws(JobError) -> Status {
    try withBytes(of: item) { bytes throws(JobError) in
      try withBytes(of: cursor) { cursor throws(JobError) in
        try send {
          $0.currentItem = bytes
          $0.cursor = cursor
        }
      }
    }
  }

  @discardableResult
  func advance(_ count: Int64) throws(JobError) -> Status { try send { $0.advance = count } }

  @discardableResult
  func update(current: Int64) throws(JobError) -> Status { try send { $0.current = current } }

  @discardableResult
  func plan(_ items: [String]) throws(JobError) -> Status { try plan(packed: packed(items)) }
}

func packed(_ items: [String]) throws(JobError) -> Buffer {
  let buffer = Buffer()
  for item in items { buffer.appendCounted(item) }
  return buffer
}
