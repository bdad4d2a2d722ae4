import BackgroundJobs

/// What a report gave back, for the script that made it.
func tell(_ status: Status, of job: Job) throws {
  guard status == .paused else { return }
  let info = try job.info()
  let why = info.reason.map { ", \($0)" } ?? ""
  Output.complain(
    "job \(job.id) is paused\(why): what you said is kept. To go on: bgjobs resume \(job.id)")
  throw ExitStatus.paused
}
