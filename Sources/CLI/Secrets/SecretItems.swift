/// Items are what their job is about: a script gets them back as it gave them, so their names stay
/// as they are, in a file that others can read.
enum SecretItems {
  /// Says so once.
  static func warn(of items: [String]) {
    guard let item = items.first(where: { Redaction.text($0) != $0 }) else { return }
    Output.complain(
      "warning: the item '\(item)' has a credential in it. Items stand in the state file, which"
        + " others can read: leave credentials to a credential helper or the environment")
  }
}
