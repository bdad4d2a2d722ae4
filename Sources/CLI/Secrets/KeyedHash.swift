/// SipHash-2-4 (Aumasson and Bernstein, 2012): who does not have the key cannot tell from a hash
/// whether a guess of its text is right.
struct KeyedHash {
  static let keySize = 16

  private let key: (UInt64, UInt64)

  /// nil: the key has another size.
  init?(key bytes: [UInt8]) {
    guard bytes.count == Self.keySize else { return nil }
    key = (Self.word(bytes[0..<8]), Self.word(bytes[8..<16]))
  }

  func hash(_ bytes: [UInt8]) -> UInt64 {
    var state = State(key)
    var place = 0
    while bytes.count - place >= 8 {
      state.take(Self.word(bytes[place..<place + 8]))
      place += 8
    }
    state.take(Self.word(bytes[place...]) | UInt64(truncatingIfNeeded: bytes.count) << 56)
    return state.finish()
  }

  /// At most eight bytes, little-endian.
  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private struct State {
    private var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64)

    init(_ key: (UInt64, UInt64)) {
      a = key.0 ^ 0x736f_6d65_7073_6575
      b = key.1 ^ 0x646f_7261_6e64_6f6d
      c = key.0 ^ 0x6c79_6765_6e65_7261
      d = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func take(_ word: UInt64) {
      d ^= word
      mix()
      mix()
      a ^= word
    }

    mutating func finish() -> UInt64 {
      c ^= 0xff
      for _ in 0..<4 { mix() }
      return a ^ b ^ c ^ d
    }

    private mutating func mix() {
      a = a &+ b
      c = c &+ d
      b = rotated(b, 13) ^ a
      d = rotated(d, 16) ^ c
      a = rotated(a, 32)
      c = c &+ b
      a = a &+ d
      b = rotated(b, 17) ^ c
      d = rotated(d, 21) ^ a
      c = rotated(c, 32)
    }

    private func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
      word << count | word >> (64 - count)
    }
  }
}
