import CPosix

/// The logs of owners that are open here: this handle's own, to write, and others', to read.
struct OpenLogs: ~Copyable {
  /// By their numbers.
  private var own: [OwnedLog] = []
  /// What was looked up last: a worker's reports are about one job for a long time.
  private var last: OwnedLog?
  /// The last ones opened, the latest last. There may be more open logs in a store than a process may
  /// have descriptors, and the host wants some for itself.
  private var readers: [LogReader] = []
  private let mostReaders = Int(cposix_descriptor_share())
  /// What was read last: of which log, and from where on.
  private let bytes = Buffer()
  private var buffered: (number: UInt64, offset: Int64)?
  /// A log was closed, or the state made anew, since own logs were last let go of.
  private var mayHaveClosed = false
  /// Bytes of logs that were closed since the snapshot.
  private(set) var closedBytes: Int64 = 0

  /// Bytes of our own logs that are not in the snapshot.
  var openBytes: Int64 { own.reduce(0) { $0 + $1.end - $1.snapshotEnd } }

  // MARK: This handle's own

  var ownsAny: Bool { !own.isEmpty }
  var owned: [OwnedLog] { own }

  func ownLog(_ number: UInt64) -> OwnedLog? {
    let place = place(of: number)
    return place < own.count && own[place].number == number ? own[place] : nil
  }

  /// Where it is among the own logs, or belongs.
  private func place(of number: UInt64) -> Int {
    var (low, high) = (0, own.count)
    while low < high {
      let middle = (low + high) / 2
      if own[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  @inline(__always)
  mutating func owned(_ number: UInt64?) -> OwnedLog? {
    guard let number else { return nil }
    if let last, last.number == number { return last }
    return lookUp(number)
  }

  /// Without a reference of its own, and only the one looked up last.
  @inline(__always)
  func unretained(_ number: UInt64?) -> Unmanaged<OwnedLog>? {
    guard let last, last.number == number else { return nil }
    return Unmanaged.passUnretained(last)
  }

  private mutating func lookUp(_ number: UInt64) -> OwnedLog? {
    last = ownLog(number)
    return last
  }

  /// `old`: the one in whose place it comes.
  mutating func own(_ log: OwnedLog, inPlaceOf old: OwnedLog?) {
    if let old { own.removeAll { $0 === old } }
    own.insert(log, at: place(of: log.number))
    last = nil
  }

  mutating func disownAll() { (own, last) = ([], nil) }

  /// Lets go of own logs that are closed in the state.
  mutating func dropClosed(_ isOpen: (OwnedLog) -> Bool) {
    guard mayHaveClosed else { return }
    mayHaveClosed = false
    own.removeAll { !isOpen($0) }
    last = nil
  }

  // MARK: Others'

  func reader(_ number: UInt64) -> LogReader? { readers.first { $0.header.number == number } }

  mutating func keep(_ reader: LogReader) {
    if readers.count == mostReaders { readers.removeFirst() }
    readers.append(reader)
  }

  // MARK: Reading

  /// Where in the buffer a place of a log is; behind all of it: not in the buffer.
  func place(of offset: Int64, in number: UInt64) -> Int64 {
    guard let buffered, buffered.number == number else { return Int64(bytes.count) }
    let place = offset &- buffered.offset
    return place < 0 || place > Int64(bytes.count) ? Int64(bytes.count) : place
  }

  func record(at place: Int64, salt: UInt64, index: UInt64) -> UnsafeRawBufferPointer? {
    LogFormat.record(bytes.bytes, at: Int(place), salt: salt, index: index)
  }

  mutating func fill(
    from file: File, _ number: UInt64, at offset: Int64, count: Int64
  ) throws(JobError) {
    buffered = nil
    bytes.clear()
    try file.read(Int(min(count, LogFormat.chunk)), at: offset, into: bytes)
    buffered = (number, offset)
  }

  // MARK: The end of logs

  /// A log was closed, with so many bytes.
  mutating func close(_ number: UInt64, _ size: Int64) {
    closedBytes = closedBytes.clampedAdding(size - (ownLog(number)?.snapshotEnd ?? 0))
    readers.removeAll { $0.header.number == number }
    mayHaveClosed = true
  }

  /// A new snapshot has what was in logs.
  mutating func forgetClosed() {
    closedBytes = 0
    for log in own { log.snapshotEnd = log.end }
  }

  /// The state is made anew, from the snapshot on: all logs are read again.
  mutating func startAnew() {
    forgetReaders()
    (buffered, closedBytes, mayHaveClosed) = (nil, 0, true)
  }

  mutating func forgetReaders() { readers = [] }

  /// The descriptors are somebody else's by now.
  mutating func abandon() {
    for reader in readers { reader.file.abandon() }
    for log in own { log.file.abandon() }
    forgetReaders()
    disownAll()
  }
}
