// A job in the state file, for everyone: in the order of members that the file had.
extension StateDocument {
  private static let order = [
    "id", "type", "status", "progress", "startedAt", "updatedAt", "config", "completedAt", "error",
    "result", "dependsOn",
  ]

  /// Those of `order` and of `JobState.progressNames` whose values we make, by their places there.
  private enum JobMember: Int {
    case id, type, status, progress, startedAt, updatedAt
    case completedAt = 7
    case error, result
  }
  private enum ProgressMember: Int {
    case current, total, percentage, currentItem, itemsCompleted, itemsFailed, rate, eta
  }

  /// The order of the file, then what has come since; or our order for a new job. `body` gets the
  /// place in our order, too.
  private static func forEachName(
    _ members: [JSONMember], _ order: [String], _ body: (String, Int?) throws(JobError) -> Void
  ) throws(JobError) {
    let isFromFile = members.contains { $0.name.bytes == order[0].bytes }
    if isFromFile {
      for member in members {
        try body(member.name, order.firstIndex { $0.bytes == member.name.bytes })
      }
    }
    for place in order.indices {
      if isFromFile, members.contains(where: { $0.name.bytes == order[place].bytes }) { continue }
      try body(order[place], place)
    }
    if isFromFile { return }
    for member in members where !order.has(member.name) { try body(member.name, nil) }
  }

  /// No `String`: Swift ends the process where there is no memory for a large one.
  static func text(of job: JobState) throws(JobError) -> Buffer {
    let buffer = Buffer()
    try encode(job, JSONText(buffer))
    try buffer.requireWhole()
    return buffer
  }

  static func encode(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.isOurs else { return try encodeForeign(job, out) }
    out.beginObject()
    try forEachName(job.members, order) { name, place throws(JobError) in
      try encodeMember(name, place.flatMap { JobMember(rawValue: $0) }, job, out)
    }
    try encodeOurs(job, out)
    out.endObject()
  }

  /// A job as its file has it, without our member.
  static func encodeForeign(_ job: JobState, _ out: JSONText) throws(JobError) {
    out.beginObject()
    for member in job.members {
      if member.name.bytes == "progress", member.text.isEmpty {
        try encodeForeignProgress(job, out)
      } else {
        out.member(member.name, raw: member.text)
      }
    }
    out.endObject()
  }

  private static func encodeMember(
    _ name: String, _ member: JobMember?, _ job: JobState, _ out: JSONText
  ) throws(JobError) {
    let raw = job.members[name]
    switch member {
    case .id: out.member(name, job.id)
    case .type: out.member(name, job.type)
    case .status: out.member(name, job.statusName)
    case .progress: try encodeProgress(job, out)
    case .startedAt: encodeDate(name, job.started ?? job.created, raw, out)
    case .updatedAt: encodeDate(name, job.updated, raw, out)
    case .completedAt: encodeDate(name, job.completed, raw, out)
    case .error: if let error = job.error { out.member(name, error) }
    case .result: if let result = job.result { out.member(name, raw: result) }
    case nil: if let raw, name.bytes != "bgjobs" { out.member(name, raw: raw) }
    }
  }

  /// A date that means the same keeps its text.
  private static func encodeDate(
    _ name: String, _ time: Int64?, _ raw: String?, _ out: JSONText
  ) {
    let before = raw.flatMap { DateText.parse(quoted: $0) }
    if let raw, before == time { return out.member(name, raw: raw) }
    if let time { out.date(name, time) }
  }

  private static func encodeForeignProgress(_ job: JobState, _ out: JSONText) throws(JobError) {
    out.name("progress")
    out.beginObject()
    for member in job.progressMembers {
      if !member.text.isEmpty {
        out.member(member.name, raw: member.text)
      } else if member.name.bytes == "itemsCompleted" || member.name.bytes == "itemsFailed" {
        try encodeItems(member.name, job, out)
      }
    }
    out.endObject()
  }

  private static func encodeProgress(
    _ job: JobState, _ out: JSONText
  ) throws(JobError) {
    let members = job.progressMembers
    let current = members["current"].flatMap(wholeNumber) ?? 0
    let total = members["total"].flatMap(wholeNumber) ?? 0
    let isUnchanged = current == job.current && total == job.total
    let estimate = currentEstimate(job)
    out.name("progress")
    out.beginObject()
    try forEachName(members, JobState.progressNames) { name, place throws(JobError) in
      let raw = members[name]
      let member = place.flatMap { ProgressMember(rawValue: $0) }
      switch member {
      case .current, .total, .percentage:
        let value =
          member == .current ? job.current : member == .total ? job.total : job.percentage
        // A plan of ours has its part in the percentage.
        if isUnchanged, let raw, member != .percentage || job.items.openCount == 0 {
          out.member(name, raw: raw)
        } else {
          out.member(name, value)
        }
      case .currentItem:
        guard job.shownItem.count > 0 else { break }
        out.name(name)
        out.string(job.shownItem)
      case .itemsCompleted, .itemsFailed: try encodeItems(name, job, out)
      case .rate:
        guard let estimate else { break }
        out.name(name)
        out.number(rounded(estimate.rate))
      case .eta:
        guard let estimate, job.total > 0, let eta = whole(estimate.eta) else { break }
        out.member(name, job.remaining > 0 ? max(1, eta) : eta)
      case nil: if let raw { out.member(name, raw: raw) }
      }
    }
    out.endObject()
  }

  private static func encodeItems(_ name: String, _ job: JobState, _ out: JSONText) throws(JobError)
  {
    if name.bytes == "itemsFailed", let theirs = job.foreignFailures,
      theirs.done == job.items.doneCount, theirs.failed == job.items.failedCount
    {
      return out.member(name, raw: theirs.text)
    }
    out.name(name)
    out.beginArray()
    if !out.hasItems {
      // Only that there is a list.
    } else if name.bytes == "itemsCompleted" {
      try job.items.forEachDone { item throws(JobError) in
        out.element(item)
      }
    } else {
      try job.items.forEachFailed { _, item throws(JobError) in
        out.element(item)
      }
    }
    out.endArray()
  }

  /// As at the last report; nil unless the job runs and there is ground for a number.
  static func currentEstimate(_ job: JobState) -> Estimate? {
    guard job.status == .running else { return nil }
    return job.estimate(at: job.clock.total, prior: nil)
  }

  /// Three significant digits, one decimal at the least.
  private static func rounded(_ rate: Double) -> Double {
    var scale = 10.0
    while rate * scale < 100, scale < 1e9 { scale *= 10 }
    return (rate * scale).rounded() / scale
  }

  static func whole(_ seconds: Double) -> Int64? {
    seconds < 1e15 ? Int64(exactly: seconds.rounded()) : nil
  }
}
