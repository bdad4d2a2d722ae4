import BackgroundJobs

/// What the crash tests play: every kind of call, as short as it can be, for the cost of failing
/// each operation in turn is quadratic.
extension Script {
  static let all = [birth, reports, pause, ends, others, compaction, afterlife, takeover, cleanup]

  private static let create = Step("create") {
    try $0.create("clone", total: 2)
  } means: {
    $0.jobs.append(.init(type: "clone", total: 2))
  }
  private static let plan = Step("plan") {
    try $0.a("clone").plan(["a", "b", "c"])
  } means: {
    $0["clone"].planned = ["a", "b", "c"]
    $0["clone"].total = 3
  }
  private static let start = Step("start") {
    try $0.a("clone").start()
  } means: {
    $0.run("clone")
  }
  private static let doneA = Step("done a") {
    try $0.a("clone").done("a")
  } means: {
    $0["clone"].finish("a")
  }
  private static let failB = Step("failed b") {
    try $0.a("clone").failed("b", "no route")
  } means: {
    $0["clone"].fail("b")
  }
  private static let sync = Step("sync") { try $0.a.sync() }
  private static let close = Step("close") { cast in
    try cast.a.close()
  } means: {
    $0 = $0.dead
  }

  static let birth = Script(name: "birth", steps: [create, plan, start, doneA])

  static let reports = Script(
    name: "reports", prelude: [create, plan, start],
    steps: [
      doneA, failB,
      Step("cursor") {
        try $0.a("clone").workOn("c", cursor: "{\"page\":7}")
      } means: {
        $0["clone"].currentItem = "c"
        $0["clone"].cursor = "{\"page\":7}"
      },
      sync,
      Step("b done") {
        try $0.b("clone").done("x")
      } means: {
        $0["clone"].finish("x")
      },
      Step("failed then done") {
        try $0.a("clone").done("b")
      } means: {
        $0["clone"].finish("b")
      },
      Step("look and advance") { cast in
        try cast.lookAgain()
        try cast.a("clone").advance(5)
      } means: {
        $0["clone"].current += 5
      },
      Step("b plan") {
        try $0.b("clone").plan(["d"])
      } means: {
        $0["clone"].planned += ["d"]
        $0["clone"].total = 5
      },
      Step("current") { cast in
        try cast.lookAgain()
        try cast.a("clone").update(current: 4)
      } means: {
        $0["clone"].current = 4
      },
    ])

  static let pause = Script(
    name: "pause", prelude: [create, plan, start, doneA],
    steps: [
      Step("b pause") {
        _ = try $0.b("clone").pause()
      } means: {
        $0["clone"].status = "paused"
        $0["clone"].reason = "asked"
      },
      Step("done while paused") { cast in
        try cast.lookAgain()
        try cast.a("clone").done("c")
      } means: {
        $0["clone"].finish("c")
      },
      Step("b resume") {
        _ = try $0.b("clone").resume()
      } means: {
        $0.run("clone")
      },
      Step("done after") { cast in
        try cast.lookAgain()
        try cast.a("clone").done("d")
      } means: {
        $0["clone"].finish("d")
      },
      Step("rate limit") {
        _ = try $0.a("clone").rateLimited(provider: "github", seconds: 60)
      } means: {
        $0["clone"].status = "paused"
        $0["clone"].reason = "rate-limit"
      },
      Step("resume") {
        _ = try $0.a("clone").resume()
      } means: {
        $0.run("clone")
      },
    ])

  static let ends = Script(
    name: "ends", prelude: [create, plan, start, doneA],
    steps: [
      Step("leave") {
        _ = try $0.a("clone").leave("lunch")
      } means: {
        $0 = $0.dead
      },
      start, failB,
      Step("complete") {
        _ = try $0.a("clone").complete(result: "{\"ok\":true}")
      } means: {
        $0["clone"].status = "completed"
        $0["clone"].reason = nil
        $0["clone"].result = "{\"ok\":true}"
      },
      Step("retry") {
        _ = try $0.b("clone").retry()
      } means: {
        $0.retry("clone")
      },
    ])

  static let others = Script(
    name: "others", prelude: [create, plan, start, doneA, sync],
    steps: [
      Step("foreign edit") { cast in
        try cast.edit { $0["activeJobId"] = 7 }
      } means: {
        $0.activeJobId = "7"
      },
      failB, sync,
      Step("second job") {
        try $0.create("import")
      } means: {
        $0.jobs.append(.init(type: "import"))
      },
      Step("detached") {
        _ = try $0.b("import").startDetached()
      } means: {
        $0.run("import")
        $0["import"].isDetached = true
      },
      Step("detached report") {
        try $0.b("import").done("1")
      } means: {
        $0["import"].finish("1")
      },
      Step("cancel") {
        _ = try $0.b("import").cancel("enough")
      } means: {
        $0["import"].status = "failed"
        $0["import"].isDetached = false
        $0["import"].reason = "cancelled"
      },
      close,
    ])

  static let compaction = Script(
    name: "compaction", prelude: [create, plan, start, doneA],
    steps: [
      Step("compact") { try $0.compact() },
      failB,
      Step("b pause") {
        _ = try $0.b("clone").pause()
      } means: {
        $0["clone"].status = "paused"
        $0["clone"].reason = "asked"
      },
      Step("compact again") { try $0.compact() },
      Step("done after") { cast in
        try cast.lookAgain()
        try cast.a("clone").done("c")
      } means: {
        $0["clone"].finish("c")
      },
    ])

  static let takeover = Script(
    name: "takeover", prelude: [create, plan, start, doneA],
    steps: [
      Step("kill") {
        try $0.kill()
      } means: {
        $0 = $0.dead
      },
      Step("start by another") {
        try $0.b("clone").start()
      } means: {
        $0.run("clone")
      },
      Step("done by another") {
        try $0.b("clone").done("c")
      } means: {
        $0["clone"].finish("c")
      },
      Step("close") {
        try $0.b.close()
      } means: {
        $0 = $0.dead
      },
      start, failB,
      Step("kill again") {
        try $0.kill()
      } means: {
        $0 = $0.dead
      },
      Step("cancel") {
        _ = try $0.a("clone").cancel()
      } means: {
        $0["clone"].status = "failed"
        $0["clone"].reason = "cancelled"
      },
    ])

  /// Completing one job removes another.
  static let cleanup = Script(
    name: "cleanup",
    prelude: [
      Step("old") { cast in
        try cast.create("old")
        _ = try cast.a("old").complete()
      } means: {
        $0.jobs.append(.init(type: "old", status: "completed"))
      },
      create, start, doneA,
    ],
    steps: [
      Step("complete") {
        _ = try $0.a("clone").complete()
      } means: {
        $0["clone"].status = "completed"
        $0.remove("old")
      } partly: {
        $0["clone"].status = "completed"
      }
    ], keepCompleted: 1)

  /// Its journal is replaced by itself in the end.
  static let long = Script(
    name: "long", prelude: [create, start],
    steps: (0..<66).map { number in
      let item = "x\(number)-" + String(repeating: "y", count: 4000)
      return Step("report \(number)") {
        try $0.b("clone").done(item)
      } means: {
        $0["clone"].finish(item)
      }
    })

  static let afterlife = Script(
    name: "afterlife", prelude: [create, plan, start, failB],
    steps: [
      Step("fail by another") {
        _ = try $0.b("clone").fail("no luck")
      } means: {
        $0["clone"].status = "failed"
        $0["clone"].reason = "error"
      },
      Step("next look") { cast in
        try cast.lookAgain()
        do { try cast.a("clone").done("c") } catch let error as JobError
          where error.status == .finished
        {}
      },
      Step("retry") {
        _ = try $0.a("clone").retry()
      } means: {
        $0.retry("clone")
      },
      Step("complete") {
        _ = try $0.b("clone").complete()
      } means: {
        $0["clone"].status = "completed"
      },
      Step("cleanup") {
        _ = try $0.a.cleanup(keep: 0)
      } means: {
        $0.remove("clone")
      },
    ])
}

extension View {
  mutating func run(_ type: String) {
    self[type].status = "running"
    self[type].reason = nil
  }

  mutating func retry(_ type: String) {
    self[type].status = "pending"
    self[type].reason = nil
    self[type].result = nil
    self[type].attempts += 1
    self[type].current -= Int64(self[type].failed.count)
    self[type].failed = []
  }
}
