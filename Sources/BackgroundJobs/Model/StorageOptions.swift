/// How a storage is opened.
struct StorageOptions {
  var isReadOnly = false
  var acceptsAnyFileSystem = false
  var lockTimeoutMs: Int64 = 10_000
  /// What completed well is removed when a job completes: not the last ones, nor what ended less
  /// than so many seconds ago; nil: nothing.
  var keepCompleted: Int? = 10
  var keepFor: Int64? = 86_400
  var clock = Clock(source: nil)
}
