import BackgroundJobs

/// What a report gave back, for the script that made it.
func tell(_ status: Status, of job: Job) throws {
  guard status == .paused else { return }
  let info = try job.info()
  let why = info.reason.map { ", \($0)" } ?? ""
  // A resume does not start the job of a program or a script.
  let isOfProgram = try RunSpec.of(job) == nil
  let verb = info.reason == "interrupted" && isOfProgram ? "start" : "resume"
  Output.complain(
    "job \(job.id) is paused\(why): what you said is kept. To go on: bgjobs \(verb) \(job.id)")
  throw ExitStatus.paused
}

/// What has become of a job that ended in a way that was not asked for.
enum EndText {
  /// `name`: its status, should it be removed.
  static func of(_ job: Job, _ name: String) -> String {
    let info = try? job.info()
    let why = info?.error.map { ": \($0)" } ?? ""
    let what = info?.reason == "cancelled" ? "was cancelled" : "is \(info?.status.name ?? name)"
    return "job \(job.id) \(what)\(why)"
  }
}
