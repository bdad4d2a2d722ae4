// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are those of the header.

import CBgjobs
import CPosix

#if !hasFeature(Embedded)
  import BackgroundJobs
#endif

/// What a `bgj_item_list *` points to. Names and reasons stand as C strings in one block, behind
/// each other; an entry has three numbers: where its name begins, where its reason does (0: none;
/// nothing but a name begins there), and its attempts above its state.
final class ItemListHandle {
  private static let entrySize = 24
  private let texts = Buffer()
  private let entries = Buffer()

  var count: Int { entries.bytes.count / Self.entrySize }

  func add(
    _ item: UnsafeRawBufferPointer, _ state: ItemState, _ why: String?, _ attempts: Int64
  ) throws(JobError) {
    entries.append(UInt64(texts.bytes.count), as: UInt64.self)
    append(item)
    entries.append(UInt64(why == nil ? 0 : texts.bytes.count), as: UInt64.self)
    if let why { try withBytes(of: why) { bytes throws(JobError) in append(bytes) } }
    entries.append(Int32(clamping: attempts), as: Int32.self)
    entries.append(state.rawValue, as: UInt32.self)
    for buffer in [texts, entries] { try buffer.requireWhole() }
  }

  /// What has a zero byte inside came from another tool; a C string would end there.
  private func append(_ text: UnsafeRawBufferPointer) {
    if text.contains(0) {
      for byte in text { texts.append(byte == 0 ? 0x20 : byte) }
    } else {
      texts.append(text)
    }
    texts.append(UInt8(0))
  }

  /// The index is below the count.
  func item(at index: Int) -> bgj_item {
    let start = index * Self.entrySize
    func number(_ place: Int) -> Int {
      Int(entries.bytes.loadUnaligned(fromByteOffset: start + place, as: UInt64.self))
    }
    func text(_ offset: Int) -> UnsafePointer<CChar>? {
      texts.bytes.baseAddress.map { ($0 + offset).assumingMemoryBound(to: CChar.self) }
    }
    var item = bgj_item()
    item.name = text(number(0))
    item.why = number(8) == 0 ? nil : text(number(8))
    item.attempts = entries.bytes.loadUnaligned(fromByteOffset: start + 16, as: Int32.self)
    let state = entries.bytes.loadUnaligned(fromByteOffset: start + 20, as: UInt32.self)
    item.state = bgj_item_state(rawValue: state)
    return item
  }
}

private func object(_ list: UnsafePointer<bgj_item_list>) -> ItemListHandle {
  Unmanaged<ItemListHandle>.fromOpaque(list).takeUnretainedValue()
}

@_cdecl("bgj_job_items") @implementation
public func bgj_job_items(
  _ job: UnsafeMutablePointer<bgj_job>?, _ states: UInt32,
  _ list: UnsafeMutablePointer<UnsafeMutablePointer<bgj_item_list>?>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    let job = try object(job)
    guard let list else { throw missing("list") }
    guard states & ~ItemStateSet.all.rawValue == 0 else {
      throw JobError(.invalid, "states is \(states), which is no set of states")
    }
    let found = ItemListHandle()
    try job.forEachItem(states == 0 ? .all : ItemStateSet(rawValue: states)) {
      item, state, why, attempts throws(JobError) in try found.add(item, state, why, attempts)
    }
    list.pointee = Unmanaged.passRetained(found).toOpaque()
      .assumingMemoryBound(to: bgj_item_list.self)
    return .ok
  }
}

@_cdecl("bgj_item_list_count") @implementation
public func bgj_item_list_count(_ list: UnsafePointer<bgj_item_list>?) -> Int {
  list.map { object($0).count } ?? 0
}

@_cdecl("bgj_item_list_at") @implementation
public func bgj_item_list_at(
  _ list: UnsafePointer<bgj_item_list>?, _ index: Int, _ item: UnsafeMutablePointer<bgj_item>?,
  _ error: UnsafeMutablePointer<bgj_error>?
) -> bgj_status {
  call(error) { () throws(JobError) in
    guard let list else { throw missing("list") }
    guard let item else { throw missing("item") }
    let size = UnsafeRawPointer(item).load(as: Int.self)
    guard size >= 16, size <= 1 << 16 else {
      throw JobError(.invalid, "struct_size of item is \(size); initialise it with BGJ_ITEM_INIT")
    }
    let items = object(list)
    guard index >= 0, index < items.count else {
      throw JobError(
        .notFound, "the list has \(items.count) items, none at \(UInt(bitPattern: index))")
    }
    var found = items.item(at: index)
    found.struct_size = size
    withUnsafeBytes(of: &found) {
      UnsafeMutableRawPointer(item).copyMemory(
        from: $0.baseAddress ?? UnsafeRawPointer(item), byteCount: min(size, $0.count))
    }
    return .ok
  }
}

@_cdecl("bgj_item_list_free") @implementation
public func bgj_item_list_free(_ list: UnsafeMutablePointer<bgj_item_list>?) {
  guard let list else { return }
  Unmanaged<ItemListHandle>.fromOpaque(list).release()
}
