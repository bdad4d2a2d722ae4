// Arithmetic that ends at the largest number and never traps.
extension Int64 {
  /// Numbers in the state file stay within what JSON readers hold exactly.
  static let largestJSON: Int64 = 1 << 53 - 1

  @inline(never)
  func multipliedClamped(by other: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    if overflow { return (self < 0) == (other < 0) ? Int64.largestJSON : -Int64.largestJSON }
    return Swift.min(Swift.max(product, -Int64.largestJSON), Int64.largestJSON)
  }

  @inline(never)
  func clampedAdding(_ other: Int64) -> Int64 { clampedAddingQuickly(other) }

  @inline(__always)
  func clampedAddingQuickly(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    if overflow { return other > 0 ? Int64.largestJSON : -Int64.largestJSON }
    return Swift.min(Swift.max(sum, -Int64.largestJSON), Int64.largestJSON)
  }

  /// Seconds to milliseconds, within what dates can hold.
  var clampedSeconds: Int64 { Swift.min(Swift.max(self, 0), 100 * 366 * 86_400) * 1000 }
}
