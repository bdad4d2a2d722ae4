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
      requests than that and a sixtieth of it, or as many as one bgjobs permit takes: so many may \
      come at once after a silence. bgjobs permit takes from it, and so does bgjobs run --provider.

      With --limited all jobs of the provider pause: those of run --provider, and those whose config \
      names it in the member provider. Runs go on by themselves, a script when it waits (bgjobs \
      wait, next --wait).

      Without RATE it is a line for each: provider, rate or -, milliseconds that one request would \
      have to wait now, with tabs between.
      """)

  @OptionGroup var project: ProjectOptions
  @Argument(help: ArgumentHelp("The name of the server.", valueName: "provider"))
  var provider: String?
  @Argument(help: ArgumentHelp("So many requests in a time.", valueName: "rate"))
  var rate: RequestRate?
  @Option(
    help: ArgumentHelp(
      "It takes no requests for that time, as for rate-limited --retry-after; 0: it does again.",
      valueName: "time"))
  var limited: RetryAfterArgument?
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    let sets = rate != nil || limited != nil
    if sets, json { throw ValidationError("--json shows; it sets nothing") }
    if limited != nil, provider == nil { throw ValidationError("--limited needs a provider") }
  }

  func run() throws {
    if let provider, rate != nil || limited != nil {
      return try project.withManager { manager in
        if let rate {
          try manager.setRate(provider, count: rate.count, perMs: rate.period.milliseconds)
        }
        switch limited?.seconds {
        case nil: break
        case 0: try manager.rateLimitIsOver(provider)
        case let seconds: try manager.rateLimited(provider, seconds: seconds)
        }
      }
    }
    let text = try project.withManager { try $0.queue() }
    let known = try JSONDecoder().decode(Queue.self, from: Data(text.utf8)).providers
    let wanted = known.filter { provider == nil || $0.provider == provider }
    if let provider, wanted.isEmpty { throw RunError("no rate for \(provider)", .notFound) }
    if json {
      var document = JSONDocument()
      document.add("providers", JSONDocument.array(wanted.map(\.json)))
      return document.print()
    }
    for one in wanted { Output.data("\(one.provider)\t\(one.rate ?? "-")\t\(one.waitMs)") }
    if wanted.isEmpty { Output.note("no rates") }
  }

  private struct Queue: Decodable {
    struct Provider: Decodable {
      let provider: String
      let count, periodMs, burst, limitedUntil: Int64?
      let waitMs: Int64

      var rate: String? {
        guard let count, let periodMs else { return nil }
        return RequestRate(count: count, period: TimeSpan(milliseconds: periodMs)).text
      }

      var json: String {
        let numbers = [
          ("count", count), ("periodMs", periodMs), ("burst", burst), ("waitMs", waitMs),
          ("limitedUntil", limitedUntil),
        ]
        let members = numbers.compactMap { name, value in value.map { ",\"\(name)\":\($0)" } }
        return "{\"provider\":\(JSONDocument.quoted(provider))\(members.joined())}"
      }
    }
    let providers: [Provider]
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
