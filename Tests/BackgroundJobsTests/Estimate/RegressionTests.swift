import Testing

@testable import BackgroundJobs

@Suite struct RegressionTests {
  @Test func aLineIsFound() {
    var line = Regression()
    for x in 0..<10 { line.add(Double(x), 3 + 2 * Double(x), weight: Double(x + 1)) }
    #expect(abs(line.slope - 2) < 1e-9)
    #expect(abs(line.start - 3) < 1e-9)
    #expect(line.rest.magnitude < 1e-9)
  }

  @Test func theWeightDecides() {
    var line = Regression()
    line.add(1, 1, weight: 1e9)
    line.add(2, 2, weight: 1e9)
    line.add(3, 100, weight: 1e-9)
    #expect(abs(line.slope - 1) < 1e-6)
    #expect(abs(line.slopeFromZero - 1) < 1e-6)
  }

  @Test func aPointIsNoLine() {
    var line = Regression()
    #expect(line.slope == 0)
    line.add(5, 7, weight: 2)
    #expect(line.slope == 0 && line.start == 7 && line.rest == 0)
  }
}
