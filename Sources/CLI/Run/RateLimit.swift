import BackgroundJobs
import Glibc

/// How a command says that it was told to slow down.
struct RateLimit {
  let exitCode: Int32?
  let defaultWait: Int64
  private var pattern: regex_t?

  init(_ spec: RunSpec) throws {
    exitCode = spec.rateLimitExit
    defaultWait = spec.rateLimitWait
    guard let text = spec.rateLimitMatch else { return }
    var compiled = regex_t()
    let number = regcomp(&compiled, text, REG_EXTENDED | REG_NEWLINE)
    guard number == 0 else {
      var message = [CChar](repeating: 0, count: 128)
      regerror(number, &compiled, &message, message.count)
      let why = String(
        decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw RunError("--rate-limit-match '\(text)': \(why)")
    }
    pattern = compiled
  }

  /// Seconds to wait, 0 when the time has come already, nil in it when nobody said how long; nil: it
  /// was no rate limit.
  func wait(exitCode code: Int32?, output: () -> [UInt8]) -> Int64?? {
    let isSaid = code != nil && code == exitCode
    guard isSaid || pattern != nil else { return nil }
    if var pattern {
      // A zero byte would end the text.
      var text = output().map { $0 == 0 ? CChar(0x20) : CChar(bitPattern: $0) }
      text.append(0)
      var matches = [regmatch_t](repeating: regmatch_t(), count: 10)
      if regexec(&pattern, text, matches.count, &matches, 0) == 0 {
        for match in matches.dropFirst() where match.rm_so >= 0 {
          let part = text[Int(match.rm_so)..<Int(match.rm_eo)].map { UInt8(bitPattern: $0) }
          let said = String(decoding: part, as: UTF8.self)
          if let wait = RetryAfter.wait(said, now: realtimeMs()) { return (wait + 999) / 1000 }
          Output.complain(
            "rate limit: '\(said)' is no time to wait and no date of the next 31 days; waiting for"
              + " \(defaultWait) s")
        }
        return .some(header(output()))
      }
    }
    return isSaid ? .some(header(output())) : nil
  }

  /// What the last header of that name in the output says: `Retry-After: 120`. nil: there is none.
  private func header(_ output: [UInt8]) -> Int64? {
    let name = Array("retry-after".utf8)
    for line in output.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }).reversed() {
      let lower = line.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
      guard lower.count > name.count,
        let place = (0...lower.count - name.count).first(where: {
          lower[$0...].starts(with: name)
        })
      else { continue }
      let said = line.dropFirst(place + name.count).drop { [0x20, 0x3a, 0x3d].contains($0) }
      let text = String(decoding: said, as: UTF8.self)
      if let wait = RetryAfter.wait(text, now: realtimeMs()) { return (wait + 999) / 1000 }
    }
    return nil
  }
}
