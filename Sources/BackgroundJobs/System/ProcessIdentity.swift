import CPosix

/// A process, told apart from a later one with the same number.
struct ProcessIdentity: Equatable {
  var pid: Int64 = 0
  /// Start time in clock ticks since boot, field 22 of /proc/PID/stat.
  var startTicks: UInt64 = 0
  /// Inode of the PID namespace in which `pid` counts.
  var namespace: UInt64 = 0
  /// The first 16 hex digits of the boot id, as a number.
  var boot: UInt64 = 0

  static func of(pid: Int64) -> ProcessIdentity? {
    guard pid > 0, let ticks = startTicks(of: pid) else { return nil }
    return ProcessIdentity(
      pid: pid, startTicks: ticks, namespace: currentNamespace(), boot: currentBoot())
  }

  static func current() -> ProcessIdentity {
    of(pid: Int64(getpid())) ?? ProcessIdentity(pid: Int64(getpid()))
  }

  /// false only when it is certain: same boot, same namespace, and no such process.
  var mayBeAlive: Bool {
    if boot != 0, boot != ProcessIdentity.currentBoot() { return false }
    guard boot != 0, startTicks != 0, namespace == ProcessIdentity.currentNamespace() else {
      return true
    }
    guard let ticks = ProcessIdentity.startTicks(of: pid) else {
      return kill(pid_t(truncatingIfNeeded: pid), 0) == 0
    }
    return ticks == startTicks
  }

  static func currentBoot() -> UInt64 {
    var boot: UInt64 = 0
    var digits = 0
    for byte in smallFile("/proc/sys/kernel/random/boot_id") where digits < 16 {
      guard let digit = hexDigit(byte) else { continue }
      boot = boot << 4 | UInt64(digit)
      digits += 1
    }
    return boot
  }

  private static func currentNamespace() -> UInt64 {
    var status = stat()
    return stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : 0
  }

  /// A zombie is dead: state Z or X gives nil.
  private static func startTicks(of pid: Int64) -> UInt64? {
    let text = smallFile(Message("/proc/\(pid)/stat").text)
    // The second field is the command in parentheses and may contain anything, so count from the
    // last.
    guard let close = text.lastIndex(of: UInt8(ascii: ")")), close + 2 < text.count else {
      return nil
    }
    let state = text[close + 2]
    if state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") { return nil }
    var field = 2
    var ticks: UInt64 = 0
    for byte in text[(close + 1)...] {
      if byte == UInt8(ascii: " ") {
        field += 1
        if field > 22 { return ticks }
      } else if field == 22, byte >= 0x30, byte <= 0x39 {
        ticks = ticks &* 10 &+ UInt64(byte - 0x30)
      }
    }
    return nil
  }

  private static func smallFile(_ path: String) -> [UInt8] {
    let descriptor = Int32(
      withCString(path) { Int(cposix_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC, 0)) })
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var text: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { room in
      let got = max(0, CPosix.read(descriptor, room.baseAddress, 1024))
      text.append(contentsOf: UnsafeRawBufferPointer(start: room.baseAddress, count: got))
    }
    return text
  }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x61...0x66: byte - 0x61 + 10
  case 0x41...0x46: byte - 0x41 + 10
  default: nil
  }
}
