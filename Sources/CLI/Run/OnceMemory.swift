import BackgroundJobs

/// What the runs of a key have done, for `run --once`: a file of hashes in the private directory,
/// which stays when the jobs are cleaned up. A hash, for items may have credentials in them.
struct OnceMemory {
  struct Hash: Hashable {
    let (high, low): (UInt64, UInt64)
  }

  /// Of a line, without its end.
  private static let digits = 32

  private let directory: OutputDirectory
  private let keyed: KeyedHash
  private let name: String

  init(of type: String, _ key: String, in manager: JobManager) throws {
    directory = try manager.privateDirectory()
    keyed = try RunKey.keyedHash(in: manager)
    name = "once-\(Self.hex(keyed.hash(Array("\(type)\0\(key)".utf8))))"
  }

  /// Of an item as it was given. 128 bits: one that is taken for another would never be done.
  func hash(_ item: String) -> Hash {
    let bytes = Array(item.utf8)
    return Hash(high: keyed.hash([0] + bytes), low: keyed.hash([1] + bytes))
  }

  /// A line that a kill has cut counts for nothing.
  func done() throws -> Set<Hash> {
    guard let bytes = try PrivateDirectory(directory).read(name) else { return [] }
    var known: Set<Hash> = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) where line.count == Self.digits {
      let text = String(decoding: line, as: UTF8.self)
      guard let high = UInt64(text.prefix(16), radix: 16),
        let low = UInt64(text.suffix(16), radix: 16)
      else { continue }
      known.insert(Hash(high: high, low: low))
    }
    return known
  }

  /// What these jobs of the key have done.
  func add(_ jobs: [JobInfo], in manager: JobManager) throws {
    var known = try done()
    var lines = ""
    for job in jobs where job.itemsCompleted + job.itemsSkipped > 0 {
      // Somebody may have removed it meanwhile.
      guard let job = try? manager.find(job.id) else { continue }
      for hash in try hashes(of: job) {
        guard known.insert(hash).inserted else { continue }
        lines += "\(Self.hex(hash.high))\(Self.hex(hash.low))\n"
      }
    }
    if !lines.isEmpty { try PrivateDirectory(directory).append(Array(lines.utf8), to: name) }
  }

  /// Of what a job has done, by its items as they were given.
  func hashes(of job: Job) throws -> [Hash] {
    let given = try StoredRun.before(job)?.itemsByName ?? [:]
    return try job.items([.done, .skipped]).map { hash(given[Array($0.name.utf8)] ?? $0.name) }
  }

  /// As `add`, for the job of any run; nothing, when that does not ask for it.
  static func add(_ job: Job, in manager: JobManager) throws {
    let info = try job.info()
    guard try RunSpec.of(job)?.once == true || StoredRun.before(job)?.spec.once == true,
      let key = info.key
    else { return }
    try OnceMemory(of: info.type, key, in: manager).add([info], in: manager)
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
