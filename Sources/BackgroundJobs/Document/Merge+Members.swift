// Which members of a job, or of the top level, are another tool's now.
extension Merge {
  /// Paths of members whose value is theirs now. A stale writer that brings back the value which a
  /// newer foreign edit replaced does not win; nor is a member removed by one that had seen nothing.
  func changed(
    _ ours: [JSONMember], _ theirs: [JSONMember], _ edits: [ForeignEdit], except known: [String]
  ) -> [String] {
    var paths: [String] = []
    for name in names(ours, theirs)
    where !known.has(name)
      && ours[name]?.bytes != theirs[name]?.bytes
    {
      if let before = ours[name].flatMap({ JSONObjectText.members($0) }),
        let after = theirs[name].flatMap({ JSONObjectText.members($0) }),
        max(before.count, after.count) <= ForeignEdit.most
      {
        for inner in names(before, after) where before[inner]?.bytes != after[inner]?.bytes {
          let path = MemberPath.text(name, inner)
          if isTheirs(path, after[inner], edits) { paths.append(path) }
        }
      } else {
        let path = MemberPath.text(name, nil)
        if isTheirs(path, theirs[name], edits) { paths.append(path) }
      }
    }
    return paths
  }

  func names(_ ours: [JSONMember], _ theirs: [JSONMember]) -> [String] {
    var names = theirs.map { $0.name }
    for member in ours where theirs[member.name] == nil { names.append(member.name) }
    return names
  }

  func isTheirs(_ path: String, _ text: String?, _ edits: [ForeignEdit]) -> Bool {
    if text == nil, seen == nil { return false }
    // Of a result, ours may have been replaced since.
    if isRewrite, !begins(path, with: "/result/") { return true }
    guard let edit = edits.first(where: { $0.name.bytes == path.bytes }), (seen ?? 0) < edit.seq
    else {
      return true
    }
    return checksum(text) != edit.previous
  }

  func text(_ job: JobState) throws(JobError) -> String {
    let buffer = Buffer()
    try StateDocument.encodeForeign(job, JSONText(buffer))
    try buffer.requireWhole()
    return String(bytes: buffer.bytes)
  }

  func differs(_ a: JobState, _ b: JobState) -> Bool {
    a.statusName.bytes != b.statusName.bytes || a.current != b.current || a.total != b.total
      || a.error?.bytes != b.error?.bytes || a.result?.bytes != b.result?.bytes
      || a.completed != b.completed
      || (b.started != nil && b.started != a.shownStart)
      || a.unknownProgress != b.unknownProgress
      || !a.currentItem.bytes.elementsEqual(b.currentItem.bytes)
      || a.itemsChecksum != b.itemsChecksum
  }
}
