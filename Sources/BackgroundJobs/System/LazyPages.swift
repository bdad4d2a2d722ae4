import CPosix

/// A file of which parts come into memory when they are needed, each page with a checksum.
final class PagedFile {
  static let pageSize = 4096
  /// nil: all of it is in memory.
  var file: File?
  /// A CRC-32C for each page.
  let checksums: Buffer
  /// A page could not be read, or is damaged, and zeros are in its place: what was said of it since
  /// may be wrong.
  private(set) var fault: JobError?

  init(_ file: File, _ checksums: Buffer) { (self.file, self.checksums) = (file, checksums) }

  /// Reads pages, the first of them number `page` of the file.
  fileprivate func read(_ room: UnsafeMutableRawBufferPointer, at offset: Int64, page: Int) {
    guard let file, let base = room.baseAddress else { return }
    do throws(JobError) {
      let isWhole = try file.read(room, at: offset) == room.count
      var place = 0
      while place < room.count {
        let one = UnsafeRawBufferPointer(
          start: base + place, count: min(Self.pageSize, room.count - place))
        let sum = checksums.bytes.loadUnaligned(
          fromByteOffset: (page + place / Self.pageSize) * 4, as: UInt32.self)
        guard isWhole, CRC32C.of(one) == UInt32(littleEndian: sum) else {
          throw JobError(
            .damaged, "\(file.name): byte \(offset + Int64(place)): a page is damaged")
        }
        place += Self.pageSize
      }
    } catch {
      memset(base, 0, room.count)
      fault = fault ?? error
    }
  }
}

/// A section of such a file, and what of it is in memory.
final class LazyPages {
  let source: PagedFile
  private let offset: Int64
  let count: Int
  private let firstPage: Int
  /// A byte for each page: 1 when it is in memory.
  private let loaded = Buffer()
  private var missing: Int

  init(
    _ source: PagedFile, at offset: Int64, count: Int, firstPage: Int
  ) throws(JobError) {
    (self.source, self.offset, self.count) = (source, offset, count)
    self.firstPage = firstPage
    missing = Self.pages(count)
    for _ in 0..<missing { loaded.append(UInt8(0)) }
    try loaded.requireWhole()
  }

  static func pages(_ count: Int) -> Int { (count + PagedFile.pageSize - 1) / PagedFile.pageSize }

  /// Brings the bytes from `place` on to their place behind `base`. What is behind the section is
  /// none of it.
  @inline(never)
  func need(_ place: Int, _ length: Int, in base: UnsafeMutableRawPointer?) {
    guard missing > 0, place >= 0, place < count, length > 0, let base else { return }
    var page = place / PagedFile.pageSize
    let end = Self.pages(place + min(length, count - place))
    while page < end {
      let first = page
      while page < end, loaded.bytes[page] == 0 {
        loaded.store(1, at: page, as: UInt8.self)
        page += 1
      }
      if page > first { read(first, page, base) }
      page += 1
    }
  }

  private func read(_ first: Int, _ end: Int, _ base: UnsafeMutableRawPointer) {
    let start = first * PagedFile.pageSize
    missing -= end - first
    source.read(
      UnsafeMutableRawBufferPointer(
        start: base + start, count: min(count, end * PagedFile.pageSize) - start),
      at: offset + Int64(start), page: firstPage + first)
  }
}
