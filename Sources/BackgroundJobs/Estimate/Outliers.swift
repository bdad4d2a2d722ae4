/// What happens now and then beside the work: stalls, or items marked in bulk. Once is an accident
/// and says nothing about the future; twice is a habit.
struct Outliers: Equatable {
  var count: Int64 = 0
  /// Seconds of stalls, or items of bulk marks.
  var amount = 0.0

  private var number: Double { Double(max(count, 1)) }
  /// The usual one; 0 where there is no habit.
  var usual: Double { count > 1 ? amount / number : 0 }
  var habit: Double { count > 1 ? amount : 0 }

  /// Seconds of those to come while so many times the past's items are done: as likely more as
  /// less. The median of a count is about a third below its mean.
  func expected(_ times: Double) -> Double { usual * max(0, number * times - 1.0 / 3) }

  /// Their variance, a negative binomial one: the past tells only roughly how often they come.
  func variance(_ times: Double) -> Double { usual * usual * number * times * (1 + times) }
}
