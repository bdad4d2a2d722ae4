// An ordinary Swift program on libbgjobs: two Swift runtimes in one process, kept apart.
import bgjobs

final class Names {
  var all: [String: Int] = [:]
}

let names = Names()
for index in 0..<1000 { names.all["é\(index)"] = index }

var manager: OpaquePointer?
var job: OpaquePointer?
let project = CommandLine.arguments[1]
guard bgj_manager_open(project, nil, &manager, nil) == BGJ_OK,
  bgj_manager_ensure(manager, "test", "key", nil, 0, &job, nil) == BGJ_OK,
  bgj_job_start(job, nil, nil) == BGJ_OK
else { fatalError("cannot start") }
for name in names.all.keys.sorted() {
  guard bgj_job_item_done(job, name, nil) == BGJ_OK else { fatalError("cannot report \(name)") }
}
guard bgj_job_complete(job, nil, nil) == BGJ_OK, bgj_job_is_done(job, "é999") == 1
else { fatalError("cannot complete") }
bgj_job_release(job)
guard bgj_manager_close(manager, nil) == BGJ_OK else { fatalError("cannot close") }
print(names.all.count, String(cString: bgj_version()))
