/// Progress from a worker: what is said together is kept or lost together. Its bytes are borrowed
/// for the time of a call.
struct Report {
  /// Milliseconds: in an owner's log since the log began, in the journal since 1970.
  var time: Int64 = 0
  /// The register behind an explicit `current`: what must be added to the items and advances that
  /// the owner knows of to make it (PROTOCOL R6: items of others then still count).
  var shift: Int64?
  /// An explicit `current`, before it is turned into a shift; never written.
  var current: Int64?
  var advance: Int64?
  var total: Int64?
  /// Empty: none any more.
  var currentItem: UnsafeRawBufferPointer?
  var done: UnsafeRawBufferPointer?
  /// Any number of items that are done, each behind its length.
  var doneItems: UnsafeRawBufferPointer?
  /// How many of these are not done yet; never written.
  var newItems = 0
  var failed: UnsafeRawBufferPointer?
  var skipped: UnsafeRawBufferPointer?
  /// An item on which work begins.
  var begun: UnsafeRawBufferPointer?
  /// An item that was begun, and left for a good reason.
  var givenBack: UnsafeRawBufferPointer?
  /// Why it failed, or was skipped.
  var why: UnsafeRawBufferPointer?
  /// JSON text.
  var cursor: UnsafeRawBufferPointer?
  /// The owner has seen that the job is paused (true) or running again (false).
  var acknowledgesPause: Bool?
  /// Milliseconds between the log's clock and 1970, when that has changed.
  var clockOffset: Int64?
  /// In the journal: so many records of the owner's log its writer had read (PROTOCOL R6).
  var seen: UInt64?

  /// Whether a job may get it before it is started.
  var isPreparation: Bool {
    done == nil && doneItems == nil && failed == nil && skipped == nil && begun == nil
      && givenBack == nil && advance == nil && shift == nil && current == nil
  }
}
