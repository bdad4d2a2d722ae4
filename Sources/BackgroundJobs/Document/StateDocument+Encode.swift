/// The state file's text, which is also the journal's snapshot.
struct StateDocument {
  static let format: Int64 = 1

  /// Random, for the store's life; tells files of this store from copies of others.
  struct Epoch: Equatable {
    var high: UInt64
    var low: UInt64
  }

  // MARK: Encoding

  static func encode(
    _ state: State, epoch: Epoch, into out: JSONText
  ) throws(JobError) {
    try out.beginObject()
    var hasJobs = false
    for member in state.topMembers where member.name != "bgjobs" {
      if member.name == "jobs" {
        hasJobs = true
        try encodeJobs(state, out)
      } else {
        try out.member(member.name, raw: member.text)
      }
    }
    if !hasJobs { try encodeJobs(state, out) }
    try encodeTop(state, epoch, out)
    try out.endObject()
  }

  private static func encodeJobs(_ state: State, _ out: JSONText) throws(JobError) {
    try out.name("jobs")
    try out.beginArray()
    for entry in state.entries {
      try out.next()
      switch entry {
      case .job(let job): try encode(job, out)
      case .opaque(let text): try out.raw(text)
      }
    }
    try out.endArray()
  }

  private static func encodeTop(_ state: State, _ epoch: Epoch, _ out: JSONText) throws(JobError) {
    try out.name("bgjobs")
    try out.beginObject()
    try out.member("format", format)
    try out.name("epoch")
    try out.buffer.append(UInt8(ascii: "\""))
    try out.hexadecimal(epoch.high)
    try out.hexadecimal(epoch.low)
    try out.buffer.append(UInt8(ascii: "\""))
    try out.member("seq", Int64(clamping: state.seq))
    try out.name("logs")
    try out.beginArray()
    for case .job(let job) in state.entries {
      guard let log = job.log else { continue }
      try out.next()
      try out.numbers(Int64(clamping: log.number), Int64(clamping: log.index), log.offset)
    }
    try out.endArray()
    if !state.setAside.isEmpty {
      try out.name("setAside")
      try out.beginObject()
      for file in state.setAside { try out.member(file.name, file.text) }
      try out.endObject()
    }
    try encodeRemoved(state, out)
    try encodeOthers(of: state, out)
    try out.endObject()
  }

  // MARK: A job

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
    let isFromFile = members.contains { $0.name == order[0] }
    if isFromFile {
      for member in members { try body(member.name, order.firstIndex { $0 == member.name }) }
    }
    for place in order.indices {
      if isFromFile, members.contains(where: { $0.name == order[place] }) { continue }
      try body(order[place], place)
    }
    if isFromFile { return }
    for member in members where !order.contains(member.name) { try body(member.name, nil) }
  }

  static func encode(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.isOurs else { return try encodeForeign(job, out) }
    try out.beginObject()
    try forEachName(job.members, order) { name, place throws(JobError) in
      try encodeMember(name, place.flatMap { JobMember(rawValue: $0) }, job, out)
    }
    try encodeOurs(job, out)
    try out.endObject()
  }

  /// A job as its file has it, without our member.
  static func encodeForeign(_ job: JobState, _ out: JSONText) throws(JobError) {
    try out.beginObject()
    for member in job.members {
      if member.name == "progress", member.text.isEmpty {
        try encodeForeignProgress(job, out)
      } else {
        try out.member(member.name, raw: member.text)
      }
    }
    try out.endObject()
  }

  private static func encodeMember(
    _ name: String, _ member: JobMember?, _ job: JobState, _ out: JSONText
  ) throws(JobError) {
    let raw = job.members[name]
    switch member {
    case .id: try out.member(name, job.id)
    case .type: try out.member(name, job.type)
    case .status: try out.member(name, job.statusName)
    case .progress: try encodeProgress(job, out)
    case .startedAt: try encodeDate(name, job.started ?? job.created, raw, out)
    case .updatedAt: try encodeDate(name, job.updated, raw, out)
    case .completedAt: try encodeDate(name, job.completed, raw, out)
    case .error: if let error = job.error { try out.member(name, error) }
    case .result: if let result = job.result { try out.member(name, raw: result) }
    case nil: if let raw, name != "bgjobs" { try out.member(name, raw: raw) }
    }
  }

  /// A date that means the same keeps its text.
  private static func encodeDate(
    _ name: String, _ time: Int64?, _ raw: String?, _ out: JSONText
  ) throws(JobError) {
    let before = raw.flatMap { DateText.parse(quoted: $0) }
    if let raw, before == time { return try out.member(name, raw: raw) }
    if let time { try out.date(name, time) }
  }

  private static func encodeForeignProgress(_ job: JobState, _ out: JSONText) throws(JobError) {
    try out.name("progress")
    try out.beginObject()
    for member in job.progressMembers {
      if !member.text.isEmpty {
        try out.member(member.name, raw: member.text)
      } else if member.name == "itemsCompleted" || member.name == "itemsFailed" {
        try encodeItems(member.name, job, out)
      }
    }
    try out.endObject()
  }

  private static func encodeProgress(
    _ job: JobState, _ out: JSONText
  ) throws(JobError) {
    let members = job.progressMembers
    let current = members["current"].flatMap(wholeNumber) ?? 0
    let total = members["total"].flatMap(wholeNumber) ?? 0
    let isUnchanged = current == job.current && total == job.total
    let estimate = currentEstimate(job)
    try out.name("progress")
    try out.beginObject()
    try forEachName(members, JobState.progressNames) { name, place throws(JobError) in
      let raw = members[name]
      let member = place.flatMap { ProgressMember(rawValue: $0) }
      switch member {
      case .current, .total, .percentage:
        let value =
          member == .current ? job.current : member == .total ? job.total : job.percentage
        // A plan of ours has its part in the percentage.
        if isUnchanged, let raw, member != .percentage || job.items.openCount == 0 {
          try out.member(name, raw: raw)
        } else {
          try out.member(name, value)
        }
      case .currentItem:
        guard job.currentItem.count > 0 else { break }
        try out.name(name)
        try out.string(job.currentItem.bytes)
      case .itemsCompleted, .itemsFailed: try encodeItems(name, job, out)
      case .rate:
        guard let estimate else { break }
        try out.name(name)
        try out.number(rounded(estimate.rate))
      case .eta:
        guard let estimate, job.total > 0, let eta = whole(estimate.eta) else { break }
        try out.member(name, job.remaining > 0 ? max(1, eta) : eta)
      case nil: if let raw { try out.member(name, raw: raw) }
      }
    }
    try out.endObject()
  }

  private static func encodeItems(_ name: String, _ job: JobState, _ out: JSONText) throws(JobError)
  {
    if name == "itemsFailed", let theirs = job.foreignFailures,
      theirs.done == job.items.doneCount, theirs.failed == job.items.failedCount
    {
      return try out.member(name, raw: theirs.text)
    }
    try out.name(name)
    try out.beginArray()
    if name == "itemsCompleted" {
      try job.items.forEachDone { item throws(JobError) in
        try out.element(item)
      }
    } else {
      try job.items.forEachFailed { _, item throws(JobError) in
        try out.element(item)
      }
    }
    try out.endArray()
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

  private static func whole(_ seconds: Double) -> Int64? {
    seconds < 1e15 ? Int64(exactly: seconds.rounded()) : nil
  }

  // MARK: What is ours alone

  private static func encodeOurs(_ job: JobState, _ out: JSONText) throws(JobError) {
    try out.name("bgjobs")
    try out.beginObject()
    try out.member("created", Int64(clamping: job.createdSeq))
    try out.member("rev", Int64(clamping: job.revision))
    if let key = job.key { try out.member("key", key) }
    if let reason = job.reason { try out.member("reason", reason) }
    if job.attempts != 1 { try out.member("attempts", job.attempts) }
    if let created = job.created { try out.date("createdAt", created) }
    if let started = job.started { try out.date("firstStartedAt", started) }
    if let resumeAt = job.resumeAt { try out.date("resumeAt", resumeAt) }
    if job.isPauseAcknowledged { try out.member("acknowledged", raw: "true") }
    if let owner = job.owner { try encode(owner, out) }
    if let log = job.log { try out.member("clockOffset", log.clockOffset) }
    if job.advances != 0 { try out.member("advances", job.advances) }
    if job.shift != 0 { try out.member("shift", job.shift) }
    if job.cursor.count > 0 {
      try out.name("cursor")
      try out.raw(job.cursor.bytes)
    }
    try encodeClock(job, out)
    try encodePlan(job, out)
    try encodeFailures(job, out)
    try encodeSkipped(job, out)
    try encodeTrials(job, out)
    try encodeOthers(of: job, out)
    try out.endObject()
  }

  private static func encode(_ owner: Owner, _ out: JSONText) throws(JobError) {
    try out.name("owner")
    try out.beginObject()
    if owner.process.pid != 0 {
      try out.member("pid", owner.process.pid)
      try out.member("startTicks", Int64(clamping: owner.process.startTicks))
      try out.member("namespace", Int64(clamping: owner.process.namespace))
      try out.member("boot", hexadecimal: owner.process.boot)
    }
    if let lock = owner.lock {
      try out.member("lock", lock.path)
      try out.member("device", Int64(clamping: lock.device))
      try out.member("inode", Int64(clamping: lock.inode))
      try out.member("boot", hexadecimal: lock.boot)
    }
    try out.date("since", owner.since)
    if owner.log != 0 {
      try out.member("log", Int64(clamping: owner.log))
      try out.member("salt", hexadecimal: owner.salt)
    }
    try out.endObject()
  }

  private static func encodeClock(_ job: JobState, _ out: JSONText) throws(JobError) {
    if job.clock.total != 0 { try out.member("activeMs", job.clock.total) }
    if let mark = job.clock.mark { try out.member("activeMark", mark) }
    try encode(job.estimator, out)
    guard job.total > 0, let estimate = currentEstimate(job), let eta = whole(estimate.eta),
      let low = whole(estimate.low), let high = whole(estimate.high)
    else { return }
    try out.name("etaRange")
    try out.numbers(low, high)
    if let updated = job.updated {
      try out.date("finishAt", updated.clampedAdding(eta.multipliedClamped(by: 1000)))
    }
  }

  /// Planned items that are not done yet, in order; of the others only that they are done is
  /// needed.
  private static func encodePlan(_ job: JobState, _ out: JSONText) throws(JobError) {
    var hasBegun = false
    try job.items.forEachPlanned { item throws(JobError) in
      if !hasBegun {
        try out.name("plan")
        try out.beginArray()
        hasBegun = true
      }
      try out.element(item)
    }
    if hasBegun { try out.endArray() }
  }

  private static func encodeFailures(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard !job.items.failures.isEmpty else { return }
    try out.name("failures")
    try out.beginObject()
    try job.items.forEachFailed { slot, item throws(JobError) in
      guard let why = job.items.failures[slot], !item.contains(0) else { return }
      try out.next()
      try out.string(item)
      try out.buffer.append(": " as StaticString)
      try out.string(why)
    }
    try out.endObject()
  }

  /// How often items were begun, how often of these without an end, and the place of those that are
  /// under way.
  private static func encodeTrials(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard !job.items.trials.isEmpty else { return }
    try out.name("begun")
    try out.beginArray()
    try job.items.forEachTrial { _, item, trial throws(JobError) in
      try out.next()
      try out.buffer.append(UInt8(ascii: "["))
      try out.string(item)
      try out.buffer.append(", " as StaticString)
      try out.integer(Int64(trial.begun))
      try out.buffer.append(", " as StaticString)
      try out.integer(Int64(trial.unended))
      if trial.place > 0 {
        try out.buffer.append(", " as StaticString)
        try out.integer(Int64(trial.place))
      }
      try out.buffer.append(UInt8(ascii: "]"))
    }
    try out.endArray()
  }

  /// Each with why, on a line of its own.
  private static func encodeSkipped(_ job: JobState, _ out: JSONText) throws(JobError) {
    guard job.items.skippedCount > 0 else { return }
    try out.name("skipped")
    try out.beginArray()
    try job.items.forEach(.skipped) { slot, item throws(JobError) in
      try out.next()
      try out.buffer.append(UInt8(ascii: "["))
      try out.string(item)
      if let why = job.items.failures[slot] {
        try out.buffer.append(", " as StaticString)
        try out.string(why)
      }
      try out.buffer.append(UInt8(ascii: "]"))
    }
    try out.endArray()
  }
}
