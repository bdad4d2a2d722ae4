/// Damage that nobody has told yet: files that a snapshot refers to, and closed logs of which less was
/// read than they had.
struct LostRecords: ~Copyable {
  final class Part {
    let name: String
    let why: String
    /// Whose closed log it is.
    let job: String?

    init(name: String, why: String, job: String?) {
      (self.name, self.why, self.job) = (name, why, job)
    }
  }

  static func name(of file: String) -> String { Message("background-jobs.d/\(file)").text }

  private(set) var parts: [Part] = []

  /// The snapshot refers to what is damaged.
  var isInSnapshot: Bool { parts.contains { $0.job == nil } }

  func has(_ name: String) -> Bool { parts.contains { $0.name.bytes == name.bytes } }

  @inline(never)
  mutating func note(_ name: String, _ why: String, job: String? = nil) {
    if !has(name) { parts.append(Part(name: name, why: why, job: job)) }
  }

  mutating func note(_ job: JobState, _ position: LogPosition, _ end: LogEnd) {
    let finding: Message =
      position.index < end.records
      ? "\(position.index) of \(end.records) records of job \(job.id) are left"
      : "the records of job \(job.id) are not those that were written"
    note(LogFormat.name(position.number), finding.text, job: job.id)
  }

  /// A damaged file was told.
  mutating func forget(_ name: String) {
    parts.removeAll { Self.name(of: $0.name).bytes == name.bytes }
  }

  mutating func forgetAll() { parts = [] }
}
