/// Replaces by `***` what is secret in a text: credentials in URLs, tokens of known shapes, and
/// values that their name calls secret. What is shown, and what stands in files that others can
/// read, goes through here.
enum Redaction {
  static let mask = "***"

  /// A text that names something, or is for people: only what is secret whatever stands beside it.
  static func item(_ text: String) -> String {
    var scan = RedactionScan(text)
    scan.hideCredentials()
    scan.hideTokens()
    return scan.result ?? text
  }

  /// Any text, a line for a shell for instance.
  static func text(_ text: String) -> String {
    var scan = RedactionScan(text)
    scan.hideCredentials()
    scan.hideTokens()
    scan.hideNamedValues()
    return scan.result ?? text
  }

  /// One value, an item or an argument: what is assigned to a secret name is secret to its end.
  static func value(_ text: String) -> String { assignment(text) ?? self.text(text) }

  /// An argument vector: `--token X` hides the argument behind it.
  static func arguments(_ arguments: [String]) -> [String] {
    var (isValue, isUser) = (false, false)
    return arguments.map { argument in
      // It may begin with a dash.
      let isSecret = isValue && !argument.isEmpty
      let name = isUser ? argument.firstIndex(of: ":").map { argument[...$0] } : nil
      isValue = SecretName.isOption(argument)
      // curl's, and others': NAME:PASSWORD.
      isUser = userOptions.contains(argument)
      return isSecret
        ? mask : (name ?? userPart(argument)).map { $0 + mask } ?? value(argument)
    }
  }

  private static let userOptions = ["-u", "--user", "--proxy-user"]

  /// `--user=NAME:` of `--user=NAME:PASSWORD`, `-uNAME:` likewise. nil: it is no such argument.
  private static func userPart(_ argument: String) -> Substring? {
    let isOption =
      userOptions.contains { $0.hasPrefix("--") && argument.hasPrefix("\($0)=") }
      || (argument.hasPrefix("-u") && !argument.contains("://"))
    guard isOption, let colon = argument.firstIndex(of: ":") else { return nil }
    return argument[...colon]
  }

  /// `--password=X`, `PGPASSWORD=X`, `--set auth.password=X`, `--env=PASSWORD=X` as an argument: the
  /// value is all of the rest. nil: none of these.
  private static func assignment(_ argument: String) -> String? {
    let bytes = argument.utf8
    var begin = bytes.startIndex
    while let equals = bytes[begin...].firstIndex(of: UInt8(ascii: "=")) {
      let before = bytes[begin..<equals]
      // A line with words in it is read as one.
      if before.contains(where: { $0 <= 0x20 || "\"'&;|?".utf8.contains($0) }) { return nil }
      begin = bytes.index(after: equals)
      let name = before.reversed().prefix(while: SecretName.isPartOfName).reversed()
        .drop { $0 == UInt8(ascii: "-") }
      if !name.isEmpty, SecretName.matches(name), begin < bytes.endIndex {
        return argument[..<begin] + mask
      }
    }
    return nil
  }
}

/// Names whose value is secret.
enum SecretName {
  /// Also as the end of a longer word: PGPASSWORD.
  private static let endings = ["password", "passwd", "passphrase", "token", "secret"]
  /// As the whole name, or behind a separator: --api-key, AWS_SECRET_ACCESS_KEY.
  private static let words = [
    "pass", "pwd", "auth", "authorization", "bearer", "apikey", "api-key", "access-key",
    "secret-key", "account-key", "credential", "credentials", "cookie", "pat",
    "sig", "signature", "private-key", "encryption-key", "signing-key", "auth-key", "secret-id",
    "accesskey", "privatekey", "secretkey", "authkey", "dbpass", "userpass", "secret-key-base",
    "secret-value", "token-value", "password-value",
  ]

  static func matches(_ name: some Sequence<UInt8>) -> Bool {
    let all = name.map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "_"): UInt8(ascii: "-")
      default: byte
      }
    }
    // TOKEN2, password1.
    let lower = all.prefix(all.count - all.reversed().prefix { 0x30...0x39 ~= $0 }.count)
    if endings.contains(where: { lower.suffix($0.utf8.count).elementsEqual($0.utf8) }) {
      return true
    }
    return words.contains { word in
      guard lower.suffix(word.utf8.count).elementsEqual(word.utf8) else { return false }
      let before = lower.dropLast(word.utf8.count).last
      return before == nil || before == UInt8(ascii: "-")
    }
  }

  /// `--token`, `-password`: the value is the next argument.
  static func isOption(_ argument: String) -> Bool {
    let name = argument.utf8.drop { $0 == UInt8(ascii: "-") }
    let dashes = argument.utf8.count - name.count
    return (1...2).contains(dashes) && name.count > 1 && name.allSatisfy(isPartOfName)
      && matches(name)
  }

  static func isPartOfName(_ byte: UInt8) -> Bool {
    TokenShape.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}
