import CProcess
import Glibc

/// The runner's end of the socket to the process that is the parent of all commands.
struct Keeper {
  enum Event {
    case started(UInt32, pid: Int32)
    /// It could not be started: errno.
    case refused(UInt32, Int32)
    /// As waitpid gives it.
    case ended(UInt32, status: Int32)
    /// The keeper was killed.
    case gone
  }

  let descriptor: Int32

  /// To be called before anything makes a thread.
  static func start() throws -> Keeper {
    let descriptor = cprocess_keeper_start()
    guard descriptor >= 0 else {
      throw RunError("cannot start the keeper: \(String(cString: strerror(errno)))")
    }
    // Should the keeper be killed, what it leaves is ours.
    cprocess_adopt_orphans()
    return Keeper(descriptor: descriptor)
  }

  /// The command writes to the descriptor `output`. `variables`: added to the environment.
  func spawn(
    _ tag: UInt32, _ arguments: [String], _ variables: [(String, String)], output: Int32
  ) throws {
    var bytes: [UInt8] = []
    func add(_ number: Int) {
      withUnsafeBytes(of: UInt32(number)) { bytes.append(contentsOf: $0) }
    }
    add(arguments.count)
    add(variables.count)
    for text in arguments + variables.map({ "\($0)=\($1)" }) {
      bytes.append(contentsOf: text.utf8)
      bytes.append(0)
    }
    try send(kind: CPROCESS_SPAWN.rawValue, tag, 0, bytes, with: output)
  }

  /// When it returns, nothing that the commands have started lives.
  func stop() { cprocess_keeper_stop(descriptor) }

  /// Keeps a descriptor open as long as the keeper lives.
  func hold(_ file: Int32) throws {
    try send(kind: CPROCESS_HOLD.rawValue, 0, 0, [], with: file)
  }

  func signal(_ tag: UInt32, _ number: Int32) throws {
    try send(kind: CPROCESS_SIGNAL.rawValue, tag, number, [])
  }

  private func send(
    kind: UInt32, _ tag: UInt32, _ value: Int32, _ payload: [UInt8], with file: Int32 = -1
  ) throws {
    var request = cprocess_request(
      size: UInt32(payload.count), kind: kind, tag: tag, value: value)
    let bytes = withUnsafeBytes(of: &request) { Array($0) } + payload
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        cprocess_send(
          descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, done == 0 ? file : -1)
      }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else { throw RunError("the keeper is gone") }
      done += put
    }
  }

  /// The next thing that happened. Waits for it: see that there is one.
  func receive() -> Event {
    var reply = cprocess_reply()
    let got = withUnsafeMutableBytes(of: &reply) {
      recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_WAITALL))
    }
    guard got == MemoryLayout<cprocess_reply>.size else { return .gone }
    switch reply.kind {
    case CPROCESS_STARTED.rawValue: return .started(reply.tag, pid: reply.value)
    case CPROCESS_REFUSED.rawValue: return .refused(reply.tag, reply.value)
    default: return .ended(reply.tag, status: reply.value)
    }
  }
}

/// Why a run cannot go on, and how the program ends then.
struct RunError: Error, CustomStringConvertible {
  let description: String
  let status: ExitStatus

  init(_ description: String, _ status: ExitStatus = .failure) {
    self.description = description
    self.status = status
  }
}
