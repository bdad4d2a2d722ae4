#if !hasFeature(Embedded)
  // Loops in Swift's own form. The C API has bgj_job_next.
  extension Job {
    /// What remains of the plan, for a loop over it: each item that is neither done nor failed,
    /// once.
    ///
    /// ```swift
    /// for item in try job.remaining() {
    ///   try download(item)
    ///   try job.itemDone(item)
    /// }
    /// try job.complete()
    /// ```
    ///
    /// While the job is paused the loop waits: `for` blocks its thread, `for try await` does not. Of a
    /// shared job each worker gets items of its own, and waits while others have what is left.
    /// `for` cannot throw: when the job ends under it, or its state cannot be read, it stops, and
    /// ``complete(result:)`` throws why. Only the owner may ask.
    ///
    /// - Throws: `.illegalTransition` when this manager does not own the job.
    public func remaining() throws(JobError) -> RemainingItems {
      guard try info().isOwned else {
        throw JobError(
          .illegalTransition, "job \(id): this manager does not own it; start it first")
      }
      return RemainingItems(job: self)
    }

    /// Returns when the job, which this manager owns, is running, and so not paused any more. The
    /// pause is acknowledged meanwhile, and a rate limit ends by itself. Blocks no thread.
    ///
    /// - Throws: ``JobError`` (`.finished` when the job ended), or `CancellationError`.
    public func resumed() async throws {
      while true {
        let (outcome, status) = try wait(for: .running, timeoutMs: 0)
        switch outcome {
        case .ok: return
        case .finished: throw JobError(.finished, "job \(id) is \(status.name)")
        default: try await Task.sleep(for: .milliseconds(50))
        }
      }
    }
  }

  /// See ``Job/remaining()``.
  public struct RemainingItems: Sequence, AsyncSequence, Sendable {
    let job: Job

    /// For a loop that blocks its thread while the job is paused.
    public func makeIterator() -> Iterator { Iterator(job: job) }
    /// For a loop that blocks no thread.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(job: job) }

    /// Gives the items one by one; while the job is paused it blocks.
    public struct Iterator: IteratorProtocol {
      let job: Job

      /// The next item; nil at the end of the plan, and when the job cannot go on.
      public func next() -> String? {
        do throws(JobError) {
          while true {
            let (item, status) = try job.next()
            if status == .waiting {
              Clock.sleep(milliseconds: 50)
              continue
            }
            if status != .paused { return item }
            let (outcome, now) = try job.wait(for: .running)
            if outcome == .finished { throw JobError(.finished, "job \(job.id) is \(now.name)") }
          }
        } catch {
          job.stop(because: error)
          return nil
        }
      }
    }

    /// Gives the items one by one; while the job is paused it awaits.
    public struct AsyncIterator: AsyncIteratorProtocol {
      let job: Job

      /// The next item; nil at the end of the plan.
      ///
      /// - Throws: ``JobError`` when the job cannot go on, or `CancellationError`.
      public func next() async throws -> String? {
        while true {
          try Task.checkCancellation()
          let (item, status) = try job.next()
          if status == .waiting {
            try await Task.sleep(for: .milliseconds(50))
            continue
          }
          if status != .paused { return item }
          try await job.resumed()
        }
      }
    }
  }
#endif
