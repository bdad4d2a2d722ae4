import CJansson

extension StateDocument {
  /// What a state file, or a snapshot, says.
  final class Decoded {
    let state = FileState()
    /// nil: not written by us.
    var epoch: Epoch?
    /// The last event that its writer had seen; nil: not written by us.
    var seq: UInt64?
    /// How far the logs of its jobs are in it.
    var logs: [LogPosition] = []
  }

  indirect enum Fault: Error {
    case syntax(JSONFault)
    case shape(String)
    case other(JobError)
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> Decoded {
    let json: JSON
    do throws(JSONFault) { json = try JSON.parse(bytes) } catch {
      throw error.isWantOfMemory ? .other(JSONFault.noMemory(for: bytes.count)) : .syntax(error)
    }
    let root = JSONValue(raw: json.value)
    guard root.isObject else { throw .shape("it is not a JSON object") }
    let jobs = root["jobs"]
    if !jobs.isMissing, !jobs.isArray {
      throw .shape("its member \"jobs\" is not an array")
    }
    do throws(JobError) {
      let decoded = Decoded()
      let ours = root["bgjobs"]
      let logs = logPositions(ours["logs"])
      decoded.logs = logs
      try root.forEachMember { name, value throws(JobError) in
        if name.bytes == "bgjobs" { return }
        decoded.state.topMembers.append(
          JSONMember(name: name, text: name.bytes == "jobs" ? "" : try value.text()))
        if name.bytes == "jobs" { try decodeJobs(value, logs, decoded.state) }
      }
      decodeTop(ours, decoded)
      return decoded
    } catch {
      throw .other(error)
    }
  }

  /// nil: it is damaged.
  static func decodeIfSound(_ bytes: UnsafeRawBufferPointer) throws(JobError) -> Decoded? {
    do throws(Fault) { return try decode(bytes) } catch {
      if case .other(let error) = error { throw error }
      return nil
    }
  }

  private static func decodeTop(_ ours: JSONValue, _ decoded: Decoded) {
    decoded.state.format = ours["format"].integer ?? 0
    if let text = ours["epoch"].stringBytes, text.count == 32,
      let high = parseHex(text.prefix(16)), let low = parseHex(text.dropFirst(16))
    {
      decoded.epoch = Epoch(high: high, low: low)
    }
    if let seq = ours["seq"].integer, seq >= 0 {
      decoded.seq = UInt64(seq)
      decoded.state.seq = UInt64(seq)
    }
    try? ours["setAside"].forEachMember { name, value throws(JobError) in
      decoded.state.setAside.append(JSONMember(name: name, text: value.string ?? ""))
    }
    decodeRemoved(ours["removed"], decoded.state)
    decodeQueue(ours, decoded.state)
    decodeOthers(ours, decoded.state)
  }

  private static func logPositions(_ logs: JSONValue) -> [LogPosition] {
    (0..<logs.count).compactMap { position in
      let entry = logs.at(position)
      guard let number = entry.at(0).unsigned,
        let index = entry.at(1).unsigned, let offset = entry.at(2).integer, offset >= 0
      else { return nil }
      let sum = entry.at(4).unsigned ?? (index == 0 ? 0 : .max)
      return LogPosition(
        number: number, salt: 0, index: index, offset: offset, sum: UInt32(exactly: sum),
        synced: min(entry.at(3).unsigned ?? index, index))
    }
  }

  private static func decodeJobs(
    _ jobs: JSONValue, _ logs: [LogPosition], _ state: FileState
  ) throws(JobError) {
    for position in 0..<jobs.count {
      let value = jobs.at(position)
      if let job = try decodeJob(value, logs), state.known(job.id) == nil {
        state.add(job)
      } else {
        state.addOpaque(try value.text())
      }
    }
  }

  /// One job's text; nil: it is none. `items`: where they are stored apart.
  static func decodeJob(
    _ text: UnsafeRawBufferPointer, _ logs: [LogPosition] = [], items: ItemSet? = nil
  ) throws(JobError) -> JobState? {
    let json: JSON
    do throws(JSONFault) { json = try JSON.parse(text) } catch {
      if error.isWantOfMemory { throw JSONFault.noMemory(for: text.count) }
      return nil
    }
    return try decodeJob(JSONValue(raw: json.value), logs, items)
  }

  /// nil: no job that we could name.
  private static func decodeJob(
    _ value: JSONValue, _ logs: [LogPosition], _ items: ItemSet? = nil
  ) throws(JobError) -> JobState? {
    try requireMemory()
    guard let id = value["id"].string else { return nil }
    let word = value["status"].string ?? ""
    let job = JobState(
      id: id, type: value["type"].string ?? "", status: JobStatus(name: word))
    if word.bytes != job.status.name.bytes { job.statusWord = word }
    if let items { job.items = items }
    let (ours, progress) = (value["bgjobs"], value["progress"])
    let isOurs = ours.isObject
    job.saysNoItems =
      !isItemList(progress["itemsCompleted"], isOurs)
      || !isItemList(progress["itemsFailed"], isOurs)
    // Before all other items: they keep the order in which they became known.
    try decodePlan(ours["plan"], job)
    try value.forEachMember { name, member throws(JobError) in
      if name.bytes == "bgjobs" { return }
      let isProgress = name.bytes == "progress" && member.isObject
      job.members.append(JSONMember(name: name, text: isProgress ? "" : try member.text()))
      switch name.bytes {
      case "progress":
        try decodeProgress(member, job, isOurs: isOurs, isWhole: items == nil)
      case "error": job.error = member.string
      case "result": job.result = try member.text()
      case "startedAt": job.started = member.date
      case "updatedAt": job.updated = member.date
      case "completedAt": job.completed = member.date
      case "dependsOn":
        job.dependsOn = (0..<member.count).compactMap { member.at($0).string }
      default: break
      }
    }
    job.created = job.started
    if isOurs { try decodeOurs(ours, logs, job) }
    // Items that were taken from elsewhere are not those that it counts.
    if items?.isAsStored ?? true { finishProgress(progress, job) }
    return job
  }

  private static func decodeProgress(
    _ progress: JSONValue, _ job: JobState, isOurs: Bool, isWhole: Bool
  ) throws(JobError) {
    guard progress.isObject else { return }
    try progress.forEachMember { name, member throws(JobError) in
      let isList = name.bytes == "itemsCompleted" || name.bytes == "itemsFailed"
      guard isList, isAllStrings(member) || (isOurs && member.isArray) else {
        job.progressMembers.append(JSONMember(name: name, text: try member.text()))
        if name.bytes == "currentItem", let item = member.stringBytes {
          job.currentItem.append(item)
          try job.currentItem.requireWhole()
        }
        return
      }
      job.progressMembers.append(JSONMember(name: name, text: ""))
      for position in 0..<member.count where isWhole {
        guard let item = member.at(position).stringBytes else { continue }
        let slot = try job.items.insert(item)
        let isNew =
          name.bytes == "itemsCompleted"
          ? try job.items.markDone(slot) : try job.items.markFailed(slot, why: nil)
        let wanted: ItemSet.Mark = name.bytes == "itemsCompleted" ? .done : .failed
        if !isNew, job.items.mark(of: slot) == wanted { try job.items.repeatInList(slot) }
      }
    }
    job.total = max(0, progress["total"].integer ?? 0)
    let failed = progress["itemsFailed"]
    guard isAllStrings(failed) else { return }
    let isMixed = (0..<failed.count).contains { position in
      guard let item = failed.at(position).stringBytes, let slot = job.items.find(item) else {
        return false
      }
      return job.items.mark(of: slot) == .done
    }
    guard isMixed else { return }
    job.foreignFailures = (try failed.text(), job.items.doneCount, job.items.failedCount)
  }

  /// Of a job of ours, what is no text in a list is no item. Another tool's list is kept as it is.
  private static func isItemList(_ list: JSONValue, _ isOurs: Bool) -> Bool {
    isOurs ? list.isArray : isAllStrings(list)
  }

  private static func isAllStrings(_ list: JSONValue) -> Bool {
    list.isArray && (0..<list.count).allSatisfy { list.at($0).isString }
  }

  /// What `current` says beyond the items and advances is the shift.
  private static func finishProgress(_ progress: JSONValue, _ job: JobState) {
    guard job.shift == 0, let current = progress["current"].integer else { return }
    job.shift = current.clampedAdding(-job.counted)
  }

  private static func decodeOurs(
    _ ours: JSONValue, _ logs: [LogPosition], _ job: JobState
  ) throws(JobError) {
    job.createdSeq = ours["created"].unsigned ?? 0
    job.revision = ours["rev"].unsigned ?? job.createdSeq
    job.key = ours["key"].string
    job.reason = ours["reason"].string
    job.attempts = max(1, ours["attempts"].integer ?? 1)
    job.created = ours["createdAt"].date ?? job.created
    job.started = ours["firstStartedAt"].date
    job.resumeAt = ours["resumeAt"].date
    job.isPauseAcknowledged = ours["acknowledged"].kind == JSON_TRUE
    job.advances = ours["advances"].integer ?? 0
    job.shift = ours["shift"].integer ?? 0
    let cursor = ours["cursor"]
    if !cursor.isMissing { job.cursor.append(try cursor.text()) }
    try job.cursor.requireWhole()
    try decodeOwner(ours, logs, job)
    job.clock = ActiveClock(
      total: ours["activeMs"].integer ?? 0, mark: ours["activeMark"].integer)
    job.estimator = decodeEstimator(ours["pace"])
    try ours["failures"].forEachMember { name, why throws(JobError) in
      var name = name
      guard let text = why.string else { return }
      name.withUTF8 { job.items.note(failureOf: UnsafeRawBufferPointer($0), text) }
    }
    try decodeSkipped(ours["skipped"], job)
    try decodeTrials(ours["begun"], job)
    if ours["queue"].isObject { job.queue = decodeEntry(ours["queue"]) }
    try? ours["after"].forEachMember { id, code throws(JobError) in
      guard let code = code.integer, job.dependsOn.has(id),
        let edge = Edge(needs: id, code: UInt8(truncatingIfNeeded: code))
      else { return }
      job.after.append(edge)
    }
    decodeOthers(ours, job)
  }

  private static func decodeEntry(_ queue: JSONValue) -> QueueEntry {
    func number(_ place: Int, _ most: Int64) -> Int64 {
      min(max(0, queue["tries"].at(place).integer ?? 0), most)
    }
    let (most, entry) = (QueueEntry.mostPriority, QueueEntry(since: queue["since"].date ?? 0))
    entry.priority = min(max(-most, queue["priority"].integer ?? 0), most)
    (entry.notBefore, entry.lane) = (queue["notBefore"].date ?? 0, queue["lane"].string)
    entry.attempts = min(max(1, queue["attempts"].integer ?? 1), QueueEntry.mostAttempts)
    guard !queue["tries"].isMissing else { return entry }
    entry.backoff = number(0, QueueEntry.mostBackoff)
    entry.mostBackoff = number(1, QueueEntry.mostBackoff)
    (entry.failures, entry.retryAt) = (number(2, entry.attempts), number(3, .largestJSON))
    (entry.deaths, entry.firstDead) = (number(4, .largestJSON), number(5, .largestJSON))
    return entry
  }

  private static func decodeTrials(_ begun: JSONValue, _ job: JobState) throws(JobError) {
    for position in 0..<begun.count {
      let entry = begun.at(position)
      guard let item = entry.at(0).stringBytes else { continue }
      let trial = ItemNotes.Trial(
        begun: UInt32(clamping: entry.at(1).integer ?? 0),
        unended: UInt32(clamping: entry.at(2).integer ?? 0),
        place: UInt32(clamping: entry.at(3).integer ?? 0))
      job.items.notes.note(trial, of: try job.items.insert(item))
    }
  }

  private static func decodeSkipped(_ skipped: JSONValue, _ job: JobState) throws(JobError) {
    for position in 0..<skipped.count {
      let entry = skipped.at(position)
      guard let item = entry.at(0).stringBytes else { continue }
      _ = try job.items.markSkipped(try job.items.insert(item), why: entry.at(1).string)
    }
  }

  private static func decodePlan(_ plan: JSONValue, _ job: JobState) throws(JobError) {
    for position in 0..<plan.count {
      guard let item = plan.at(position).stringBytes else { continue }
      try job.items.plan(try job.items.insert(item))
    }
  }

  private static func decodeOwner(
    _ ours: JSONValue, _ logs: [LogPosition], _ job: JobState
  ) throws(JobError) {
    guard let owner = owner(ours["owner"]) else { return }
    (job.owner, job.log) = (owner, position(of: owner, ours, logs))
    let workers = ours["workers"]
    guard job.log != nil, workers.isArray else { return }
    job.isShared = true
    // It is the first claim.
    job.currentItem.clear()
    for place in 0..<workers.count {
      let worker = workers.at(place)
      if place > 0 {
        guard let owner = self.owner(worker["owner"]),
          let log = position(of: owner, worker, logs)
        else { continue }
        job.crew.append(Worker(owner, log))
      }
      let slots = try slots(worker["claims"], job)
      job.setClaims(slots, at: place == 0 ? 0 : job.crew.count)
    }
    job.returned = try slots(ours["returned"], job)
  }

  private static func slots(
    _ items: JSONValue, _ job: JobState
  ) throws(JobError) -> [ItemSet.Slot] {
    var slots: [ItemSet.Slot] = []
    for entry in 0..<items.count {
      guard let item = items.at(entry).stringBytes else { continue }
      slots.append(try job.items.insert(item))
    }
    return slots
  }

  private static func owner(_ owner: JSONValue) -> Owner? {
    guard owner.isObject else { return nil }
    var process = ProcessIdentity(
      pid: owner["pid"].integer ?? 0, startTicks: owner["startTicks"].unsigned ?? 0,
      namespace: owner["namespace"].unsigned ?? 0,
      boot: owner["boot"].hexadecimal ?? 0)
    var lock: OwnerLock?
    if let path = owner["lock"].string {
      lock = OwnerLock(
        path: path, device: owner["device"].unsigned ?? 0, inode: owner["inode"].unsigned ?? 0,
        boot: process.boot)
      process = ProcessIdentity()
    }
    return Owner(
      process, log: owner["log"].unsigned ?? 0, salt: owner["salt"].hexadecimal ?? 0, lock: lock,
      since: owner["since"].date ?? 0)
  }

  private static func position(
    of owner: Owner, _ ours: JSONValue, _ logs: [LogPosition]
  ) -> LogPosition? {
    guard owner.log != 0 else { return nil }
    var position = logs.first { $0.number == owner.log } ?? LogPosition(number: owner.log, salt: 0)
    position.salt = owner.salt
    position.clockOffset = ours["clockOffset"].integer ?? 0
    return position
  }
}
