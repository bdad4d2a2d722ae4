// What another tool changes of a job as one: status, progress, times, error and result.
extension JobState {
  static let progressNames = [
    "current", "total", "percentage", "currentItem", "itemsCompleted", "itemsFailed", "rate", "eta",
  ]

  /// The status as the file has it.
  var statusName: String { statusWord ?? status.name }

  /// Completed, but not all of it went well.
  var hasWarnings: Bool {
    JobSummary.hasWarnings(status, failed: items.failedCount, isOthersWord: statusWord != nil)
  }

  /// When it was started, as the file shows it.
  var shownStart: Int64? { started ?? created }

  /// Equal for copies of one state; `updatedAt`, and the order of the items, do not count: an owner
  /// and its helpers report in two files. Nor does what is merged member by member before it is asked
  /// for: the result, and what others have put into the progress.
  var lifeChecksum: UInt32 {
    var sum = itemsChecksum
    func mix(_ value: UInt64) { sum = Self.mixed(sum &* 31 &+ value) }
    mix(UInt64(checksum(statusName)))
    mix(UInt64(bitPattern: current))
    mix(UInt64(bitPattern: total))
    mix(UInt64(checksum(error)))
    mix(UInt64(bitPattern: completed ?? -1))
    mix(UInt64(bitPattern: shownStart ?? -1))
    mix(UInt64(CRC32C.of(shownItem)))
    return UInt32(truncatingIfNeeded: sum)
  }

  /// What another tool has put into the progress.
  var unknownProgress: [JSONMember] {
    progressMembers.filter { !Self.progressNames.has($0.name) }
  }

  var itemsChecksum: UInt64 {
    var sum: UInt64 = 0
    func add(_ item: UnsafeRawBufferPointer, _ salt: UInt64) {
      sum &+= Self.mixed(UInt64(CRC32C.of(item)) &* 0x9e37_79b9_7f4a_7c15 ^ salt)
    }
    try? items.forEachDone { item throws(JobError) in add(item, 1) }
    try? items.forEachFailed { _, item throws(JobError) in add(item, 2) }
    return sum
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    let hash = (value ^ value >> 32) &* 0xd6e8_feb8_6659_fd93
    return hash ^ hash >> 29
  }
}
