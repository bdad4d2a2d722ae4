/// At most so many jobs of a scope run at once. Who runs is counted when somebody asks, from owners
/// that live: nothing is stored that could leak.
final class QueueLimit {
  enum Scope { case all, type, lane, provider }

  static let most = 1000

  /// As it was given: `*`, `type:T`, `lane:L` or `provider:P`.
  let text: String
  let scope: Scope
  /// `T`, `L` or `P`.
  let name: String
  /// A provider's as JSON, as configs have it; empty until somebody needs it.
  var json = ""
  /// 0: none may start.
  let allowed: Int64
  /// Of its jobs these run; `Queue` fills it in.
  var running: [JobState] = []

  /// nil: there is no such scope.
  init?(_ text: String, allowed: Int64) {
    (self.text, self.allowed) = (text, allowed)
    if let type = rest(of: text, behind: "type:") {
      (scope, name) = (.type, type)
    } else if let lane = rest(of: text, behind: "lane:") {
      (scope, name) = (.lane, lane)
    } else if let provider = rest(of: text, behind: "provider:") {
      (scope, name) = (.provider, provider)
    } else if text.bytes == "*" {
      (scope, name) = (.all, text)
    } else {
      return nil
    }
    guard name.byteCount >= 1, name.byteCount <= Limits.name else { return nil }
  }

  func covers(_ job: JobState) -> Bool {
    switch scope {
    case .all: true
    case .type: job.type.bytes == name.bytes
    case .lane: job.queue?.lane?.bytes == name.bytes
    case .provider: job.provider.bytes == json.bytes
    }
  }

  var isFull: Bool { running.count >= allowed }

  /// It is one of those that run.
  func has(_ job: JobState) -> Bool { running.contains { $0 === job } }
}

private func rest(of text: String, behind start: String) -> String? {
  guard begins(text, with: start) else { return nil }
  var text = text
  return text.withUTF8 {
    String(bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[start.byteCount...]))
  }
}
