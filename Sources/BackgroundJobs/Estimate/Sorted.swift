import CPosix

/// Work in the order of its size, the smallest or the largest first, as far as that explains the
/// past better than steps and trends do; and what follows from it for the rest.
///
/// Sizes are log-normal more often than not. Sorted, the ln of the one at share p of all items is
/// a + b * probit(p) (Blom, Statistical Estimates and Transformed Beta-Variables, 1958): a line
/// through what has been done tells of all that is left, and that adds up in closed form.
struct Sorted {
  /// Below so many events it would be too bold.
  private static let leastEvents: Int64 = 30
  /// b is at least so many of its standard errors, and no more than the other.
  private static let certainty = 6.0
  private static let mostSpread = 3.0
  /// From this much better than the others on, in the Bayesian information criterion, it counts,
  /// and so much further on it counts alone: the answer is not to jump from one to the other.
  private static let margin = 2.0
  private static let passage = 8.0
  /// A falling power of the number rules it out if that is ahead by so much in its squares, and
  /// takes from it from a fifth of that on.
  private static let handicap = 5.0
  /// What gets quicker and quicker may only be warming up. From this share of the items on, the
  /// largest first becomes the likelier explanation, and at twice that it is taken to be so.
  private static let warmUp = 0.1
  /// However bad the others are, it is off by no more than this, in variances, on average; sizes
  /// may be of another distribution. Fully believed it is so far below that.
  private static let mostOff = 1.6
  private static let leeway = 0.4
  /// Where they are not seen to be, they may be yet: b is so uncertain beyond what has been done.
  private static let doubt = 0.06

  /// 0 to 1: how far it is to be believed.
  let share: Double
  /// Seconds of an item of those that are left, on average, and the relative variance of their sum.
  let mean: Double
  let variance: Double

  /// nil where the past is explained as well without it.
  init?(_ regimes: Regimes, left: Double) {
    let all = regimes.all
    let number = all.items + left
    guard regimes.segments.count > 1, all.events >= Self.leastEvents, left >= 1 else { return nil }
    let rough = Fit(regimes, number, spread: 0).sorted.slope
    let fit = Fit(regimes, number, spread: rough)
    let spread = fit.sorted.slope
    let rest = fit.sorted.rest
    let now = Quantile(all.items / number)
    let steps = regimes.rest + Double(2 * regimes.segments.count - 3) * log(all.count)
    let begun = spread < 0 ? (now.share - Self.warmUp) / Self.warmUp : 1
    let gain = min(steps, fit.bestOther) - rest - fit.price
    let off = rest / Double(regimes.buckets.count)
    let share = min(
      1, begun, (gain - Self.margin) / Self.passage, (Self.mostOff - off) / Self.leeway,
      1.25 * (1 + fit.lead / Self.handicap))
    guard share > 0, spread.magnitude < Self.mostSpread,
      spread.magnitude * fit.sorted.xx.squareRoot() > Self.certainty
    else { return nil }
    // Of exp(spread * x) and of its square, for x of the normal distribution beyond here.
    let sum = Quantile.above(now.probit - spread)
    let squares = exp(spread * spread) * Quantile.above(now.probit - 2 * spread)
    let level = fit.sorted.start + spread * spread / 2 + regimes.variance / 2
    mean = exp(level) * sum * number / left
    // Four sources: a and b are known only so well where most of the time is left; the order of
    // those drawn is off by chance; what is left is still to be drawn; and the sizes may be
    // distributed otherwise.
    let centre = spread + Quantile.density(now.probit - spread) / sum
    let unknown = fit.sorted.variance(at: centre)
    let drawn = exp(regimes.variance) * squares / (sum * sum * number) - 1 / left
    let strange = Self.doubt * (centre - now.probit)
    variance =
      unknown + spread * spread * (now.scatter / number + strange * strange) + max(0, drawn)
    self.share = share
    guard mean.isFinite, mean > 0, variance.isFinite else { return nil }
  }
}

/// The lines that explain a steady change: of sizes, of the items' number, of its logarithm.
private struct Fit {
  private(set) var sorted = Regression()
  private var even = Regression()
  private var power = Regression()
  /// What it costs that the first may be off by more than the others, in the same measure.
  private(set) var price = 0.0

  /// spread: b, as far as it is known. Sorted draws wander about what is expected of them, and so
  /// much so at both ends that these would decide.
  init(_ regimes: Regimes, _ number: Double, spread: Double) {
    var items = regimes.all.items
    var upper = Quantile(items / number)
    for bucket in regimes.buckets {
      let half = items - bucket.items / 2
      items -= bucket.items
      let lower = Quantile(items / number)
      // The mean of the probit over a range.
      let place = (lower.density - upper.density) / (upper.share - lower.share)
      let weight = regimes.weight(bucket)
      let wander = spread * spread * Quantile(half / number).scatter / number
      let looser = regimes.weight(bucket, off: wander / 2)
      sorted.add(place, bucket.level, weight: looser)
      price += log(weight / looser)
      even.add(half, bucket.level, weight: weight)
      power.add(log(half), bucket.level, weight: weight)
      upper = lower
    }
  }

  /// A power of the number is what searching or copying all that came before costs.
  var bestOther: Double { power.slope > 0 ? min(even.rest, power.rest) : even.rest }

  /// Before one that falls: sizes of which few make up nearly all, in order. Early on it is hardly
  /// to be told from this.
  var lead: Double { power.slope > 0 ? .infinity : power.rest - sorted.rest - price }
}
