import Foundation
import Testing

@testable import BackgroundJobs

/// Values that no sane writer has: whatever a file says, calls give a status. Each runs in a
/// process of its own, for a trap cannot be caught.
@Suite struct HostileFileTests {
  private static let largest = "9223372036854775807"
  private static let smallest = "-9223372036854775808"

  private static func job(_ ours: String, status: String = "running", total: String = "100")
    -> String
  {
    """
    {"jobs": [{"id": "a", "type": "t", "status": "\(status)", "progress": {"current": 0,
    "total": \(total), "itemsFailed": ["x"]}, "bgjobs": {"rev": 1, "created": 1, \(ours)}}]}
    """
  }

  private static func pace(_ place: String, _ buckets: String, total: String = "100") -> String {
    job(
      """
      "pace": {"at": [\(place)], "noise": [\(largest), \(largest), 1e308, 1e308],
      "held": [\(largest), 1e308, 1e308, 1e308, 1e308], "stalls": [\(largest), 1e308],
      "bulk": [\(largest), 1e308], "buckets": [\(buckets)]}
      """, status: "pending", total: total)
  }

  /// Numbers in the estimator that overflow where they are added, divided or compared.
  static let files: [String] = [
    job("\"attempts\": \(largest)", status: "failed"),
    pace("0, 0", "\(largest), 5, 5, 5, 1, \(largest), 5, 5, 5, 1"),
    job(
      "\"owner\": {\"pid\": 1, \"log\": 5}, \"pace\": {\"at\": [0, 0], \"buckets\": [9, 5, 5, 5, 1"
        + String(repeating: ", \(largest), 5, 5, 5, 1", count: 6) + "]}"),
    pace("0, 0", "9, 1e-300, 1e300, 0, 1e300", total: "9007199254740991"),
    pace("0, 0", "9, 1e14, 1e-308, 1e308, -1e308, 9, 1e14, 1e-308, 1e308, 1e308"),
    pace("0, 0", "9, 1e-308, 1e14, 1e308, 1e308, 9, 1e-308, 1e14, 1e308, 1e308"),
    pace("\(smallest), \(smallest)", "9, 1, 1, 1, 1"),
    pace("\(largest), \(largest)", "9, 1, 1, 1, 1"),
    pace("0, 0", String(repeating: "1099511627775, 1, 1, 1, 1, ", count: 300) + "1"),
    job("\"advances\": \(largest), \"shift\": \(largest)"),
    job("\"advances\": \(smallest), \"shift\": \(smallest)"),
    job("\"activeMs\": \(largest), \"activeMark\": \(smallest), \"owner\": {}"),
    job("\"activeMs\": \(smallest), \"activeMark\": \(largest), \"owner\": {\"pid\": 1}"),
    job("\"clockOffset\": \(largest), \"owner\": {\"log\": 7, \"pid\": \(largest)}"),
    job("\"rev\": \(largest), \"created\": \(largest)"),
    job("\"resumeAt\": \"9999-12-31T23:59:59.999Z\"", status: "paused"),
    job("\"key\": null", total: largest),
    "{\"jobs\": [], \"bgjobs\": {\"format\": 1, \"seq\": \(largest), \"logs\": [[1, 1, 1]]}}",
    "{\"jobs\": [], \"bgjobs\": {\"format\": \(largest)}}",
    "{\"jobs\": [[], null, 1, \"\", {}, {\"id\": 7}, {\"id\": \"\"}], \"bgjobs\": []}",
    "{\"jobs\": [{\"id\": \"a\", \"progress\": [], \"bgjobs\": 7, \"config\": 7}]}",
  ]

  @Test(arguments: files.indices)
  func everyCallGivesAStatus(_ index: Int) async {
    await #expect(processExitsWith: .success) { [index] in
      let scratch = try Scratch()
      try scratch.writeStateFile(Self.files[index])
      for _ in 0..<2 { try exercise(scratch) }
    }
  }

  // MARK: A journal that somebody forged: every checksum is right

  private static let kinds = (1...21).map { UInt16($0) }

  @Test(arguments: kinds)
  func everyForgedEventGivesAStatus(_ kind: UInt16) async {
    await #expect(processExitsWith: .success) { [kind] in
      var dice = Dice(UInt64(kind))
      for _ in 0..<12 {
        try exercise(try forged(seq: 3, snapshot: Self.files[5], kind, randomPayload(&dice), 4))
      }
      for text in ["}}}}}}}}", "]", "\"", "{\"a", "\\", "", "\u{0}"] {
        let payload = try payload(text)
        try exercise(try forged(seq: 3, snapshot: Self.files[5], kind, payload, 4))
      }
    }
  }

  @Test(arguments: [1, 1 << 53, 1 << 63, UInt64.max - 1, .max] as [UInt64])
  func everyForgedNumberGivesAStatus(_ seq: UInt64) async {
    await #expect(processExitsWith: .success) { [seq] in
      let payload = try payload("clone")
      for kind in [2, 4, 5] as [UInt16] {
        try exercise(try forged(seq: seq, snapshot: "{\"jobs\":[]}", kind, payload, seq &+ 1))
      }
    }
  }

  @Test func everyForgedSnapshotGivesAStatus() async {
    await #expect(processExitsWith: .success) {
      for file in Self.files {
        let owner = "\"owner\": {\"pid\": 1, \"log\": 1, \"salt\": \"1\"}, "
        let text = file.replacingOccurrences(of: "\"bgjobs\": {", with: "\"bgjobs\": {" + owner)
        let logs = ", \"bgjobs\": {\"logs\": [[1, \(Self.largest), \(Self.largest)]]}}"
        try exercise(try forged(seq: 3, snapshot: text.dropLast() + logs, 2, Buffer(), 4))
      }
    }
  }
}

/// A project whose journal has this snapshot and one event.
private func forged(
  seq: UInt64, snapshot: String, _ kind: UInt16, _ payload: Buffer, _ next: UInt64
) throws -> Scratch {
  let scratch = try Scratch()
  try scratch.writeStateFile("{\"jobs\":[]}")
  mkdir(scratch.files, 0o700)
  let text = Buffer()
  text.append(snapshot)
  let epoch = StateDocument.Epoch(high: 1, low: 2)
  let bytes = try Journal.encode(
    epoch: epoch, salt: 5, isRebuilt: false, seq: seq, snapshot: text)
  if let kind = Record.Kind(rawValue: kind) {
    try Record.append(to: bytes, kind: kind, seq: next, synced: seq, salt: 5) {
      buffer throws(JobError) in buffer.append(payload.bytes)
    }
  }
  try writeBytes(bytes.bytes, at: scratch.journal)
  return scratch
}

private func randomPayload(_ dice: inout Dice) throws -> Buffer {
  let buffer = Buffer()
  buffer.appendSigned(Int64(bitPattern: dice.next() >> UInt64.random(in: 0...63, using: &dice)))
  buffer.appendCounted("a")
  for byte in dice.bytes(Int.random(in: 0...60, using: &dice)) {
    buffer.append(Bool.random(using: &dice) ? byte : byte & 3)
  }
  return buffer
}

/// The job, and then one text for whatever comes next.
private func payload(_ text: String) throws -> Buffer {
  let buffer = Buffer()
  buffer.appendSigned(.max)
  buffer.appendCounted("a")
  for _ in 0..<3 { buffer.appendOptional(text) }
  return buffer
}

/// Every call there is; errors are fine.
private func exercise(_ scratch: Scratch) throws {
  let manager: JobManager
  do { manager = try scratch.manager() } catch { return }
  let jobs = (try? manager.list())?.compactMap { try? manager.find($0.id) } ?? []
  for job in jobs {
    _ = try? job.info()
    _ = try? job.json()
    _ = try? job.retry()
    _ = try? job.start()
    _ = try? job.plan(["p"])
    _ = try? job.done("d")
    _ = try? job.advance(1)
    _ = try? job.update(current: 3)
    _ = try? job.info()
    _ = try? job.pause()
    _ = try? job.resume()
    _ = try? job.leave()
    _ = try? job.complete()
    _ = try? job.retry()
  }
  _ = try? manager.create("new")
  _ = try? manager.sync()
  _ = try? manager.check()
  _ = try? manager.cleanup(keep: 0)
  try? manager.close()
}
