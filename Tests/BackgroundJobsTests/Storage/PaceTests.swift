import Testing

@testable import BackgroundJobs

/// How often all processes together write the state file.
@Suite struct PaceTests {
  /// Like processes that come at these times, each knowing nothing but the last event.
  private func publications(
    _ urgency: Urgency, costMs: Int64, every step: Int64, for duration: Int64
  ) -> Int {
    var pace = Pace()
    var count = 0
    for now in stride(from: 1_000_000, to: 1_000_000 + duration, by: Int(step)) {
      let now = Int64(now)
      // It has been owed for long.
      guard pace.wait(urgency, since: now - 5000, isLarge: false, at: now) <= 0 else { continue }
      pace = pace.spent(on: urgency, at: now, cost: costMs * 1_000_000)
      count += 1
    }
    return count
  }

  @Test(arguments: [Int64(1), 7]) func manyProcessesAreAsOne(_ step: Int64) {
    // 100 ms each: one in two seconds, after the first eight.
    #expect((35...38).contains(publications(.transition, costMs: 100, every: step, for: 60_000)))
    // 1 ms each: transitions 20 ms apart.
    let count = publications(.transition, costMs: 1, every: step, for: 10_000)
    #expect((450...510).contains(count))
  }

  @Test func transitionsBurst() {
    var pace = Pace()
    let now: Int64 = 1_000_000
    var count = 0
    while pace.wait(.transition, since: now, isLarge: false, at: now) <= 0 {
      pace = pace.spent(on: .transition, at: now, cost: 1_000_000)
      count += 1
    }
    #expect(count == 8)
    #expect((1...21).contains(pace.wait(.transition, since: now, isLarge: false, at: now)))
  }

  /// Nothing but reports: three at once, a breath apart, then once a second.
  @Test func progressBursts() {
    var pace = Pace()
    var times: [Int64] = []
    for now in Int64(1_000_000)..<1_010_000
    where pace.wait(.progress, since: nil, isLarge: false, at: now) <= 0 {
      pace = pace.spent(on: .progress, at: now, cost: 1_000_000)
      times.append(now)
    }
    #expect((12...13).contains(times.count))
    #expect(times[1] - times[0] == 100)
    #expect(times[2] - times[1] == 100)
  }

  /// The first report after a transition is not held back.
  @Test func aTransitionTakesNothingFromProgress() {
    let now: Int64 = 1_000_000
    let pace = Pace().spent(on: .transition, at: now, cost: 1_000_000)
    #expect(pace.wait(.progress, since: nil, isLarge: false, at: now) <= 0)
  }

  /// Both kinds at once, and still a twentieth of the time.
  @Test func bothKindsTogetherTakeATwentieth() {
    var pace = Pace()
    var spent: Int64 = 0
    for now in Int64(1_000_000)..<1_100_000 {
      let urgency: Urgency = now % 3 == 0 ? .progress : .transition
      let since: Int64? = urgency == .progress ? nil : now - 2000
      guard pace.wait(urgency, since: since, isLarge: false, at: now) <= 0 else { continue }
      pace = pace.spent(on: urgency, at: now, cost: 50_000_000)
      spent += 50
    }
    #expect(spent <= 100_000 / 20 + 9 * 50)
    #expect(spent >= 4000)
  }

  /// Where the file is large, a transition does not pay for itself; who comes a second later pays.
  @Test func aTransitionOfALargeFileIsLeft() {
    let pace = Pace(time: 1000, cost: 200_000, left: 8000, leftForProgress: 0)
    let now: Int64 = 1_000_000
    for (age, isDue) in [(Int64(0), false), (999, false), (1000, true), (-1, true)] {
      #expect((pace.wait(.transition, since: now - age, isLarge: true, at: now) <= 0) == isDue)
    }
    #expect(pace.wait(.transition, since: nil, isLarge: true, at: now) > 0)
    #expect(pace.wait(.transition, since: now, isLarge: false, at: now) <= 0)
  }

  @Test func aClockSetBackMeansDue() {
    let pace = Pace(time: 1_000_000, cost: 3_000_000, left: 0, leftForProgress: 0)
    #expect(pace.wait(.transition, since: 1_000_000, isLarge: false, at: 1_000_000) > 0)
    #expect(pace.wait(.transition, since: 1_000_000, isLarge: false, at: 999_000) <= 0)
    #expect(pace.wait(.progress, since: nil, isLarge: false, at: 999_000) <= 0)
    let next = pace.spent(on: .transition, at: 999_000, cost: 1_000_000)
    #expect(next.left == 7000)
  }

  /// Stopped in the middle of it, a process holds up nobody for hours.
  @Test func anAbsurdCostIsCapped() {
    let pace = Pace().spent(on: .transition, at: 1_000_000, cost: 3_600_000_000_000)
    #expect(pace.cost == 3_000_000)
    let empty = Pace(time: 1_000_000, cost: pace.cost, left: 0, leftForProgress: 0)
    #expect(
      (60_000...60_100).contains(empty.wait(.transition, since: nil, isLarge: false, at: 1_000_000))
    )
  }

  @Test(arguments: [Int64.min, -1, 0, 1, .max]) func anyNumberIsSafe(_ number: Int64) {
    let pace = Pace(
      time: number, cost: UInt32(clamping: number), left: UInt16(clamping: number),
      leftForProgress: UInt16(clamping: number))
    for other in [Int64.min, 0, .max] {
      for urgency in [Urgency.transition, .progress] {
        #expect(pace.wait(urgency, since: other, isLarge: false, at: number) <= 90_000_000)
        #expect(pace.wait(urgency, since: number, isLarge: false, at: other) <= 90_000_000)
        let next = pace.spent(on: urgency, at: other, cost: number)
        #expect(next.left <= 8000 && next.leftForProgress <= 3000)
      }
    }
  }
}
