import CPosix

/// Makes a snapshot: what has changed is written, and refers to what has not.
final class SnapshotWriter {
  private let store: FileStore
  private let files: Directory
  private let old: Pack?
  /// Whether the old pack is gone on with; else a new one is begun.
  private let isKept: Bool
  private(set) var pack: Pack?
  /// A `StoredJob` each, and the same in memory.
  let entries = Buffer()
  private var memory: [State.Entry] = []
  /// What the names of its files of items end with, 8 bytes each.
  let itemFiles = Buffer()
  /// What is not yet written to the pack.
  private let room = Buffer()
  private let text = Buffer()
  private var hasWritten = false
  /// More items than this have a file of their own.
  private static let mostTogether = 256

  init(_ store: FileStore, _ files: Directory, old: Pack?, kept: Pack?) {
    (self.store, self.files, self.old, pack, isKept) = (store, files, old, kept, kept != nil)
  }

  func add(_ entry: State.Entry) throws(JobError) {
    switch entry {
    case .opaque(let text):
      var stored = StoredJob()
      try withBytes(of: text) { bytes throws(JobError) in try put(&stored, bytes) }
      try append(stored, entry)
    case .stored(let place):
      if let stored = try keep(place) {
        try append(stored, .stored(memory.count))
      } else if let job = try old?.job(place) {
        // What is left of it.
        try add(.job(job))
      }
    case .job(let job):
      // Of a job with a log, nobody keeps count of changes.
      if job.log == nil, let place = job.entry, let stored = try keep(place) {
        return try append(stored, entry)
      }
      var stored = StoredJob(job)
      if stored.isOne(of: .completed), stored.has(StoredJob.hasPace) {
        stored.kind_sum = checksum(store.state.kind(of: job))
      }
      stored.items = try storeItems(of: job)
      let out = JSONText(text, depth: 2)
      out.hasItems = stored.items == 0
      text.clear()
      try StateDocument.encode(job, out)
      try out.finish()
      try put(&stored, text.bytes)
      try append(stored, entry)
    }
  }

  /// The name of the file that they are in; 0: they are few.
  private func storeItems(of job: JobState) throws(JobError) -> UInt64 {
    guard job.items.known > Self.mostTogether else { return 0 }
    if job.itemsName != 0, job.items.isAsStored { return job.itemsName }
    let name = max(1, randomBits())
    let file = try store.places.create(ItemFile.name(name), in: files)
    try ItemFile.write(job.items, to: file)
    try file.sync()
    hasWritten = true
    return name
  }

  private func append(_ stored: StoredJob, _ entry: State.Entry) throws(JobError) {
    withUnsafeBytes(of: stored) { entries.append($0) }
    try entries.requireWhole()
    memory.append(entry)
    if stored.items != 0 { itemFiles.append(stored.items, as: UInt64.self) }
    try itemFiles.requireWhole()
  }

  private func stored(_ entry: Int) -> StoredJob {
    entries.bytes.loadUnaligned(
      fromByteOffset: entry * MemoryLayout<StoredJob>.size, as: StoredJob.self)
  }

  /// What has not changed stays where it is, or goes to the new pack; nil: it is damaged.
  private func keep(_ place: Int) throws(JobError) -> StoredJob? {
    guard let old else { return nil }
    var stored = old[place]
    if !isKept {
      guard let bytes = try old.read(stored) else { return nil }
      try put(&stored, bytes)
    }
    return stored
  }

  private func put(_ stored: inout StoredJob, _ bytes: UnsafeRawBufferPointer) throws(JobError) {
    if pack == nil { pack = try Pack.make(store, in: files) }
    guard let pack else { return }
    hasWritten = true
    try pack.place(&stored, bytes, room)
    if room.count > 1 << 20 { try pack.write(room) }
  }

  /// All of it is on disk then.
  func finish() throws(JobError) {
    guard hasWritten else { return }
    try pack?.write(room)
    try pack?.file?.sync()
    try files.sync()
  }

  /// A journal with it has its name.
  func adopt() {
    for position in memory.indices {
      guard case .job(let job) = memory[position] else { continue }
      job.entry = position
      let stored = self.stored(position)
      guard job.itemsName != stored.items else { continue }
      job.itemsName = stored.items
      job.items.noteStored()
    }
    pack?.take(entries, at: 0, count: memory.count)
    store.state.take(memory, on: pack)
    store.pack = pack
  }

}
