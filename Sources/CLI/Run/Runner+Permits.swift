import BackgroundJobs

// What a provider allows: each command needs a permit of its rate before it begins.
extension Runner {
  /// What `provider` permits next.
  struct Permit {
    /// When it may be used, or asked for again, on the machine's clock.
    var time: Int64
    var isTaken: Bool
  }

  /// The next that may begin now. What has to wait for its permit is held.
  func nextPermitted() throws -> Work? {
    guard let provider = spec.provider else { return try nextWork() }
    if held == nil { held = try nextWork() }
    guard held != nil else { return nil }
    while true {
      let permit = try permit ?? ask(provider)
      self.permit = permit
      guard permit.time <= monotonicMs() else { return nil }
      self.permit = nil
      guard permit.isTaken else { continue }
      defer { held = nil }
      return held
    }
  }

  private func ask(_ provider: String) throws -> Permit {
    let now = monotonicMs()
    do throws(JobError) {
      let (status, wait) = try job.permit(of: provider)
      return Permit(time: now + wait, isTaken: status == .ok)
    } catch {
      // Nobody limits it any more.
      if error.status == .notFound { return Permit(time: now, isTaken: true) }
      guard isPassing(error) else { throw error }
      sayOnce("\(error.message): trying again")
      return Permit(time: now + 1000, isTaken: false)
    }
  }
}
