import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

/// What a `bgj_job *` points to.
final class JobHandle {
  let job: Job
  /// For bgj_job_id.
  let id: UnsafeMutablePointer<CChar>

  init(_ job: Job, id: UnsafeMutablePointer<CChar>) {
    self.job = job
    self.id = id
  }

  deinit { free(id) }
}

/// What a `bgj_job_list *` points to.
final class JobListHandle {
  let jobs: [JobInfo]
  init(_ jobs: [JobInfo]) { self.jobs = jobs }
}

// Handles are retained Swift objects behind typed pointers: the header's types cannot be mixed up.

func handle(_ manager: JobManager) -> UnsafeMutablePointer<bgj_manager> {
  Unmanaged.passRetained(manager).toOpaque().assumingMemoryBound(to: bgj_manager.self)
}

func handle(_ job: Job) throws(JobError) -> UnsafeMutablePointer<bgj_job> {
  Unmanaged.passRetained(JobHandle(job, id: try copy(job.id))).toOpaque().assumingMemoryBound(
    to: bgj_job.self)
}

func handle(_ jobs: [JobInfo]) -> UnsafeMutablePointer<bgj_job_list> {
  Unmanaged.passRetained(JobListHandle(jobs)).toOpaque()
    .assumingMemoryBound(to: bgj_job_list.self)
}

@inline(never)
func object(_ manager: UnsafeMutablePointer<bgj_manager>?) throws(JobError) -> JobManager {
  guard let manager else { throw missing("manager") }
  return Unmanaged<JobManager>.fromOpaque(manager).takeUnretainedValue()
}

@inline(never)
func object(_ job: UnsafeMutablePointer<bgj_job>?) throws(JobError) -> Job {
  guard let job else { throw missing("job") }
  return Unmanaged<JobHandle>.fromOpaque(job).takeUnretainedValue().job
}
