import CJansson

// The estimator in the state file: under 2 kB, in whole numbers and five digits.
extension StateDocument {
  static func encode(_ estimator: Estimator, _ out: JSONText) {
    guard !estimator.isUnused else { return }
    out.name("pace")
    out.beginObject()
    out.name("at")
    out.numbers(estimator.items, estimator.active)
    if estimator.isFresh { out.member("fresh", raw: "true") }
    if estimator.since != 0 { out.member("since", estimator.since) }
    if estimator.noiseCount > 0 {
      list(
        "noise", estimator.noise, estimator.noiseCount, estimator.gaps, estimator.gapSquares, out)
    }
    if let held = estimator.held {
      out.name("held")
      out.buffer.append(UInt8(ascii: "["))
      numbers(held, out)
      out.buffer.append("]" as StaticString)
    }
    oddities("stalls", estimator.stalls, out)
    oddities("bulk", estimator.bulk, out)
    if !estimator.buckets.isEmpty {
      out.name("buckets")
      out.buffer.append(UInt8(ascii: "["))
      for index in estimator.buckets.indices {
        if index > 0 { out.buffer.append(", " as StaticString) }
        numbers(estimator.buckets[index], out)
      }
      out.buffer.append("]" as StaticString)
    }
    out.endObject()
  }

  private static func oddities(
    _ name: String, _ value: Outliers, _ out: JSONText
  ) {
    guard value.count > 0 else { return }
    out.name(name)
    out.buffer.append(UInt8(ascii: "["))
    out.integer(value.count)
    out.buffer.append(", " as StaticString)
    out.number(digits(value.amount))
    out.buffer.append("]" as StaticString)
  }

  private static func list(
    _ name: String, _ first: Double, _ second: Double, _ third: Double, _ fourth: Double,
    _ out: JSONText
  ) {
    out.name(name)
    out.buffer.append(UInt8(ascii: "["))
    out.number(digits(first))
    next(second, out)
    next(third, out)
    next(fourth, out)
    out.buffer.append("]" as StaticString)
  }

  private static func numbers(_ bucket: Bucket, _ out: JSONText) {
    out.integer(bucket.events)
    next(bucket.items, out)
    next(bucket.seconds, out)
    next(bucket.squares, out)
    next(bucket.logs, out)
  }

  private static func next(_ value: Double, _ out: JSONText) {
    out.buffer.append(", " as StaticString)
    out.number(digits(value))
  }

  /// Five digits: more than an estimate has.
  private static func digits(_ value: Double) -> Double {
    guard value != 0, value.isFinite, value.magnitude < 1e15 else { return value }
    var scale = 1.0
    while value.magnitude * scale < 10_000, scale < 1e12 { scale *= 10 }
    return (value * scale).rounded() / scale
  }

  static func decodeEstimator(_ value: JSONValue) -> Estimator {
    let place = value["at"]
    guard let items = place.at(0).integer, let active = place.at(1).integer else {
      return Estimator()
    }
    var estimator = Estimator(items: items, active: active)
    estimator.isFresh = value["fresh"].kind == JSON_TRUE
    estimator.since = value["since"].integer ?? 0
    let noise = value["noise"]
    estimator.noise = positive(noise.at(0))
    estimator.noiseCount = min(positive(noise.at(1)), 100)
    estimator.gaps = positive(noise.at(2))
    estimator.gapSquares = positive(noise.at(3))
    estimator.held = bucket(value["held"], at: 0)
    estimator.stalls = oddities(value["stalls"])
    estimator.bulk = oddities(value["bulk"])
    let buckets = value["buckets"]
    var position = 0
    while estimator.buckets.count < Estimator.mostBuckets,
      let bucket = bucket(buckets, at: position)
    {
      estimator.buckets.append(bucket)
      position += 5
    }
    return estimator
  }

  private static func bucket(_ list: JSONValue, at position: Int) -> Bucket? {
    guard position + 4 < list.count, let events = list.at(position).integer, events > 0,
      events < 1 << 40, let items = list.at(position + 1).real, items > 0, items < 1e15,
      let seconds = list.at(position + 2).real, seconds > 0, seconds < 1e15,
      let squares = list.at(position + 3).real, squares >= 0, squares.isFinite,
      let logs = list.at(position + 4).real, logs.isFinite
    else { return nil }
    return Bucket(events: events, items: items, seconds: seconds, squares: squares, logs: logs)
  }

  private static func oddities(_ value: JSONValue) -> Outliers {
    guard let count = value.at(0).integer, count > 0 else { return Outliers() }
    return Outliers(count: count, amount: positive(value.at(1)))
  }

  private static func positive(_ value: JSONValue) -> Double {
    guard let number = value.real, number.isFinite, number > 0 else { return 0 }
    return number
  }
}
