extension JobState {
  /// Whether a report changes anything; settles the shift behind an explicit `current`.
  func isNews(_ report: inout Report) throws(JobError) -> Bool {
    var isNews =
      report.advance != nil || report.total != nil || report.currentItem != nil
      || report.cursor != nil
      || report.begun != nil || report.givenBack != nil
    var added: Int64 = 0
    if let item = report.done {
      switch items.find(item).map({ items.mark(of: $0) }) ?? .none {
      case .done: report.done = nil
      case .failed, .skipped: isNews = true
      case .none:
        isNews = true
        added += 1
      }
    }
    if let packed = report.doneItems {
      var reader = Reader(packed)
      while !reader.isAtEnd {
        let mark = items.find(reader.counted()).map { items.mark(of: $0) } ?? .none
        if mark != .done { report.newItems += 1 }
        if mark == .none { added += 1 }
      }
      if report.newItems == 0 { report.doneItems = nil } else { isNews = true }
    }
    if let item = report.failed {
      let isSame = report.done.map { $0.elementsEqual(item) } ?? false
      if isSame || (items.find(item).map { items.mark(of: $0) } ?? .none) != .none {
        report.failed = nil
        report.why = nil
      } else {
        isNews = true
        added += 1
      }
    }
    if let item = report.skipped {
      switch items.find(item).map({ items.mark(of: $0) }) ?? .none {
      case .done, .skipped: (report.skipped, report.why) = (nil, nil)
      case .failed: isNews = true
      case .none:
        isNews = true
        added += 1
      }
    }
    if let current = report.current {
      let counted = self.counted.clampedAdding(added).clampedAdding(report.advance ?? 0)
      let shift = current.clampedAdding(-counted)
      if shift != self.shift {
        report.shift = shift
        isNews = true
      }
    }
    return isNews
  }
}
