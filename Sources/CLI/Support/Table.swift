/// Rows under a heading. Where the width is not enough, columns give way in the order of their
/// rank, and then the widest is cut.
struct Table {
  struct Column {
    var title: String
    /// Columns of the highest rank go first; those of rank 0 never.
    var rank = 0
    var alignsRight = false
    /// The width down to which it may be cut.
    var least = Int.max
  }

  var columns: [Column]
  var rows: [[String]] = []

  private static let gap = 2

  func lines(width: Int) -> [String] {
    var shown = Array(columns.indices)
    var widths = columns.indices.map { column in
      ([columns[column].title] + rows.map { $0[column] }).map { displayWidth($0) }.max() ?? 0
    }
    // A column without anything in it says nothing.
    shown.removeAll { column in
      columns[column].rank > 0 && rows.allSatisfy { $0[column].isEmpty || $0[column] == "-" }
    }
    func total() -> Int {
      shown.reduce(0) { $0 + widths[$1] } + Self.gap * max(0, shown.count - 1)
    }
    for column in shown where columns[column].least < widths[column] && total() > width {
      widths[column] = max(columns[column].least, widths[column] - (total() - width))
    }
    while total() > width, let worst = shown.max(by: { columns[$0].rank < columns[$1].rank }),
      columns[worst].rank > 0
    {
      shown.removeAll { $0 == worst }
      for column in shown where columns[column].least < Int.max {
        widths[column] = max(
          columns[column].least,
          min(
            widths[column] + max(0, width - total()),
            ([columns[column].title] + rows.map { $0[column] }).map { displayWidth($0) }.max() ?? 0)
        )
      }
    }
    while total() > width, let widest = shown.max(by: { widths[$0] < widths[$1] }),
      widths[widest] > 4
    {
      widths[widest] -= 1
    }
    return ([columns.map { $0.title }] + rows).map { row in
      let cells = shown.map {
        fitted(row[$0], to: widths[$0], alignsRight: columns[$0].alignsRight)
      }
      var line = cells.joined(separator: String(repeating: " ", count: Self.gap))
      while line.hasSuffix(" ") { line.removeLast() }
      return line
    }
  }
}
