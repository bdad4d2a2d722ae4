import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

// `bgj_job_info`: numbers, and strings in one block that belongs to it.

func number(_ status: JobStatus) -> bgj_job_status {
  switch status {
  case .pending: BGJ_JOB_PENDING
  case .running: BGJ_JOB_RUNNING
  case .paused: BGJ_JOB_PAUSED
  case .completed: BGJ_JOB_COMPLETED
  case .failed: BGJ_JOB_FAILED
  case .other: BGJ_JOB_OTHER
  }
}

/// What BGJ_JOB_INFO_INIT says.
private func emptyInfo() -> bgj_job_info {
  var info = bgj_job_info()
  info.status = BGJ_JOB_OTHER
  info.rate = -1
  (info.eta, info.eta_low, info.eta_high) = (-1, -1, -1)
  (info.created_ms, info.started_ms, info.updated_ms) = (-1, -1, -1)
  (info.completed_ms, info.resume_at_ms) = (-1, -1)
  (info.wait_ms, info.finish_ms, info.refused_ms) = (-1, -1, -1)
  (info.not_before_ms, info.retry_at_ms) = (-1, -1)
  return info
}

/// Replaces what is in the caller's info, no further than its `struct_size`.
func fill(_ info: UnsafeMutablePointer<bgj_job_info>, from job: JobInfo) throws(JobError) {
  let size = UnsafeRawPointer(info).load(as: Int.self)
  guard size >= 16, size <= 1 << 16 else {
    throw JobError(.invalid, "struct_size of info is \(size); initialise it with BGJ_JOB_INFO_INIT")
  }
  var filled = emptyInfo()
  numbers(job, &filled)
  // First only how long they are; then there is room for them.
  var texts = Texts()
  place(job, &filled, &texts)
  guard let memory = malloc(texts.count) else {
    throw JobError(.noMemory, "no memory for the texts of a job", osError: ENOMEM)
  }
  filled.memory = memory
  texts = Texts(memory: memory)
  place(job, &filled, &texts)
  replace(info, by: filled, size)
}

private func place(_ job: JobInfo, _ info: inout bgj_job_info, _ texts: inout Texts) {
  info.id = texts.place(job.id)
  info.type = texts.place(job.type)
  info.key = texts.place(job.key)
  info.status_name = texts.place(job.statusName)
  info.reason = texts.place(job.reason)
  info.error = texts.place(job.error)
  info.current_item = texts.place(job.currentItem)
  info.refused_status = texts.place(job.refusedStatus)
  info.lane = texts.place(job.lane)
}

/// C strings, one behind the other.
private struct Texts {
  /// nil: they are only counted.
  var memory: UnsafeMutableRawPointer?
  var count = 0

  @inline(never)
  mutating func place(_ text: String?) -> UnsafePointer<CChar>? {
    guard var text else { return nil }
    let start = count
    count += text.byteCount + 1
    guard let memory else { return nil }
    text.withUTF8 { bytes in
      for place in bytes.indices {
        // What has a zero byte inside came from another tool; a C string would end there.
        let byte = bytes[place] == 0 ? 0x20 : bytes[place]
        memory.storeBytes(of: byte, toByteOffset: start + place, as: UInt8.self)
      }
    }
    memory.storeBytes(of: 0, toByteOffset: count - 1, as: UInt8.self)
    return UnsafeRawPointer(memory + start).assumingMemoryBound(to: CChar.self)
  }
}

private func numbers(_ job: JobInfo, _ info: inout bgj_job_info) {
  info.status = number(job.status)
  info.current = job.current
  info.total = job.total
  info.percentage = Int32(clamping: job.percentage)
  info.items_completed = UInt64(job.itemsCompleted)
  info.items_failed = UInt64(job.itemsFailed)
  info.items_open = UInt64(job.itemsOpen)
  info.rate = job.rate ?? -1
  if let eta = job.eta, let range = job.etaRange {
    info.eta = job.wholeSeconds(eta) ?? -1
    info.eta_low = job.wholeSeconds(range.lowerBound) ?? -1
    info.eta_high = job.wholeSeconds(range.upperBound) ?? -1
  }
  info.active_ms = job.activeMs
  info.created_ms = job.createdMs ?? -1
  info.started_ms = job.startedMs ?? -1
  info.updated_ms = job.updatedMs ?? -1
  info.completed_ms = job.completedMs ?? -1
  info.resume_at_ms = job.resumeAtMs ?? -1
  info.owner_pid = job.ownerPID ?? 0
  info.owned = job.isOwned ? 1 : 0
  info.pause_acknowledged = job.isPauseAcknowledged ? 1 : 0
  info.attempts = Int32(clamping: job.attempts)
  info.stalled = job.isStalled ? 1 : 0
  info.eta_from_history = job.isEstimateFromHistory ? 1 : 0
  info.wait_ms = job.waitMs ?? -1
  info.finish_ms = job.finishMs ?? -1
  info.refused_ms = job.refusedMs ?? -1
  info.items_skipped = UInt64(job.itemsSkipped)
  info.enqueued = job.isEnqueued ? 1 : 0
  info.priority = Int32(clamping: job.priority)
  info.not_before_ms = job.notBeforeMs ?? -1
  (info.workers, info.items_claimed) = (Int32(clamping: job.workers), UInt64(job.itemsClaimed))
  info.max_attempts = Int32(clamping: job.mostAttempts)
  info.failures = Int32(clamping: job.failures)
  info.retry_at_ms = job.retryAtMs ?? -1
  info.items_under_way = UInt64(job.itemsUnderWay)
  info.has_warnings = job.hasWarnings ? 1 : 0
}

private func replace(
  _ info: UnsafeMutablePointer<bgj_job_info>, by filled: bgj_job_info, _ size: Int
) {
  free(info.pointee.memory)
  var filled = filled
  filled.struct_size = size
  withUnsafeBytes(of: &filled) {
    UnsafeMutableRawPointer(info).copyMemory(
      from: $0.baseAddress ?? UnsafeRawPointer(info), byteCount: min(size, $0.count))
  }
}

func clear(_ info: UnsafeMutablePointer<bgj_job_info>?) {
  guard let info else { return }
  let size = UnsafeRawPointer(info).load(as: Int.self)
  guard size >= 16, size <= 1 << 16 else { return }
  replace(info, by: emptyInfo(), size)
}
