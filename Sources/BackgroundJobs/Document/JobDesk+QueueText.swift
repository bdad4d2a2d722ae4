// The queue, for who asks.
extension JobDesk {
  func queue(_ state: State) throws(JobError) -> Buffer {
    let (buffer, queue) = (Buffer(), try queue(of: state))
    let out = JSONText(buffer)
    out.beginObject()
    out.name("providers")
    out.beginArray()
    for provider in state.providers { write(provider, queue.now, out) }
    out.endArray()
    out.member("priorityWorthMs", max(-1, state.worth))
    out.name("limits")
    out.beginArray()
    for limit in state.limits {
      out.next()
      out.beginObject()
      out.member("scope", limit.text)
      out.member("most", limit.allowed)
      out.member("running", Int64(limit.running.count))
      out.endObject()
    }
    out.endArray()
    out.name("jobs")
    out.beginArray()
    var ready = 0
    for member in queue.inOrder {
      guard let entry = member.job.queue else { continue }
      out.next()
      out.beginObject()
      out.member("id", member.job.id)
      out.member("type", member.job.type)
      out.member("status", member.job.statusName)
      out.member("priority", entry.priority)
      if let lane = entry.lane { out.member("lane", lane) }
      out.name("waits")
      writeWaits(of: member, queue, out, before: ready)
      if member.isFree, queue.blocks(member).isEmpty { ready += 1 }
      out.endObject()
    }
    out.endArray()
    out.endObject()
    try buffer.requireWhole()
    return buffer
  }

  private func write(_ provider: Provider, _ now: Int64, _ out: JSONText) {
    out.next()
    out.beginObject()
    out.member("provider", provider.name)
    let until = provider.limit(at: now)
    var wait = max(0, until &- now)
    if provider.count > 0 {
      out.member("count", provider.count)
      out.member("periodMs", provider.periodMs)
      out.member("burst", provider.burst)
      wait = provider.permitting(1, at: now).wait
    }
    out.member("waitMs", wait)
    if until > now { out.member("limitedUntil", until) }
    out.endObject()
  }

  /// What a job waits for, as a JSON array; what helps first.
  func waits(_ state: State, _ job: JobState) throws(JobError) -> Buffer {
    let (buffer, queue) = (Buffer(), try queue(of: state))
    let member = try member(job, queue, state)
    let before = queue.countBefore(member)
    writeWaits(of: member, queue, JSONText(buffer), before: before)
    try buffer.requireWhole()
    return buffer
  }

  /// `before`: so many ready ones are.
  private func writeWaits(
    of member: Queue.Member, _ queue: Queue, _ out: JSONText, before: Int
  ) {
    let job = member.job
    out.beginArray()
    for block in queue.blocks(member)
    where member.isFree || job.resumeAt != nil || job.isFailedByNeed {
      out.next()
      out.beginObject()
      let isLimited = job.reason?.bytes == Reason.rateLimit.bytes
      var (what, name): (StaticString, StaticString) = ("time", "id")
      switch block.kind {
      case .obstacle: what = "dependency"
      case .time: break
      case .retry: what = "retry"
      case .pause: what = isLimited ? "rate-limit" : "pause"
      case .rateLimit: (what, name) = ("rate-limit", "provider")
      case .limit: (what, name) = ("limit", "scope")
      }
      out.name("for")
      out.string(literal: what)
      if let one = block.name {
        out.name(name)
        out.string(one)
      }
      if let until = block.until { out.member("until", until) }
      out.member("text", text(of: block, job).text)
      out.endObject()
    }
    if let (what, text) = end(of: member, queue, before) {
      out.next()
      out.beginObject()
      out.name("for")
      out.string(literal: what)
      out.member("text", text.text)
      out.endObject()
    }
    out.endArray()
  }

  /// What it waits for besides; nil: nothing.
  private func end(
    of member: Queue.Member, _ queue: Queue, _ before: Int
  ) -> (what: StaticString, text: Message)? {
    let job = member.job
    if member.isFree {
      guard queue.blocks(member).isEmpty else { return nil }
      if job.queue == nil {
        return ("start", "nobody has started it, and it is not in the queue: start or enqueue it")
      }
      if before == 0 { return ("worker", "it is the next one, and no worker has claimed it yet") }
      let verb: StaticString = before == 1 ? "is" : "are"
      return (
        "worker", "it is ready, and \(before) \(verb) before it: no worker has claimed it yet"
      )
    }
    let isOthers = ([.running, .other] as JobStatusSet).contains(job.status)
    if isOthers, !member.isRunning {
      return ("status", "another tool has set it to \(job.statusName): its owner is not known")
    }
    guard job.status == .paused, job.resumeAt == nil else { return nil }
    let (reason, error) = (job.reason ?? "", job.error.map { Message(": \($0)") } ?? "")
    return ("pause", "it is paused (\(reason)\(error)) until somebody resumes it")
  }

  func text(of block: Queue.Block, _ job: JobState) -> Message {
    let time = DateText.format(block.until ?? 0)
    switch block.kind {
    case .obstacle:
      let end: StaticString =
        block.obstacle?.isImpossible ?? false ? "; that can no longer be met" : ""
      return "\(block.obstacle?.text ?? "")\(end)"
    case .time: return "it is not to be started before \(time)"
    case .retry:
      let (failures, most) = (job.queue?.failures ?? 0, job.queue?.attempts ?? 0)
      let why = job.error.map { Message(" (\($0))") } ?? ""
      return "attempt \(failures) of \(most) failed\(why); it is tried again at \(time)"
    case .pause: return "it is paused until \(time)"
    case .rateLimit: return "\(block.name ?? "") takes no requests until \(time)"
    case .limit:
      guard let limit = block.limit, limit.allowed > 0 else {
        return "none of \(block.name ?? "") may start: its limit is 0"
      }
      var text: Message = "\(limit.text) is full, \(limit.running.count) of \(limit.allowed)"
      for place in limit.running.indices.prefix(3) {
        let separator: StaticString = place == 0 ? ": " : ", "
        text = "\(text)\(separator)\(limit.running[place].id)"
      }
      return limit.running.count > 3 ? text + ", …" : text
    }
  }
}
