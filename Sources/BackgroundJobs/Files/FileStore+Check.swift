import CPosix

// Verifies what is on disk, apart from any state in memory, and mends nothing.
extension FileStore {
  func check() throws(JobError) -> (firstFinding: String?, report: String) {
    var attempts = 0
    while true {
      isChecking = true
      defer { isChecking = false }
      let result = try checkOnce()
      attempts += 1
      // PROTOCOL R9: what was missing went with a journal that was replaced meanwhile.
      guard result.firstFinding != nil, attempts < 64, try journal?.file.status().links == 0 else {
        return result
      }
    }
  }

  private func checkOnce() throws(JobError) -> (firstFinding: String?, report: String) {
    try? refresh()
    try places.find()
    var lines = ""
    var firstFinding: String?
    func note(_ name: String, _ finding: Message, sound: Bool) {
      var line = finding.text
      // Errors begin with the path.
      if !has(line, Message("/\(name): ").text) { line = Message("\(name): \(line)").text }
      lines = Message("\(lines)\(line)\n").text
      if !sound, firstFinding == nil { firstFinding = line }
    }
    func noteAside(_ names: [String]) {
      for name in names where has(name, ".corrupt-") {
        note(
          name, "set aside as damaged; delete it when it is of no more use",
          sound: false)
      }
    }
    var published: [LogPosition] = []
    if let directory = places.state {
      published = try checkStateFile(directory, note)
      if let obstacle = try LockFile.obstacle(directory) {
        note(LockFile.name, obstacle, sound: false)
      }
      noteAside(try directory.names())
    }
    if let files = places.files {
      let names = try files.names()
      noteAside(names)
      for name in names where name.bytes != "jobs" && !begins(name, with: ".") {
        guard let status = try files.status(name), status.is_regular == 0 else { continue }
        note(name, "is not a regular file: delete it", sound: false)
      }
      if try files.status(Journal.name) == nil, names.contains(where: isLog) {
        note(Journal.name, "missing: there are logs", sound: false)
      }
      try checkJournal(files, note)
      for name in names where isLog(name) {
        // Its copy is told, until somebody deletes that.
        let isTold = state.setAside[LostRecords.name(of: name)] != nil
        if !isTold { try checkLog(name, files, published, note) }
      }
      // What a snapshot refers to has been read.
      for part in lost.parts where part.job != nil {
        note(part.name, Message(part.why), sound: false)
      }
      for job in state.known {
        for log in job.logs {
          let name = LogFormat.name(log.number)
          guard try files.status(name) == nil else { continue }
          note(
            name, "missing: the progress of job \(job.id) is in it",
            sound: false)
        }
      }
    }
    noteOthers(note)
    if lines.isEmpty { lines = "there is no state yet\n" }
    return (firstFinding, lines)
  }

  /// Gives what it says of open logs.
  private func checkStateFile(
    _ directory: Directory, _ note: (String, Message, Bool) -> Void
  ) throws(JobError) -> [LogPosition] {
    let name = StateDirectory.fileName
    guard let (bytes, _) = try readWhole(name, in: directory) else { return [] }
    do throws(StateDocument.Fault) {
      let document = try StateDocument.decode(bytes.bytes)
      let jobs = document.state.known
      // Or it was published after our look.
      try? catchUp()
      let seq = state.seq
      if document.epoch == journal?.epoch, let seen = document.seq,
        jobs.contains(where: { $0.revision > seq && $0.revision <= seen })
      {
        note(Journal.name, "the events behind \(seq) are missing: \(name) has more", false)
      }
      note(name, "\(bytes.count) bytes, \(jobs.count) jobs, sound", true)
      return document.epoch == journal?.epoch ? jobs.flatMap { $0.logs } : []
    } catch {
      let fault = StateDocument.describe(error, "damaged")
      note(name, try finding(fault), false)
      return []
    }
  }

  /// What other tools did that was not taken as they meant it.
  private func noteOthers(_ note: (String, Message, Bool) -> Void) {
    for job in (try? state.jobs()) ?? [] {
      guard let refusal = job.refusal else { continue }
      note(
        Message("job \(job.id)").text,
        "another tool said \(refusal.status) at \(DateText.format(refusal.time)), while its owner"
          + " worked on it: not taken", true)
    }
    guard state.collisions.count > 0 else { return }
    note(
      StateDirectory.fileName,
      "\(state.collisions.count) edits of tools that take no lock met a publication, the last at"
        + " \(DateText.format(state.collisions.last)): all were taken in, but who read the file in"
        + " that moment may have written without them", true)
    for entry in state.collisions.entries {
      note(Message("job \(entry.job)").text, "one of these edits was of this job", true)
    }
  }

  private func checkJournal(
    _ files: Directory, _ note: (String, Message, Bool) -> Void
  ) throws(JobError) {
    guard let file = try files.openIfThere(Journal.name, O_RDONLY) else { return }
    let journal: Journal
    do throws(JobError) { journal = try Journal.open(file) } catch {
      return note(Journal.name, try finding(error), false)
    }
    let bytes = Buffer()
    try file.read(Int(try file.status().size), at: 0, into: bytes)
    var offset = Journal.headerSize
    var records = 0
    var last: UInt64?
    while let record = Record.parse(bytes.bytes, at: offset, salt: journal.salt) {
      if records == 0, record.kind == Record.Kind.table.rawValue,
        let table = Snapshot(record.payload)
      {
        try checkPack(table, in: bytes, files, note)
      }
      if let last, record.seq != last &+ 1 { break }
      last = record.seq
      records += 1
      offset += record.size
    }
    let rest = bytes.count - offset
    // A power cut may leave a hole, and records behind it, where nothing was synced (PROTOCOL R2).
    if records == 0
      || isDamage(bytes.bytes, after: offset, missing: (last ?? 0) &+ 1, salt: journal.salt)
    {
      note(Journal.name, "byte \(offset): a record is damaged", false)
    } else {
      let tail: Message = rest > 0 ? ", and \(rest) bytes of an append that did not happen" : ""
      note(Journal.name, "\(records) records, sound\(tail)", true)
    }
  }

  private func checkPack(
    _ table: Snapshot, in bytes: Buffer, _ files: Directory, _ note: (String, Message, Bool) -> Void
  ) throws(JobError) {
    guard table.pack != 0 else { return }
    let name = Pack.name(table.pack)
    guard let file = try files.openIfThere(name, O_RDONLY) else {
      return note(name, "missing: \(table.count) jobs are in it", false)
    }
    let pack = Pack(self, table.pack, file, end: table.packEnd)
    if try !pack.hasHeader { note(name, "byte 0: the header is damaged", false) }
    try pack.take(table, from: bytes)
    for entry in 0..<table.count {
      let stored = pack[entry]
      if try pack.read(stored) == nil {
        return note(name, "byte \(stored.offset): a text is damaged", false)
      }
      if stored.items != 0 { try checkItems(stored, files, note) }
    }
    note(name, "\(table.count) jobs, sound", true)
  }

  private func checkItems(
    _ stored: StoredJob, _ files: Directory, _ note: (String, Message, Bool) -> Void
  ) throws(JobError) {
    let name = ItemFile.name(stored.items)
    do throws(JobError) {
      guard let file = try files.openIfThere(name, O_RDONLY) else {
        throw JobError(.damaged, "missing")
      }
      let items = try ItemFile.open(file)
      try items.loadAll()
      note(name, "\(items.known) items, sound", true)
    } catch {
      let id = withUnsafeBytes(of: stored.id_start) { id in
        String(bytes: UnsafeRawBufferPointer(rebasing: id[..<min(8, Int(stored.id_count))]))
      }
      note(name, "\(try finding(error)): the items of job \(id) are in it", false)
    }
  }

  /// Throws what says nothing of the file.
  private func finding(_ fault: JobError) throws(JobError) -> Message {
    if fault.status == .noMemory || fault.osError == EMFILE { throw fault }
    return Message(fault.message)
  }

  private func checkLog(
    _ name: String, _ files: Directory, _ published: [LogPosition],
    _ note: (String, Message, Bool) -> Void
  ) throws(JobError) {
    guard let file = try files.openIfThere(name, O_RDONLY) else { return }
    guard let header = try LogFormat.decode(file) else {
      let isListed = state.known.contains {
        $0.logs.contains { LogFormat.name($0.number).bytes == name.bytes }
      }
      let finding: Message =
        isListed ? "byte 0: the header is damaged" : "left over from a start, sound"
      return note(name, finding, !isListed)
    }
    let bytes = Buffer()
    try file.read(Int(try file.status().size - header.size), at: header.size, into: bytes)
    var place = 0
    var records: UInt64 = 0
    while let payload = LogFormat.record(bytes.bytes, at: place, salt: header.salt, index: records)
    {
      place += LogFormat.recordSize(payload.count)
      records += 1
    }
    // Behind a record that was never finished there is none; but a power cut, after which the boot is
    // another one, may leave a hole where nothing was synced.
    if header.owner.boot == process.boot,
      LogFormat.hasRecord(bytes.bytes, behind: place, salt: header.salt, index: records)
    {
      return note(name, "byte \(header.size + Int64(place)): a record is damaged", false)
    }
    if let had = published.first(where: { $0.number == header.number }), had.synced > records {
      return note(
        name, "\(records) of \(had.synced) records of job \(header.job) are left", false)
    }
    let tail: Message =
      bytes.count > place ? ", and \(bytes.count - place) bytes that are no record yet" : ""
    note(name, "\(records) records of job \(header.job), sound\(tail)", true)
  }
}
