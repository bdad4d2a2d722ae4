import CPosix

/// The file `items-<name>`: the items of one job as they lie in memory, in pages of 4 KiB. A head,
/// the checksums of the pages, and eight sections that each begin at a page: arena, table, the lists
/// of what is planned, done, failed and skipped, notes, and their texts.
enum ItemFile {
  static let prefix = "items-"
  private static let magic: UInt64 = 0x4920_7362_6f6a_6762
  private static let version: UInt32 = 1
  private static let byteOrder: UInt32 = 0x0102_0304
  private static let headSize = MemoryLayout<cposix_items>.size

  static func name(_ number: UInt64) -> String {
    Message("\(prefix)\(hex(number, digits: 16))").text
  }

  private static func pages(_ bytes: Int) -> Int { LazyPages.pages(bytes) }

  // MARK: Writing

  static func write(_ items: ItemSet, to file: File) throws(JobError) {
    try items.loadAll()
    let (notes, texts) = (Buffer(), Buffer())
    try items.notes.encode(notes, texts)
    var open = 0
    if items.nextOpen(from: &open) == nil { items.noteFirstOpen(items.planList.count) }
    let (seed, size, arena, table) = items.table.parts
    let sections = [
      arena, table, items.planList.buffer.bytes, items.doneList.buffer.bytes,
      items.failedList.buffer.bytes, items.skippedList.buffer.bytes, notes.bytes, texts.bytes,
    ]
    let sums = Buffer()
    var head = cposix_items()
    (head.magic, head.version, head.byte_order, head.seed) = (magic, version, byteOrder, seed)
    (head.known, head.done) = (UInt32(items.known), UInt32(items.doneCount))
    (head.failed, head.skipped) = (UInt32(items.failedCount), UInt32(items.skippedCount))
    (head.open, head.first_open) = (UInt32(items.openCount), UInt32(items.firstOpen))
    (head.table_size, head.last_place) = (UInt32(size), items.notes.lastPlace)
    head.under_way = UInt32(items.notes.underWayCount)
    (head.trials, head.whys) = (UInt32(items.notes.trialCount), UInt32(items.notes.whyCount))
    withUnsafeMutableBytes(of: &head.lengths) { lengths in
      for place in 0..<8 {
        lengths.storeBytes(
          of: UInt64(sections[place].count), toByteOffset: place * 8, as: UInt64.self)
      }
    }
    for section in sections {
      var place = 0
      while place < section.count {
        let end = min(place + PagedFile.pageSize, section.count)
        let page = UnsafeRawBufferPointer(rebasing: section[place..<end])
        try sums.append(CRC32C.of(page), as: UInt32.self)
        place = end
      }
    }
    head.sums_checksum = CRC32C.of(sums.bytes)
    head.checksum = withUnsafeBytes(of: head) { checksum(ofHead: $0) }
    let limit = cposix_file_size_limit()
    let begin = Buffer()
    try withUnsafeBytes(of: head) { bytes throws(JobError) in try begin.append(bytes) }
    try begin.append(sums.bytes)
    try file.write(begin.bytes, at: 0, limit: limit)
    var offset = pages(begin.count)
    for section in sections {
      try file.write(section, at: Int64(offset * PagedFile.pageSize), limit: limit)
      offset += pages(section.count)
    }
  }

  private static func checksum(ofHead bytes: UnsafeRawBufferPointer) -> UInt32 {
    CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<(headSize - 4)]))
  }

  // MARK: Reading

  /// Nothing but the head and the checksums is read.
  static func open(_ file: File) throws(JobError) -> ItemSet {
    let begin = Buffer()
    try file.read(PagedFile.pageSize, at: 0, into: begin)
    let damage = JobError(.damaged, "\(file.name): byte 0: the head is damaged")
    guard begin.count >= headSize else { throw damage }
    let head = begin.bytes.loadUnaligned(as: cposix_items.self)
    let sum = checksum(ofHead: UnsafeRawBufferPointer(rebasing: begin.bytes[..<headSize]))
    guard head.magic == magic, head.byte_order == byteOrder, sum == head.checksum else {
      throw damage
    }
    guard head.version <= version else {
      throw JobError(.unsupported, "\(file.name) has format \(head.version), we know \(version)")
    }
    let lengths = withUnsafeBytes(of: head.lengths) { bytes in
      (0..<8).map { Int(bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
    }
    let sumsSize = lengths.reduce(0) { $0 + pages($1) } * 4
    let missing = headSize + sumsSize - begin.count
    if missing > 0 { try file.read(missing, at: Int64(begin.count), into: begin) }
    guard begin.count >= headSize + sumsSize else { throw damage }
    let sums = try Buffer(
      UnsafeRawBufferPointer(rebasing: begin.bytes[headSize..<headSize + sumsSize]))
    guard CRC32C.of(sums.bytes) == head.sums_checksum else { throw damage }
    let source = PagedFile(file, sums)
    var (page, buffers): (Int, [Buffer]) = (0, [])
    var lazy: [LazyPages?] = []
    for length in lengths {
      let offset = (pages(headSize + sumsSize) + page) * PagedFile.pageSize
      lazy.append(
        length == 0
          ? nil : try LazyPages(source, at: Int64(offset), count: length, firstPage: page))
      let buffer = Buffer()
      // The table makes its own.
      if buffers.count != 1 { try buffer.extend(by: length) }
      buffers.append(buffer)
      page += pages(length)
    }
    guard lengths[1] == ItemTable.bytes(ofTable: Int(head.table_size)) else { throw damage }
    let table = try ItemTable(
      buffers[0], lazy[0], size: Int(head.table_size), lazy[1], count: Int(head.known),
      seed: head.seed)
    return ItemSet(
      head, table, (2..<6).map { SlotList(buffers[$0], lazy[$0]) },
      StoredNotes(buffers[6], lazy[6], buffers[7], lazy[7]), source)
  }
}
