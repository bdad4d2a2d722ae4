// What stands in events, as bytes of their payloads.

/// Of the event that begins a log.
func encodeOpening(
  by owner: ProcessIdentity, _ salt: UInt64, _ roll: UInt8, to buffer: Buffer
) {
  owner.encode(to: buffer)
  buffer.append(salt, as: UInt64.self)
  buffer.append(roll)
}

func items(_ reader: inout Reader) throws(JobError) -> PackedItems {
  PackedItems(try Buffer(reader.counted()))
}

extension PlanMark {
  func encode(to buffer: Buffer) {
    buffer.appendVarint(seen)
    buffer.appendSigned(items)
  }

  init(_ reader: inout Reader) {
    seen = reader.varint()
    items = reader.signed()
  }
}

extension ProcessIdentity {
  func encode(to buffer: Buffer) {
    buffer.appendSigned(pid)
    buffer.appendVarint(startTicks)
    buffer.appendVarint(namespace)
    buffer.append(boot, as: UInt64.self)
  }

  init(_ reader: inout Reader) {
    pid = reader.signed()
    startTicks = reader.varint()
    namespace = reader.varint()
    boot = reader.fixed(UInt64.self)
  }
}

extension OwnerLock? {
  func encode(to buffer: Buffer) {
    buffer.appendOptional(self?.path)
    guard let self else { return }
    buffer.appendVarint(self.device)
    buffer.appendVarint(self.inode)
    buffer.append(self.boot, as: UInt64.self)
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
  func encode(to buffer: Buffer) {
    buffer.appendVarint(inode)
    buffer.appendSigned(size)
    buffer.appendSigned(modified)
    buffer.appendSigned(changed)
  }

  init(_ reader: inout Reader) {
    inode = reader.varint()
    size = reader.signed()
    modified = reader.signed()
    changed = reader.signed()
  }
}
