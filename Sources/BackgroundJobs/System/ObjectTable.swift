/// Objects, found in constant time: open addressing, linear probing, a load of at most a half. Of
/// any class, for a dictionary would be compiled again for each pair of types.
struct ObjectTable: ~Copyable {
  private var places: [AnyObject?] = []
  private(set) var count = 0
  /// Of an object in the table. Many that are equal make it slow, and not wrong.
  private let hash: (AnyObject) -> UInt32

  init(_ hash: @escaping (AnyObject) -> UInt32) { self.hash = hash }

  func find(_ hash: UInt32, _ isIt: (AnyObject) -> Bool) -> AnyObject? {
    count == 0 ? nil : places[place(of: hash, isIt)]
  }

  /// In the place of the one that is it, if there is one.
  @inline(never)
  mutating func put(_ object: AnyObject, _ isIt: (AnyObject) -> Bool) {
    if count * 2 >= places.count { grow() }
    let place = place(of: hash(object), isIt)
    if places[place] == nil { count += 1 }
    places[place] = object
  }

  @inline(never)
  mutating func remove(_ hash: UInt32, _ isIt: (AnyObject) -> Bool) {
    guard count > 0 else { return }
    var place = place(of: hash, isIt)
    guard places[place] != nil else { return }
    places[place] = nil
    count -= 1
    // Those behind it may have been put there because of it.
    while true {
      place = (place + 1) & (places.count - 1)
      guard let next = places[place] else { return }
      places[place] = nil
      places[self.place(of: self.hash(next)) { _ in false }] = next
    }
  }

  /// One by one, in no order.
  func object(at position: inout Int) -> AnyObject? {
    while position < places.count {
      position += 1
      if let object = places[position - 1] { return object }
    }
    return nil
  }

  /// Where it is, or belongs.
  @inline(never)
  private func place(of hash: UInt32, _ isIt: (AnyObject) -> Bool) -> Int {
    let mask = places.count - 1
    // Multiplied, for numbers that follow each other by fours and eights.
    var place = Int((UInt64(hash) &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while let object = places[place], !isIt(object) { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    let before = places
    places = Array(repeating: nil, count: max(16, before.count * 2))
    for object in before {
      if let object { places[place(of: hash(object)) { _ in false }] = object }
    }
  }
}
