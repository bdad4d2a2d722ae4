// Reports and questions in Swift's own types. A report is `.paused` when it is kept but the job is
// paused, and throws `.finished` when the job has ended.
extension Job {
  /// The usual things at once, kept or lost together; nil: not said. Anyone may report, beside the
  /// owner too: of two words on `current`, `currentItem`, `total` or the cursor the later counts.
  ///
  /// - Parameters:
  ///   - current: How far the job is, in items, those of this very call included.
  ///   - currentItem: What is being worked on; "": nothing.
  ///   - completed: An item that is done, as in ``itemDone(_:)``.
  ///   - failed: An item that failed, as in ``itemFailed(_:why:)``.
  ///   - why: Why it failed, in words.
  ///   - total: The number of items; 0: unknown.
  @discardableResult
  public func update(
    current: Int64? = nil, currentItem: String? = nil, completed: String? = nil,
    failed: String? = nil, why: String? = nil, total: Int64? = nil
  ) throws(JobError) -> Status {
    let texts = Buffer()
    var ends: [Int] = []
    for text in [currentItem, completed, failed, why] {
      texts.append(text ?? "")
      ends.append(texts.count)
    }
    try texts.requireWhole()
    // The bytes stand still from here on.
    func part(_ index: Int, _ text: String?) -> UnsafeRawBufferPointer? {
      guard text != nil else { return nil }
      let start = index == 0 ? 0 : ends[index - 1]
      return UnsafeRawBufferPointer(rebasing: texts.bytes[start..<ends[index]])
    }
    let status = try send {
      $0.current = current
      $0.total = total
      $0.currentItem = part(0, currentItem)
      $0.done = part(1, completed)
      $0.failed = part(2, failed)
      $0.why = part(3, why)
    }
    withExtendedLifetime(texts) {}
    return status
  }

  /// Marks an item done. A failed item that is done after all is done.
  @discardableResult
  public func itemDone(_ item: String) throws(JobError) -> Status {
    try withBytes(of: item) { bytes throws(JobError) in try sendDone(bytes) }
  }

  /// Marks items done, all of them or none, in one record: for work that ends many at a time. They
  /// have at most 4,000,000 bytes, one or two for the length of each included.
  @discardableResult
  public func itemsDone(_ items: [String]) throws(JobError) -> Status {
    try sendDone(packed: try pack(items))
  }

  /// Marks an item failed, unless it is done already.
  @discardableResult
  public func itemFailed(_ item: String, why: String? = nil) throws(JobError) -> Status {
    try withBytes(of: item) { item throws(JobError) in
      guard let why else { return try send { $0.failed = item } }
      return try withBytes(of: why) { why throws(JobError) in
        try send {
          $0.failed = item
          $0.why = why
        }
      }
    }
  }

  /// Marks an item skipped, unless it is done already: there was nothing to do. It counts as
  /// finished, and never as failed; one that has failed before is skipped then.
  @discardableResult
  public func itemSkipped(_ item: String, why: String? = nil) throws(JobError) -> Status {
    try withBytes(of: item) { item throws(JobError) in
      guard let why else { return try send { $0.skipped = item } }
      return try withBytes(of: why) { why throws(JobError) in
        try send {
          $0.skipped = item
          $0.why = why
        }
      }
    }
  }

  /// Work on an item begins: it is what is being worked on, and its attempts are counted, over all
  /// runs. Items that were begun and did not end are given out by ``next()`` behind all others.
  ///
  /// - Returns: Which attempt this is, from 1; and how many of them, this one included, have not
  ///   ended: above 1, whoever worked on it before has died.
  @discardableResult
  public func itemBegin(
    _ item: String
  ) throws(JobError) -> (status: Status, attempt: Int64, unended: Int64) {
    try withBytes(of: item) { bytes throws(JobError) in try begin(bytes) }
  }

  /// An item that was begun was left for a good reason, a pause say: it is open, and the attempt does
  /// not count among those that did not end.
  @discardableResult
  public func itemGiveBack(_ item: String) throws(JobError) -> Status {
    try withBytes(of: item) { bytes throws(JobError) in try giveBack(bytes) }
  }

  /// Adds to `current`, for work whose items have no names.
  @discardableResult
  public func advance(by count: Int64) throws(JobError) -> Status {
    try send { $0.advance = count }
  }

  /// How far the job is, in items.
  @discardableResult
  public func setCurrent(_ current: Int64) throws(JobError) -> Status {
    try send { $0.current = current }
  }

  /// What is being worked on; nil: nothing.
  @discardableResult
  public func setCurrentItem(_ item: String?) throws(JobError) -> Status {
    try withBytes(of: item ?? "") { bytes throws(JobError) in try send { $0.currentItem = bytes } }
  }

  /// The number of items; 0: unknown.
  @discardableResult
  public func setTotal(_ total: Int64) throws(JobError) -> Status {
    try send { $0.total = total }
  }

  /// Keeps JSON text of the host's, in order with the reports.
  @discardableResult
  public func setCursor(_ json: String) throws(JobError) -> Status {
    let compact = try withBytes(of: json) { bytes throws(JobError) in
      try JobConfig.checkValue(bytes, "the cursor")
    }
    return try withBytes(of: compact) { bytes throws(JobError) in try send { $0.cursor = bytes } }
  }

  /// Names items in advance; those that the job knows are skipped.
  @discardableResult
  public func plan(_ items: [String]) throws(JobError) -> Status {
    try plan(packed: try pack(items))
  }

  private func pack(_ items: [String]) throws(JobError) -> Buffer {
    let packed = Buffer()
    for item in items {
      try withBytes(of: item) { bytes throws(JobError) in
        try Limits.checkItem(bytes)
        packed.appendCounted(bytes)
      }
    }
    try packed.requireWhole()
    return packed
  }

  /// Makes these items the plan, in this order: open ones that are not among them are withdrawn, what
  /// has ended stays. A total that was the number of items follows.
  ///
  /// - Returns: How many were withdrawn.
  @discardableResult
  public func setPlan(_ items: [String]) throws(JobError) -> Int {
    try setPlan(packed: try pack(items)).withdrawn
  }

  /// The next planned item that is neither done nor failed; nil with `.end` or `.paused`.
  public func next() throws(JobError) -> (item: String?, status: Status) {
    var item: String?
    let status = try next { bytes throws(JobError) in item = String(bytes: bytes)
    }
    return (item, status)
  }

  /// As of this manager's last look.
  public func isDone(_ item: String) -> Bool {
    (try? withBytes(of: item) { bytes throws(JobError) in isDone(bytes) }) ?? false
  }
}
