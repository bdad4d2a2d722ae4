/// What callers may pass.
package enum Limits {
  static let item = 4096
  static let name = 255
  package static let cursor = 64 << 10
  /// Bytes of items that are reported at once, with their lengths.
  static let itemsAtOnce = 4_000_000
  /// Levels of a JSON value: deep inside the state file it must still be readable, jansson stops at
  /// 2048.
  static let depth = 1000

  package static func checkItem(_ item: UnsafeRawBufferPointer) throws(JobError) {
    try check(item, "an item", most: Limits.item)
  }

  @inline(__always)
  static func isItem(_ item: UnsafeRawBufferPointer) -> Bool {
    item.count >= 1 && item.count <= Limits.item && isUTF8(item)
  }

  package static func checkName(_ name: UnsafeRawBufferPointer, _ what: String) throws(JobError) {
    try check(name, what, most: Limits.name)
  }

  package static func checkText(_ text: UnsafeRawBufferPointer, _ what: String) throws(JobError) {
    guard isUTF8(text) else { throw JobError(.invalid, "\(what) is not UTF-8") }
    guard text.count < 1 << 20 else {
      throw JobError(.invalid, "\(what) has \(text.count) bytes; at most 1048575 are possible")
    }
  }

  package static func checkTotal(_ total: Int64) throws(JobError) {
    guard total >= 0, total <= Int64.largestJSON else {
      throw JobError(.invalid, "total is \(total); it must be 0 to 2^53 - 1")
    }
  }

  private static func check(
    _ bytes: UnsafeRawBufferPointer, _ what: @autoclosure () -> String, most: Int
  ) throws(JobError) {
    guard bytes.count >= 1, bytes.count <= most else {
      throw JobError(
        .invalid, "\(what()) has \(bytes.count) bytes; 1 to \(most) are possible")
    }
    guard isUTF8(bytes) else { throw JobError(.invalid, "\(what()) is not UTF-8") }
  }
}
