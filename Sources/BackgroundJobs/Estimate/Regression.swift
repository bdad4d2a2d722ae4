/// The straight line through weighed points, by least squares, in one pass (West, Communications of
/// the ACM 22(9), 1979).
struct Regression {
  private var weight = 0.0
  /// The centre of the points.
  private var x = 0.0
  private var y = 0.0
  /// Squares and products of what they are away from it.
  private(set) var xx = 0.0
  private var xy = 0.0
  private var yy = 0.0

  @inline(never)
  mutating func add(_ newX: Double, _ newY: Double, weight new: Double) {
    weight += new
    let (away, off) = (newX - x, newY - y)
    x += away * new / weight
    y += off * new / weight
    xx += new * away * (newX - x)
    xy += new * away * (newY - y)
    yy += new * off * (newY - y)
  }

  var slope: Double { xx > 0 ? xy / xx : 0 }
  /// Its height at 0.
  var start: Double { y - slope * x }
  /// The slope of the line that must go through 0.
  var slopeFromZero: Double { (xy + weight * x * y) / (xx + weight * x * x) }
  /// Of its height there, if a weight is one over the variance of its point.
  func variance(at x: Double) -> Double { 1 / weight + (x - self.x) * (x - self.x) / xx }
  /// Squares that it does not explain.
  var rest: Double { yy - slope * xy }
}
