import Testing

@testable import BackgroundJobs

/// The estimator's way through the state file.
@Suite struct EstimatorCodingTests {
  private func text(_ estimator: Estimator) throws -> String {
    let buffer = Buffer()
    let out = JSONText(buffer)
    out.beginObject()
    StateDocument.encode(estimator, out)
    out.endObject()
    return String(decoding: buffer.bytes, as: UTF8.self)
  }

  private func worked(_ count: Int) -> Estimator {
    var estimator = Estimator()
    var dice = Dice(11)
    for _ in 0..<count {
      let wait = Int64.random(in: 250...100_000, using: &dice)
      estimator.feed(
        items: estimator.items + Int64.random(in: 1...5000, using: &dice),
        active: estimator.active + wait)
    }
    return estimator
  }

  @Test(arguments: [0, 1, 3, 50, 1000, 200_000]) func itFitsIntoTwoKilobytes(_ count: Int) throws {
    let text = try text(worked(count))
    #expect(text.utf8.count <= 2048, "\(text)")
  }

  @Test func itComesBackAsItWas() throws {
    let estimator = worked(5000)
    var text = try text(estimator)
    let read = try text.withUTF8 { bytes in
      let json = try JSON.parse(UnsafeRawBufferPointer(bytes))
      return StateDocument.decodeEstimator(JSONValue(raw: json.value)["pace"])
    }
    #expect(read.buckets.count == estimator.buckets.count)
    func eta(_ estimator: Estimator) throws -> Estimate {
      try #require(
        estimator.estimate(
          current: estimator.items, now: estimator.active, reported: estimator.active,
          remaining: 1_000_000))
    }
    let (before, after) = (try eta(estimator), try eta(read))
    #expect(abs(after.eta / before.eta - 1) < 0.001)
    #expect(abs(after.high / before.high - 1) < 0.01)
    #expect(try self.text(read) == text, "and a second time nothing changes")
  }
}
