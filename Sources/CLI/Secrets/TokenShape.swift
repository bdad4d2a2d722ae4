/// How the tokens of well-known services begin, and what they consist of.
struct TokenShape {
  let prefix: [UInt8]
  /// How many bytes there are behind the prefix, at least.
  let least: Int
  let isPart: (UInt8) -> Bool
  /// What else is true of the bytes behind the prefix; words of a language are no tokens.
  let holds: (ArraySlice<UInt8>) -> Bool

  private init(
    _ prefix: String, _ least: Int, _ isPart: @escaping (UInt8) -> Bool = isURLSafe,
    _ holds: @escaping (ArraySlice<UInt8>) -> Bool = { _ in true }
  ) {
    self.prefix = Array(prefix.utf8)
    self.least = least
    self.isPart = isPart
    self.holds = holds
  }

  nonisolated(unsafe) static let all: [TokenShape] =
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk_live_", "sk_test_", "rk_live_"]
    .map { TokenShape($0, 4, isWord) }
    + ["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-"].map { TokenShape($0, 4) }
    + "abeprs".map { TokenShape("xox\($0)-", 4) }
    + [
      TokenShape("sk-", 16, isURLSafe, hasDigit), TokenShape("pypi-", 16, isURLSafe, hasCapital),
      TokenShape("AKIA", 12, isCapitalOrDigit), TokenShape("ASIA", 12, isCapitalOrDigit),
      TokenShape("AIza", 20), TokenShape("npm_", 20, isAlphanumeric),
      TokenShape("hf_", 16, isAlphanumeric),
      // A JSON Web Token: at least two parts with a dot between.
      TokenShape("eyJ", 8, { isURLSafe($0) || $0 == dot }, { $0.contains(dot) }),
    ]

  /// Shapes by their first byte: most bytes begin none.
  nonisolated(unsafe) static let byFirstByte: [[TokenShape]] = {
    var table = [[TokenShape]](repeating: [], count: 256)
    for shape in all { table[Int(shape.prefix[0])].append(shape) }
    return table
  }()

  private static let dot = UInt8(ascii: ".")

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "_")
  }

  private static func isURLSafe(_ byte: UInt8) -> Bool {
    isWord(byte) || byte == UInt8(ascii: "-")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isCapital(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  private static func isCapitalOrDigit(_ byte: UInt8) -> Bool { isCapital(byte) || isDigit(byte) }

  private static func hasDigit(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.contains(where: isDigit)
  }

  private static func hasCapital(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.contains(where: isCapital)
  }
}
