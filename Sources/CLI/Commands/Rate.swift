import ArgumentParser
import BackgroundJobs
import FoundationEssentials
import Glibc

struct RateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate",
    abstract: "Set or show how many requests a provider allows, of all processes together.",
    usage: """
      bgjobs rate [OPTIONS]
      bgjobs rate PROVIDER [RATE] [OPTIONS]
      """,
    discussion: """
      RATE is 5000/h, 600/min, 10/s, 100/15m; none removes it. In no such time are there more \
      requests than that and a sixtieth of it, but at least one: so many may come at once after a \
      silence. bgjobs permit takes from it, and so does bgjobs run --provider.

      Without RATE it is a line for each: provider, rate, milliseconds that one request would have \
      to wait now, with tabs between.
      """)

  @OptionGroup var project: ProjectOptions
  @Argument(help: ArgumentHelp("The name of the server.", valueName: "provider"))
  var provider: String?
  @Argument(help: ArgumentHelp("So many requests in a time.", valueName: "rate"))
  var rate: RequestRate?
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    if rate != nil, json { throw ValidationError("--json shows; it sets nothing") }
  }

  func run() throws {
    if let provider, let rate {
      return try project.withManager { manager in
        try manager.setRate(provider, count: rate.count, perMs: rate.period.milliseconds)
      }
    }
    let text = try project.withManager { try $0.queue() }
    let known = try JSONDecoder().decode(Queue.self, from: Data(text.utf8)).rates
    let rates = known.filter { provider == nil || $0.provider == provider }
    if let provider, rates.isEmpty { throw RunError("no rate for \(provider)", .notFound) }
    if json {
      var document = JSONDocument()
      document.add(
        "rates",
        JSONDocument.array(
          rates.map {
            "{\"provider\":\(JSONDocument.quoted($0.provider)),\"count\":\($0.count),"
              + "\"periodMs\":\($0.periodMs),\"burst\":\($0.burst),\"waitMs\":\($0.waitMs)}"
          }))
      return document.print()
    }
    for one in rates {
      let rate = RequestRate(count: one.count, period: TimeSpan(milliseconds: one.periodMs))
      Output.data("\(one.provider)\t\(rate.text)\t\(one.waitMs)")
    }
    if rates.isEmpty { Output.note("no rates") }
  }

  private struct Queue: Decodable {
    struct Rate: Decodable {
      let provider: String
      let count, periodMs, burst, waitMs: Int64
    }
    let rates: [Rate]
  }
}

struct PermitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "permit", abstract: "Wait until requests to a provider may be made.",
    usage: "bgjobs permit PROVIDER [N] [OPTIONS]",
    discussion: """
      It takes N requests, or one, out of the rate of the provider (bgjobs rate), and returns when \
      they may be made: bgjobs permit github && curl … Who asks first goes first. Exit code 3: \
      there is no rate for it.
      """)

  @OptionGroup var project: ProjectOptions
  @Argument(help: ArgumentHelp("The name of the server.", valueName: "provider"))
  var provider: String
  @Argument(help: ArgumentHelp("How many requests.", valueName: "n"))
  var count: Int64 = 1

  func run() throws {
    Interruption.hold()
    while true {
      let permit = try project.withManager { manager in
        try manager.permit(provider, requests: count)
      }
      let end = monotonicMs() + permit.waitMs
      while end > monotonicMs() {
        try Interruption.throwPending()
        usleep(UInt32(max(1, min(end - monotonicMs(), Interruption.slice)) * 1000))
      }
      if permit.status == .ok { return }
    }
  }
}
