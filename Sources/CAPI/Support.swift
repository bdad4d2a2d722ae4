import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

// How every function of the header is built: arguments are checked here, the work is the core's,
// and a status with an error comes out.

extension bgj_status {
  init(_ status: Status) { self.init(rawValue: UInt32(bitPattern: status.rawValue)) }
}

/// Runs one call and fills the caller's error.
@inline(never)
func call(
  _ error: UnsafeMutablePointer<bgj_error>?, _ body: () throws(JobError) -> Status
) -> bgj_status {
  callAnyway(error) { () throws(JobError) in
    try requireMemory()
    return try body()
  }
}

/// The same, also while there is hardly any memory.
@inline(never)
func callAnyway(
  _ error: UnsafeMutablePointer<bgj_error>?, _ body: () throws(JobError) -> Status
) -> bgj_status {
  do throws(JobError) {
    let status = try body()
    if let error { write(status, to: error) }
    return bgj_status(status)
  } catch let failure {
    if let error {
      _ = try? withBytes(of: failure.message) { bytes throws(JobError) in
        write(failure.status, failure.osError, bytes, to: error)
      }
    }
    return bgj_status(failure.status)
  }
}

/// What success leaves of an error.
@inline(__always)
func clear(_ error: UnsafeMutablePointer<bgj_error>) {
  let raw = UnsafeMutableRawPointer(error)
  let size = raw.load(as: Int.self)
  guard size > 16, size <= 1 << 20 else { return write(.ok, to: error) }
  raw.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
  raw.storeBytes(of: 0, toByteOffset: 16, as: UInt8.self)
}

/// News have a sentence of their own; success has none.
@inline(never)
private func write(_ status: Status, to error: UnsafeMutablePointer<bgj_error>) {
  let words = words(for: status)
  let count = status == .ok ? 0 : words.utf8CodeUnitCount
  write(status, 0, UnsafeRawBufferPointer(start: words.utf8Start, count: count), to: error)
}

/// Writes no further than the caller's `struct_size`. A message that is too long is cut between
/// characters: in its middle if there is room, for what went wrong stands behind a path.
private func write(
  _ status: Status, _ number: Int32, _ message: UnsafeRawBufferPointer,
  to error: UnsafeMutablePointer<bgj_error>
) {
  let raw = UnsafeMutableRawPointer(error)
  let size = raw.load(as: Int.self)
  guard size >= 12, size <= 1 << 20 else { return }
  raw.storeBytes(of: status.rawValue, toByteOffset: 8, as: Int32.self)
  guard size >= 16 else { return }
  raw.storeBytes(of: number, toByteOffset: 12, as: Int32.self)
  let room = min(size - 16, 496)
  guard room > 0 else { return }
  var length = min(message.count, room - 1)
  var head = length
  if length < message.count {
    if length > 80 { head /= 2 }
    while head > 0, isInside(message, head) { head -= 1 }
    if length > 80 {
      while isInside(message, message.count - length + head + 3) { length -= 1 }
    } else {
      length = head
    }
  }
  for position in 0..<length {
    let byte =
      position < head
      ? message[position]
      : position < head + 3 ? UInt8(ascii: ".") : message[message.count - length + position]
    raw.storeBytes(of: byte == 0 ? 0x20 : byte, toByteOffset: 16 + position, as: UInt8.self)
  }
  raw.storeBytes(of: 0, toByteOffset: 16 + length, as: UInt8.self)
}

/// Whether a character goes on here.
private func isInside(_ text: UnsafeRawBufferPointer, _ place: Int) -> Bool {
  text[place] & 0xc0 == 0x80
}

func missing(_ what: StaticString) -> JobError { JobError(.invalid, "\(what) is NULL") }

/// The bytes of a C string, without its end.
@inline(__always)
func bytes(_ text: UnsafePointer<CChar>) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: text, count: strlen(text))
}

@inline(__always)
func optionalBytes(_ text: UnsafePointer<CChar>?) -> UnsafeRawBufferPointer? {
  text.map { bytes($0) }
}

func text(_ text: UnsafePointer<CChar>?, _ what: StaticString) throws(JobError) -> String {
  guard let text else { throw missing(what) }
  return try checked(bytes(text), what)
}

func optionalText(_ text: UnsafePointer<CChar>?, _ what: StaticString) throws(JobError) -> String? {
  guard let text else { return nil }
  return try checked(bytes(text), what)
}

private func checked(_ bytes: UnsafeRawBufferPointer, _ what: StaticString) throws(JobError)
  -> String
{
  guard isUTF8(bytes) else { throw JobError(.invalid, "\(what) is not UTF-8") }
  return String(bytes: bytes)
}

/// A copy for the caller, who frees it with bgj_string_free.
func copy(_ bytes: UnsafeRawBufferPointer) throws(JobError) -> UnsafeMutablePointer<CChar> {
  guard let memory = malloc(bytes.count + 1) else {
    throw JobError(.noMemory, "no memory for a text of \(bytes.count) bytes", osError: ENOMEM)
  }
  if let base = bytes.baseAddress { memcpy(memory, base, bytes.count) }
  memory.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
  return memory.assumingMemoryBound(to: CChar.self)
}

/// What is encoded goes to the caller, who frees it with bgj_string_free.
func give(
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ encode: () throws(JobError) -> Buffer
) throws(JobError) -> Status {
  guard let json else { throw missing("json") }
  let buffer = try encode()
  json.pointee = try copy(buffer.bytes)
  withExtendedLifetime(buffer) {}
  return .ok
}

func copy(_ text: String) throws(JobError) -> UnsafeMutablePointer<CChar> {
  try withBytes(of: text) { bytes throws(JobError) in try copy(bytes) }
}

/// The caller's options, as far as its version of the header has them; the rest is zero.
@inline(__always)
func read<Options: BitwiseCopyable>(
  _ options: UnsafePointer<Options>?, _ empty: Options, _ what: StaticString
) throws(JobError) -> Options {
  var copy = empty
  try read(options, &copy, MemoryLayout<Options>.size, what)
  return copy
}

@inline(never)
private func read(
  _ options: UnsafeRawPointer?, _ copy: UnsafeMutableRawPointer, _ room: Int, _ what: StaticString
) throws(JobError) {
  guard let options else { return }
  let size = options.load(as: Int.self)
  guard size >= MemoryLayout<Int>.size, size <= 1 << 16 else {
    throw JobError(.invalid, "struct_size of \(what) is \(size); initialise it with its _INIT")
  }
  // Whole members only: half a pointer is none.
  copy.copyMemory(from: options, byteCount: min(size, room) & ~7)
}
