// What is known of a job. Nothing is written.
extension Job {
  /// As of this manager's last look.
  package func isDone(_ item: UnsafeRawBufferPointer) -> Bool {
    let answer = try? manager.with { store throws(JobError) -> Bool in
      let job = try reference.resolve(in: store)
      guard let slot = job.items.find(item) else { return false }
      return job.items.mark(of: slot) == .done
    }
    return answer ?? false
  }

  /// The next planned item; nil with `.end`, `.paused`.
  package func next(
    _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    try manager.with { store throws(JobError) in
      let job = try store.lookForNext(reference)
      switch job.status {
      case .completed, .failed:
        throw JobError(.finished, Lifecycle.hasEnded(job, "it gives out no items"))
      case .paused: return .paused
      default: break
      }
      let key = TextKey(text: id)
      let dispenser = store.dispensers[key]?.following(job) ?? Dispenser(job)
      store.dispensers[key] = dispenser
      guard let slot = dispenser.next() else { return .end }
      try take(job.items.bytes(of: slot))
      return .ok
    }
  }

  /// Looks at the files again.
  public func info() throws(JobError) -> JobInfo {
    try manager.with { store throws(JobError) in
      try store.refresh()
      return try store.info(try reference.resolve(in: store))
    }
  }

  /// JSON text of the config; nil: none.
  public func config() throws(JobError) -> String? {
    try manager.with { store throws(JobError) in
      try store.refresh()
      return try reference.resolve(in: store).members["config"]
    }
  }

  /// JSON text of the cursor; nil: none.
  public func cursor() throws(JobError) -> String? {
    try manager.with { store throws(JobError) in
      try store.refresh()
      let cursor = try reference.resolve(in: store).cursor
      return cursor.count == 0 ? nil : String(decoding: cursor.bytes, as: UTF8.self)
    }
  }

  #if !hasFeature(Embedded)
    /// Items by what became of them, each in its own order.
    package struct Items {
      package var completed: [String] = []
      package var failed: [(item: String, why: String?)] = []
      /// Planned, and neither completed nor failed.
      package var open: [String] = []
    }

    package func items() throws(JobError) -> Items {
      try manager.with { store throws(JobError) in
        try store.refresh()
        let set = try reference.resolve(in: store).items
        var items = Items()
        try set.forEachDone { item throws(JobError) in
          items.completed.append(String(decoding: item, as: UTF8.self))
        }
        set.forEachFailed { slot, item throws(Never) in
          items.failed.append((String(decoding: item, as: UTF8.self), set.failures[slot]))
        }
        var position = 0
        while let slot = set.nextOpen(from: &position) {
          items.open.append(String(decoding: set.bytes(of: slot), as: UTF8.self))
        }
        return items
      }
    }
  #endif

  /// The job as it would stand in the state file.
  public func json() throws(JobError) -> String {
    try manager.with { store throws(JobError) in
      try store.refresh()
      let buffer = Buffer()
      try StateDocument.encode(
        try reference.resolve(in: store), JSONText(buffer))
      return String(decoding: buffer.bytes, as: UTF8.self)
    }
  }
}
