// What stands in events, as bytes of their payloads.

/// Of the event that begins a log.
func encodeOpening(
  by owner: ProcessIdentity, _ salt: UInt64, isRoll: Bool, to buffer: Buffer
) throws(JobError) {
  try owner.encode(to: buffer)
  try buffer.append(salt, as: UInt64.self)
  try buffer.append(UInt8(isRoll ? 1 : 0))
}

func items(_ reader: inout Reader) throws(JobError) -> PackedItems {
  PackedItems(try Buffer(reader.counted()))
}

extension PlanMark {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendVarint(seen)
    try buffer.appendSigned(items)
  }

  init(_ reader: inout Reader) {
    seen = reader.varint()
    items = reader.signed()
  }
}

extension ProcessIdentity {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendSigned(pid)
    try buffer.appendVarint(startTicks)
    try buffer.appendVarint(namespace)
    try buffer.append(boot, as: UInt64.self)
  }

  init(_ reader: inout Reader) {
    pid = reader.signed()
    startTicks = reader.varint()
    namespace = reader.varint()
    boot = reader.fixed(UInt64.self)
  }
}

extension OwnerLock? {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendOptional(self?.path)
    guard let self else { return }
    try buffer.appendVarint(self.device)
    try buffer.appendVarint(self.inode)
    try buffer.append(self.boot, as: UInt64.self)
  }

  init(_ reader: inout Reader) {
    guard let path = reader.optionalText() else {
      self = nil
      return
    }
    self = OwnerLock(
      path: path, device: reader.varint(), inode: reader.varint(), boot: reader.fixed(UInt64.self))
  }
}

extension FileStamp {
  func encode(to buffer: Buffer) throws(JobError) {
    try buffer.appendVarint(inode)
    try buffer.appendSigned(size)
    try buffer.appendSigned(modified)
    try buffer.appendSigned(changed)
  }

  init(_ reader: inout Reader) {
    inode = reader.varint()
    size = reader.signed()
    modified = reader.signed()
    changed = reader.signed()
  }
}
