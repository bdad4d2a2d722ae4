import CPosix

/// Random bits from the kernel; falls back on the clock, which is enough for names and salts.
func randomBits() -> UInt64 {
  var bits: UInt64 = 0
  if getrandom(&bits, 8, UInt32(GRND_NONBLOCK)) == 8 { return bits }
  bits = UInt64(bitPattern: cposix_monotonic()) ^ UInt64(getpid()) << 40
  bits = (bits ^ bits >> 31) &* 0x9e37_79b9_7f4a_7c15
  return bits ^ bits >> 29
}

/// Hexadecimal, with leading zeros.
func hex(_ value: UInt64, digits: Int) -> String {
  var text: [UInt8] = []
  for place in (0..<digits).reversed() {
    let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * place) & 15)
    text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
  }
  return String(bytes: text)
}

func parseHex(_ text: Slice<UnsafeRawBufferPointer>) -> UInt64? {
  var value: UInt64 = 0
  guard !text.isEmpty, text.count <= 16 else { return nil }
  for byte in text {
    guard let digit = hexDigit(byte) else { return nil }
    value = value << 4 | UInt64(digit)
  }
  return value
}
