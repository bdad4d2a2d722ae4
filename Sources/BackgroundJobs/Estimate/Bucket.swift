import CPosix

/// Some events in a row: what was done in one go, and how long it took.
struct Bucket: Equatable {
  var events: Int64
  var items: Double
  var seconds: Double
  /// Sum of seconds² / items over the events: the spread, whatever the size of each.
  var squares: Double
  /// Sum of ln(seconds / item) over the events: what a few that are very long cannot hide.
  var logs: Double

  init(events: Int64, items: Double, seconds: Double, squares: Double, logs: Double) {
    self.events = events
    self.items = items
    self.seconds = seconds
    self.squares = squares
    self.logs = logs
  }

  /// One event.
  init(items: Double, seconds: Double) {
    self.init(
      events: 1, items: items, seconds: seconds, squares: seconds * seconds / items,
      logs: log(seconds / items))
  }

  @inline(never)
  mutating func add(_ other: Bucket) {
    events = events.clampedAdding(other.events)
    items += other.items
    seconds += other.seconds
    squares += other.squares
    logs += other.logs
  }

  var count: Double { Double(events) }
  /// Seconds of one item.
  var mean: Double { seconds / items }
  /// ln of the seconds of one item, as a typical event has them.
  var level: Double { logs / count }
}
