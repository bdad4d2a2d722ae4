/// A job of a store, found again when the store's state was made anew.
final class JobReference {
  let id: String
  /// What the store that was asked last knows of it; valid for that state of the store.
  var job: JobState?
  var generation = -1

  init(_ id: String) { self.id = id }

  /// nil: it must be found again. Without a reference of its own: for as long as the store's mutex
  /// is held and nothing is folded.
  @inline(__always)
  func unretained(in generation: Int) -> Unmanaged<JobState>? {
    guard let job, self.generation == generation, !job.isRemoved else { return nil }
    return Unmanaged.passUnretained(job)
  }

  @inline(__always)
  func resolve(in state: State, _ generation: Int) throws(JobError) -> JobState {
    if let job = unretained(in: generation) { return job.takeUnretainedValue() }
    guard let found = try state.job(id) else { throw state.notFound(id) }
    (job, self.generation) = (found, generation)
    return found
  }
}
