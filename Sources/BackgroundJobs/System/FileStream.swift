import CPosix

/// A file that is written from its beginning through a buffer, with the checksum of all of it: a
/// state of any size is published in constant memory.
final class FileStream {
  /// No file of ours is larger: reading it takes several times its size in memory.
  static let largest: Int64 = 256 << 20
  private static let chunk = 1 << 20

  private let file: File
  private let buffer: Buffer
  private let limit = cposix_file_size_limit()
  private var running: UInt32 = ~0
  private(set) var size: Int64 = 0

  init(_ file: File, _ buffer: Buffer) {
    self.file = file
    self.buffer = buffer
    buffer.clear()
  }

  var checksum: UInt32 { ~running }

  /// Enough is there to be written.
  @inline(__always)
  var isDue: Bool { buffer.count >= Self.chunk }

  func flush() throws(JobError) {
    try buffer.requireWhole()
    guard size + Int64(buffer.count) <= Self.largest else {
      throw JobError(.noSpace, "\(file.name) would have more than 256 MiB")
    }
    try file.write(buffer.bytes, at: size, limit: limit)
    running = CRC32C.update(running, buffer.bytes)
    size += Int64(buffer.count)
    buffer.clear()
  }
}
