/// One report, as a host says it. The bytes are borrowed for the time of the call.
package struct ReportFields {
  var report = Report()

  package var current: Int64? {
    get { report.current }
    set { report.current = newValue }
  }
  package var advance: Int64? {
    get { report.advance }
    set { report.advance = newValue }
  }
  package var total: Int64? {
    get { report.total }
    set { report.total = newValue }
  }
  package var currentItem: UnsafeRawBufferPointer? {
    get { report.currentItem }
    set { report.currentItem = newValue }
  }
  package var done: UnsafeRawBufferPointer? {
    get { report.done }
    set { report.done = newValue }
  }
  /// Each behind its length, and checked.
  package var doneItems: UnsafeRawBufferPointer? {
    get { report.doneItems }
    set { report.doneItems = newValue }
  }
  package var failed: UnsafeRawBufferPointer? {
    get { report.failed }
    set { report.failed = newValue }
  }
  package var skipped: UnsafeRawBufferPointer? {
    get { report.skipped }
    set { report.skipped = newValue }
  }
  package var begun: UnsafeRawBufferPointer? {
    get { report.begun }
    set { report.begun = newValue }
  }
  package var givenBack: UnsafeRawBufferPointer? {
    get { report.givenBack }
    set { report.givenBack = newValue }
  }
  package var why: UnsafeRawBufferPointer? {
    get { report.why }
    set { report.why = newValue }
  }
  /// Compact JSON text.
  package var cursor: UnsafeRawBufferPointer? {
    get { report.cursor }
    set { report.cursor = newValue }
  }

  @inline(never)
  func check() throws(JobError) {
    if let done = report.done { try Limits.checkItem(done) }
    if let failed = report.failed { try Limits.checkItem(failed) }
    if let skipped = report.skipped { try Limits.checkItem(skipped) }
    if let begun = report.begun { try Limits.checkItem(begun) }
    if let givenBack = report.givenBack { try Limits.checkItem(givenBack) }
    if let why = report.why { try Limits.checkText(why, "why") }
    if let item = report.currentItem, item.count > 0 { try Limits.checkItem(item) }
    if let current = report.current, current < 0 || current > Int64.largestJSON {
      throw JobError(.invalid, "current is \(current); it must be 0 to 2^53 - 1")
    }
    if let advance = report.advance, advance.magnitude > Int64.largestJSON.magnitude {
      throw JobError(.invalid, "the count is \(advance); it must be below 2^53")
    }
    if let total = report.total { try Limits.checkTotal(total) }
    if let cursor = report.cursor, cursor.count > Limits.cursor {
      throw JobError(.invalid, "the cursor has \(cursor.count) bytes, more than \(Limits.cursor)")
    }
  }
}
