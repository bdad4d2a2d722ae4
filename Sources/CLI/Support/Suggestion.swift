import ArgumentParser

/// What was likely meant by a name that is no command. Only commands that look: who follows a
/// suggestion without a thought must not have ended a job.
enum Suggestion {
  private static let commands = ["list", "show", "items", "logs", "check", "wait", "help"]
  /// What other tools call it.
  private static let habits = [
    "ps": "list", "ls": "list", "status": "list", "jobs": "list", "tail": "logs -f",
    "follow": "logs -f", "log": "logs", "output": "logs", "info": "show", "inspect": "show",
    "joblog": "items", "verify": "check", "fsck": "check", "man": "help",
  ]

  /// A third of its letters wrong, or its beginning.
  static func of(_ name: String) -> String? {
    if let habit = habits[name] { return habit }
    let ranked = commands.map { ($0, distance(Array(name), Array($0))) }
    if let (best, wrong) = ranked.min(by: { $0.1 < $1.1 }), wrong <= max(1, name.count / 3) {
      return best
    }
    return commands.first { name.count > 1 && $0.hasPrefix(name) }
  }

  /// How many letters are to be put in, taken out, replaced, or changed with their neighbour.
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          least = min(least, rows[i - 1][j - 1] + 1)
        }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
