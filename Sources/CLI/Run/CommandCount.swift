import ArgumentParser
import CProcess

/// How many commands run side by side: a number, 0 for as many as there are processors, or a share of
/// these (50%).
struct CommandCount: ExpressibleByArgument, CustomStringConvertible {
  let number: Int

  init(_ number: Int) { self.number = number }

  init?(argument: String) {
    if argument.last == "%" {
      guard let percent = Int(argument.dropLast()), (1...100_000).contains(percent) else {
        return nil
      }
      number = max(1, Self.processors * percent / 100)
      return
    }
    guard argument.first?.isNumber ?? false, let count = Int(argument), count >= 0 else {
      return nil
    }
    number = count == 0 ? Self.processors : count
  }

  var description: String { "\(number)" }

  /// Those that this process may use.
  private static var processors: Int {
    Int(cprocess_processors())
  }
}

/// A number of failures, or a share of the items (10%).
struct HaltLimit: ExpressibleByArgument {
  var count: Int64?
  var percent: Int64?

  init?(argument: String) {
    let isShare = argument.last == "%"
    guard let number = Int64(isShare ? argument.dropLast() : argument[...]), number >= 1,
      !isShare || number <= 100
    else { return nil }
    if isShare { percent = number } else { count = number }
  }
}
