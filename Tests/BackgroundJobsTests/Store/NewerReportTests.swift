import Testing

@testable import BackgroundJobs

@Suite struct NewerReportTests {
  @Test func aReportOfANewerVersionStopsEveryReader() throws {
    let scratch = try Scratch()
    let manager = try scratch.manager()
    let job = try manager.create("t")
    try job.start()
    try job.itemDone("a")
    // As a version would write it that knows more.
    try manager.withFiles { store throws(JobError) in
      guard let log = store.logs.owned.first else { return }
      let record = Buffer()
      for _ in 0..<LogFormat.payloadInBuffer { record.append(UInt8(0)) }
      record.appendVarint(1 << 40)
      record.appendSigned(1)
      let payload = record.count - LogFormat.payloadInBuffer
      record.append(UInt32(0), as: UInt32.self)
      guard let start = record.base else { return }
      try log.file.write(log.frame(start, payload: payload), at: log.end, limit: .max)
    }
    let error = #expect(throws: JobError.self) {
      try scratch.manager { $0.isReadOnly = true }.find(job.id).info()
    }
    #expect(error?.status == .unsupported)
  }
}
