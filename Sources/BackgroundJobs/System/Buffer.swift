import CPosix

/// Bytes that grow. Running out of memory is a status, unlike with Swift's arrays, which abort.
package final class Buffer {
  private(set) var base: UnsafeMutableRawPointer?
  private(set) var capacity = 0
  private(set) var count = 0
  /// There was no memory for something that was to be appended.
  private(set) var isCut = false
  /// What of it is in memory; nil: all.
  var pages: LazyPages?

  @inline(never)
  package init() {}

  convenience init(_ bytes: UnsafeRawBufferPointer) throws(JobError) {
    self.init()
    append(bytes)
    try requireWhole()
  }

  deinit { cposix_release(base, capacity) }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Writable room; commit what was filled with `grow(by:)`.
  var room: UnsafeMutableRawBufferPointer {
    guard let base else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    return UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
  }

  func clear() { (count, isCut) = (0, false) }

  /// Gives the memory back.
  func release() {
    cposix_release(base, capacity)
    (base, capacity, count, isCut) = (nil, 0, 0, false)
  }

  func shorten(to length: Int) { if length >= 0 && length < count { count = length } }

  func grow(by added: Int) { count += min(added, capacity - count) }

  /// A section of a file, which comes into memory when it is needed.
  convenience init(_ pages: LazyPages) throws(JobError) {
    self.init()
    try extend(by: pages.count)
    self.pages = pages
  }

  /// These bytes are in memory then.
  @inline(__always)
  func need(_ place: Int, _ length: Int) { if pages != nil { load(place, length) } }

  @inline(never)
  private func load(_ place: Int, _ length: Int) { pages?.need(place, length, in: base) }

  @inline(never)
  func loadAll() {
    need(0, .max)
    pages = nil
  }

  /// So many bytes, whatever they are, in the place of those that were there.
  func renew(_ size: Int) throws(JobError) {
    guard let fresh = cposix_grow(nil, 0, size) else {
      throw JobError(.noMemory, "no memory for \(size) bytes", osError: ENOMEM)
    }
    cposix_release(base, capacity)
    (base, capacity, count) = (fresh, size, size)
  }

  /// That many bytes more, whatever they are.
  func extend(by more: Int) throws(JobError) {
    try reserve(more)
    count += more
  }

  /// Makes room for more bytes. Grows fast while small, then by half: few calls of realloc, little
  /// slack when it matters.
  func reserve(_ more: Int) throws(JobError) {
    guard more > capacity - count else { return }
    let (needed, overflow) = count.addingReportingOverflow(more)
    let factor = capacity < 64 << 10 ? 4 : 2
    let larger = capacity < 1 << 20 ? capacity * factor : capacity + capacity / 2
    let size = max(needed, larger, 256)
    guard !overflow, size < 1 << 40, let grown = cposix_grow(base, capacity, size) else {
      throw JobError(.noMemory, "no memory for \(needed) bytes", osError: ENOMEM)
    }
    base = grown
    capacity = size
  }

  /// Makes room for what is to be appended. Without memory nothing is, from then on: half of a text
  /// would be another one. Who uses the bytes asks `requireWhole`.
  @inline(never)
  func hasRoom(_ more: Int) -> Bool {
    if !isCut, (try? reserve(more)) == nil { isCut = true }
    return !isCut
  }

  /// Nothing more is appended.
  func cut() { isCut = true }

  /// Throws if something could not be appended.
  @inline(never)
  package func requireWhole() throws(JobError) {
    if isCut { throw JobError(.noMemory, "no memory beyond \(count) bytes", osError: ENOMEM) }
  }

  /// Appends where there is room for it already; else nothing.
  @inline(__always)
  func put(_ source: UnsafeRawBufferPointer) {
    guard let base, let from = source.baseAddress, source.count <= capacity - count else { return }
    (base + count).copyMemory(from: from, byteCount: source.count)
    count += source.count
  }

  @inline(__always)
  func put<T: FixedWidthInteger>(_ value: T, as: T.Type) {
    guard let base, MemoryLayout<T>.size <= capacity - count else { return }
    base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  /// The end of a line and the indent of the next, where there is room for it; else nothing.
  func putLine(indent: Int) {
    guard let base, indent < capacity - count else { return }
    base.storeBytes(of: UInt8(ascii: "\n"), toByteOffset: count, as: UInt8.self)
    memset(base + count + 1, 0x20, indent)
    count += 1 + indent
  }

  /// Between quotes, where there is room for that; else nothing.
  func putQuoted(_ source: UnsafeRawBufferPointer) {
    guard let base, source.count + 2 <= capacity - count else { return }
    base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count, as: UInt8.self)
    if let from = source.baseAddress { memcpy(base + count + 1, from, source.count) }
    count += source.count + 2
    base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count - 1, as: UInt8.self)
  }

  @inline(never)
  package func append(_ source: UnsafeRawBufferPointer) {
    guard hasRoom(source.count) else { return }
    if let from = source.baseAddress, let base { memcpy(base + count, from, source.count) }
    count += source.count
  }

  @inline(never)
  package func append(_ byte: UInt8) {
    guard hasRoom(1) else { return }
    base?.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  @inline(never)
  func append(_ text: String) {
    guard hasRoom(text.byteCount) else { return }
    var text = text
    text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
  }

  @inline(__always)
  func append(_ text: StaticString) { append(literal: text.utf8Start) }

  @inline(never)
  func append(literal: UnsafePointer<UInt8>) {
    append(UnsafeRawBufferPointer(literal: literal))
  }

  @inline(never)
  package func append<T: FixedWidthInteger>(_ value: T, as: T.Type) {
    let size = MemoryLayout<T>.size
    guard hasRoom(size) else { return }
    base?.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count += size
  }

  /// Overwrites bytes that are there already; outside of them it does nothing.
  @inline(__always)
  func store<T: FixedWidthInteger>(_ value: T, at offset: Int, as: T.Type) {
    guard offset >= 0, offset + MemoryLayout<T>.size <= count else { return }
    base?.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }

  /// What another one has, which may be cut.
  func append(whole other: Buffer) {
    if other.isCut { cut() }
    append(other.bytes)
  }

  /// Unsigned LEB128.
  @inline(never)
  func appendVarint(_ value: UInt64) {
    guard hasRoom(Pen.number) else { return }
    guard let start = room.baseAddress else { return }
    var pen = Pen(start)
    pen.varint(value)
    grow(by: pen.written)
  }

  /// Zigzag: small negative numbers stay short.
  @inline(never)
  func appendSigned(_ value: Int64) {
    appendVarint(Pen.zigzag(value))
  }

  @inline(never)
  package func appendCounted(_ source: UnsafeRawBufferPointer) {
    appendVarint(UInt64(source.count))
    append(source)
  }

  @inline(never)
  func appendCounted(_ text: String) {
    appendVarint(UInt64(text.byteCount))
    append(text)
  }

  /// Zeros up to a multiple of so many bytes behind `start`.
  @inline(never)
  func pad(to multiple: Int, from start: Int = 0) {
    while !isCut, (count - start) % multiple != 0 { append(UInt8(0)) }
  }

  /// nil is told apart from "".
  @inline(never)
  func appendOptional(_ text: String?) {
    guard let text else { return append(UInt8(0)) }
    append(UInt8(1))
    appendCounted(text)
  }
}

extension UnsafeRawBufferPointer {
  /// The compiler puts a zero behind each literal.
  init(literal: UnsafePointer<UInt8>) {
    let text = UnsafeRawPointer(literal).assumingMemoryBound(to: CChar.self)
    self.init(start: text, count: strlen(text))
  }
}
