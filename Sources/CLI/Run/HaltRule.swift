/// After how many failures a run starts nothing further: what fails everywhere need not fail for each
/// item.
struct HaltRule: Codable, Equatable {
  /// So many in all.
  var count: Int64?
  /// So many of a hundred items of the job.
  var percent: Int64?
  /// So many one after the other.
  var inARow: Int64?

  /// Why, in words; nil: go on.
  func reached(failed: Int64, inARow row: Int64, of items: Int64) -> String? {
    if let inARow, row >= inARow { return "\(row) items in a row have failed" }
    if let count, failed >= count {
      return failed == 1 ? "1 item has failed" : "\(failed) items have failed"
    }
    if let percent, items > 0, failed * 100 >= percent * items {
      return "\(failed) of \(items) items have failed"
    }
    return nil
  }
}
