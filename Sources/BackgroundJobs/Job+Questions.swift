// What is known of a job. Nothing is written.
extension Job {
  /// As of this manager's last look.
  package func isDone(_ item: UnsafeRawBufferPointer) -> Bool {
    let answer = try? manager.with { storage throws(JobError) in
      try storage.isDone(reference, item)
    }
    return answer ?? false
  }

  /// The next planned item; nil with `.end`, `.paused`.
  package func next(
    _ take: (UnsafeRawBufferPointer) throws(JobError) -> Void
  ) throws(JobError) -> Status {
    try manager.with { storage throws(JobError) in try storage.next(reference, take) }
  }

  /// As of now, whoever has changed it.
  public func info() throws(JobError) -> JobInfo {
    try manager.with { storage throws(JobError) in try storage.info(reference) }
  }

  /// JSON text of the config; nil: none.
  public func config() throws(JobError) -> String? {
    try manager.with { storage throws(JobError) in try storage.config(reference) }
  }

  /// JSON text of the cursor; nil: none.
  public func cursor() throws(JobError) -> String? {
    try manager.with { storage throws(JobError) in try storage.cursor(reference) }
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
      var items = Items()
      try forEachItem([.done, .failed, .open, .underWay]) { item, state, why, _ throws(JobError) in
        let name = String(bytes: item)
        switch state {
        case .done: items.completed.append(name)
        case .failed: items.failed.append((name, why))
        case .open, .underWay: items.open.append(name)
        case .skipped: break
        }
      }
      return items
    }
  #endif

  /// The job as it would stand in the state file.
  public func json() throws(JobError) -> String {
    let buffer = try encoded()
    return String(bytes: buffer.bytes)
  }

  /// The same, as it is.
  package func encoded() throws(JobError) -> Buffer {
    try manager.with { storage throws(JobError) in try storage.json(reference) }
  }
}
