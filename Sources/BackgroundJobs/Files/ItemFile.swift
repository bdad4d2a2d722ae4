import CPosix

/// The file `items-<name>`: the items of one job as they lie in memory, in pages of 4 KiB. A head,
/// the checksums of the pages, and eight sections that each begin at a page: arena, table, the lists
/// of what is planned, done, failed and skipped, notes, and their texts.
enum ItemFile {
  private static let magic: UInt64 = 0x4920_7362_6f6a_6762
  private static let version: UInt32 = 1
  private static let byteOrder: UInt32 = 0x0102_0304
  private static let headSize = MemoryLayout<cposix_items>.size

  static func name(_ number: UInt64) -> String {
    Message("items-\(hex(number, digits: 16))").text
  }

  private static func pages(_ bytes: Int) -> Int { LazyPages.pages(bytes) }

  // MARK: Writing

  static func write(_ items: ItemSet, to file: File) throws(JobError) {
    try items.loadAll()
    let (notes, texts) = (Buffer(), Buffer())
    items.notes.encode(notes, texts)
    var open = 0
    if items.nextOpen(from: &open) == nil { items.noteFirstOpen(items.planList.count) }
    var head = cposix_items()
    (head.magic, head.version, head.byte_order) = (magic, version, byteOrder)
    let sections = items.describe(&head, notes, texts)
    let begin = Buffer()
    withUnsafeBytes(of: head) { begin.append($0) }
    for place in 0..<8 {
      let section = sections[place]
      begin.store(UInt64(section.count), at: headSize - 72 + place * 8, as: UInt64.self)
      for page in 0..<pages(section.count) {
        let start = page * PagedFile.pageSize
        let end = min(start + PagedFile.pageSize, section.count)
        begin.append(
          CRC32C.of(UnsafeRawBufferPointer(rebasing: section[start..<end])), as: UInt32.self)
      }
    }
    for buffer in [notes, texts, begin] { try buffer.requireWhole() }
    let sums = UnsafeRawBufferPointer(rebasing: begin.bytes[headSize...])
    begin.store(CRC32C.of(sums), at: headSize - 8, as: UInt32.self)
    begin.store(checksum(ofHead: begin), at: headSize - 4, as: UInt32.self)
    let limit = cposix_file_size_limit()
    try file.write(begin.bytes, at: 0, limit: limit)
    var offset = pages(begin.count)
    for section in sections {
      try file.write(section, at: Int64(offset * PagedFile.pageSize), limit: limit)
      offset += pages(section.count)
    }
  }

  private static func checksum(ofHead begin: Buffer) -> UInt32 {
    CRC32C.of(UnsafeRawBufferPointer(rebasing: begin.bytes[..<(headSize - 4)]))
  }

  // MARK: Reading

  /// Nothing but the head and the checksums is read.
  static func open(_ file: File) throws(JobError) -> ItemSet {
    let begin = Buffer()
    try file.read(PagedFile.pageSize, at: 0, into: begin)
    guard begin.count >= headSize else { throw damage(file) }
    let head = begin.bytes.loadUnaligned(as: cposix_items.self)
    let sum = checksum(ofHead: begin)
    guard head.magic == magic, head.byte_order == byteOrder, sum == head.checksum else {
      throw damage(file)
    }
    guard head.version <= version else {
      throw JobError(.unsupported, "\(file.name) has format \(head.version), we know \(version)")
    }
    var count = 0
    for place in 0..<8 { count += pages(length(of: place, begin)) }
    let end = headSize + count * 4
    if end > begin.count { try file.read(end - begin.count, at: Int64(begin.count), into: begin) }
    guard begin.count >= end else { throw damage(file) }
    let sums = try Buffer(UnsafeRawBufferPointer(rebasing: begin.bytes[headSize..<end]))
    guard CRC32C.of(sums.bytes) == head.sums_checksum else { throw damage(file) }
    let source = PagedFile(file, sums)
    var (page, sections): (Int, [Buffer]) = (0, [])
    for place in 0..<8 {
      let lazy = try LazyPages(
        source, at: Int64((pages(end) + page) * PagedFile.pageSize),
        count: length(of: place, begin),
        firstPage: page)
      sections.append(try Buffer(lazy))
      page += pages(lazy.count)
    }
    return ItemSet(head, sections, source)
  }

  @inline(never)
  private static func length(of section: Int, _ head: Buffer) -> Int {
    Int(head.bytes.loadUnaligned(fromByteOffset: headSize - 72 + section * 8, as: UInt64.self))
  }

  @inline(never)
  private static func damage(_ file: File) -> JobError {
    JobError(.damaged, "\(file.name): byte 0: the head is damaged")
  }
}
