"""Tools that judge by `jobs/<id>/worker.pid` whether a job's worker lives, and kill by it."""

import os
import signal
import subprocess
import time

import judge
from cases import Place
from ours import (
    ENVIRONMENT,
    HERE,
    PROGRAM,
    PYTHON,
    await_true,
    compile_host,
    four,
    scratch,
    spawn,
)
from state_file import find

SCRIPT = """
B=$1; LOG=$2; STOP=$3
id=$("$B" create ours-owned) && "$B" start "$id" --owner-pid $$
n=0
while [ ! -e "$STOP" ] && [ $n -lt 100000 ]; do
  n=$((n + 1)); sleep 0.05
  "$B" "done" "$id" "item-$n" 2>/dev/null; code=$?
  case $code in
    0|8) echo "item $id item-$n" >>"$LOG" ;;
    *) echo "refused $id $code" >>"$LOG"; [ $code = 9 ] && exit 9 ;;
  esac
done
"$B" complete "$id" && echo "end $id completed" >>"$LOG"
"""


def orphan_check(seconds=10, keep=1):
    """A tool that fails running jobs without a living worker.pid, and removes finished ones."""
    with scratch() as name:
        place = Place(name)
        project, directory = place.project, place.directory
        project.bgjobs("create", "first")
        workers = four(project, directory, compile_host(name), 20, seconds + 12)
        workers = [w for w in workers if w.log.stem in ("c", "run")]
        for worker in workers:
            worker.start()
        script_log = directory / "script.log"
        script = spawn(
            ["bash", "-c", SCRIPT, "bash", PROGRAM, script_log, directory / "stop"],
            cwd=project.path,
            env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        )
        kinds = ("ours-c", "ours-run", "ours-owned")
        ids = {kind: await_true(lambda kind=kind: place.running(kind)) for kind in kinds}
        words = [PYTHON, HERE / "other_tool.py", project.path, directory / "checker.log"]
        checker = spawn(
            [*map(str, words), "--kind", "checker", "--keep", str(keep)], stdout=subprocess.DEVNULL
        )
        time.sleep(seconds)
        wrong = []
        for kind, id in ids.items():
            pid_file = place.tool.path.parent / "jobs" / str(id) / "worker.pid"
            try:
                os.kill(int(pid_file.read_text()), 0)
            except (OSError, ValueError) as error:
                wrong.append(f"{kind}: worker.pid: {type(error).__name__}")
        checker.send_signal(signal.SIGTERM)
        checker.wait()
        shown = project.show(ids["ours-run"]) if ids["ours-run"] else None
        run_items = shown["progress"]["itemsCompleted"] if shown else []
        (directory / "stop").touch()
        for worker in workers:
            worker.end(60)
        try:
            script.wait(20)
        except subprocess.TimeoutExpired:
            script.kill()
        project.publish()
        document = project.load()
        acknowledged = lost = 0
        for kind, log in (("ours-c", "c"), ("ours-owned", "script")):
            claims = judge.Claims(directory / f"{log}.log")
            if claims.counts.get("refused"):
                wrong.append(f"{kind}: a living worker was refused")
            found, _ = judge.count(claims, document, project.show)
            acknowledged += found["items"]
            lost += found["lost"]
        job = find(document, ids["ours-run"])
        there = job["progress"]["itemsCompleted"] if job else []
        acknowledged += len(run_items)
        lost += len(set(run_items) - set(there))
        for kind, id in ids.items():
            job = find(document, id)
            if job is None or job["status"] != "completed":
                wrong.append(f"{kind}: {job['status'] if job else 'gone'}")
            if (place.tool.path.parent / "jobs" / str(id) / "worker.pid").exists():
                wrong.append(f"{kind}: worker.pid is left behind")
        if not any((directory / f"{log}.log").exists() for log in ("c", "script")):
            wrong.append("nothing has run")
        failed = judge.Claims(directory / "checker.log").counts.get("failed", 0)
        found = f"{acknowledged} acknowledged, {lost} lost; the tool failed {failed} times"
        found += "".join("; " + w for w in wrong)
        return found, found if lost or wrong else ""


def kill_by_tool():
    """The tool's --kill: SIGTERM by worker.pid, and paused in the file; then a resume."""
    with scratch() as name:
        place = Place(name)
        project = place.project
        project.bgjobs("create", "first")
        items = [f"item-{n}" for n in range(60)]
        words = ["run", "--type", "ours-run", "--each", *items, "--", "sh", "-c", "sleep 0.05"]
        runner = spawn(
            [PROGRAM, *words], cwd=project.path, env=ENVIRONMENT, stderr=subprocess.DEVNULL
        )
        wrong = []
        id = await_true(lambda: place.running("ours-run"))
        await_true(lambda: find(project.load(), id))
        time.sleep(0.5)
        pid_file = place.tool.path.parent / "jobs" / id / "worker.pid"
        try:
            pid = int(pid_file.read_text())
        except (OSError, ValueError) as error:
            wrong.append(f"worker.pid: {type(error).__name__}")
            pid = runner.pid
        os.kill(pid, signal.SIGTERM)
        place.set(id, status="paused")
        try:
            runner.wait(20)
        except subprocess.TimeoutExpired:
            wrong.append("the runner goes on")
            runner.kill()
            runner.wait()
        project.publish()
        if project.info(id)["status"] != "paused":
            wrong.append(f"then show says {project.info(id)['status']}")
        project.bgjobs("resume", id)
        project.bgjobs("wait", id, "--timeout", "30s")
        project.publish()
        job = find(project.load(), id)
        done = len(set(job["progress"]["itemsCompleted"])) if job else 0
        status = job["status"] if job else "gone"
        if status != "completed" or done != len(items):
            wrong.append(f"after a resume {status}, {done} of {len(items)} items")
        return "; ".join(wrong) or "paused, and resumed to the end", "; ".join(wrong)


ORPHANS = {"orphan check": lambda: orphan_check(3), "kill by a tool": kill_by_tool}
