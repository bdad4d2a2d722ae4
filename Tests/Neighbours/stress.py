"""Other tools beside four workers of ours, for a while; at the end it counts what is lost.

stress.py [--minutes N] [--between-ms N] [--kills] [--slow-ms N] [OPTIONS]
stress.py --window       how long a write without the lock can be displaced
stress.py --cases        the single cases, in full length
stress.py --matrix       all kinds of tools, one after the other
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import judge
from ours import HERE, PYTHON, Project, compile_host, four, scratch, spawn

NODE = shutil.which("node")


class Tools:
    """Other tools, running."""

    def __init__(self, project, directory, options):
        self.processes, self.logs = [], []
        for number in range(options.tools):
            log = directory / f"tool{number}.log"
            is_node = options.node and number % 2 == 1
            words = [
                *([NODE, HERE / "other_tool.mjs"] if is_node else [PYTHON, HERE / "other_tool.py"]),
                project.path,
                log,
                *("--name", f"tool{number}", "--seed", options.seed + str(number)),
                *("--kind", options.kind, "--lock", options.lock),
                *("--unreadable", options.unreadable),
                *("--stale", "mtime" if number % 2 else "content"),
                *("--between-ms", options.between_ms, "--poll-ms", options.poll_ms),
                *("--job-seconds", options.job_seconds, "--keep", options.keep),
                *(["--touch-ours"] if options.touch_ours else []),
                *([] if is_node else ["--think-ms", options.think_ms]),
            ]
            self.logs.append(log)
            self.processes.append(spawn(words, stdout=subprocess.PIPE, text=True))

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        return [json.loads(process.communicate(timeout=60)[0]) for process in self.processes]


class Sampler(threading.Thread):
    """Logs what `bgjobs show` shows of the jobs of `bgjobs run`, and steers the C host's job."""

    def __init__(self, project, directory):
        super().__init__()
        self.project, self.log = project, directory / "run.log"
        self.known, self.is_over = {}, threading.Event()
        self.pauses = 0

    def run(self):
        turn = 0
        while not self.is_over.wait(1):
            self.look()
            turn += 1
            if turn % 3 == 0:
                self.steer()

    def look(self):
        with self.log.open("a") as log:
            for job in self.project.jobs():
                if job["type"] != "ours-run":
                    continue
                shown = self.project.show(job["id"])
                known = self.known.setdefault(job["id"], set())
                if shown is None or "ended" in known:
                    continue
                for item in shown["progress"]["itemsCompleted"]:
                    if item not in known:
                        known.add(item)
                        log.write(f"item {job['id']} {item}\n")
                if shown["status"] == "completed":
                    known.add("ended")
                    log.write(f"end {job['id']} completed\n")

    def steer(self):
        for job in self.project.jobs():
            if job["type"] == "ours-c" and job["status"] == "running":
                self.pauses += self.project.bgjobs("pause", job["id"]).returncode == 0
                time.sleep(0.2)
                self.project.bgjobs("resume", job["id"])


def run(options, with_ours=True):
    """One run; gives its numbers."""
    with scratch() as name:
        directory = Path(name)
        project = Project(directory / "project")
        project.file.parent.mkdir(parents=True)
        return _run(options, with_ours, directory, project)


def _run(options, with_ours, directory, project):
    chance = random.Random(options.seed)
    numbers = {"kills": 0, "stuck": 0, "seconds": options.seconds}
    workers = []
    if with_ours:
        # No more than two jobs each: completing removes completed jobs beyond ten.
        workers = four(
            project,
            directory,
            compile_host(directory),
            options.between_ms,
            max(2, options.seconds / 1.8),
            options.slow_ms,
        )
        project.bgjobs("create", "first")
    tools = Tools(project, directory, options)
    sampler = Sampler(project, directory)
    if with_ours:
        sampler.start()
    began = time.monotonic()
    next_kill = began + 0.5
    while time.monotonic() < began + options.seconds:
        for worker in workers:
            worker.keep_up()
        if options.kills and workers and time.monotonic() >= next_kill:
            numbers["kills"] += chance.choice(workers).kill_one(chance)
            next_kill += 0.1
        time.sleep(0.01)
    theirs = tools.stop()
    (directory / "stop").touch()
    for worker in workers:
        worker.keep_up()  # so that a job whose worker was killed just now is completed
    for worker in workers:
        numbers["stuck"] += not worker.end(60 + options.slow_ms / 10)
    if with_ours:
        sampler.is_over.set()
        sampler.join()
        sampler.look()
        project.publish()
    numbers["pauses"] = sampler.pauses
    _judge(numbers, project, tools, workers, theirs, with_ours)
    if options.keep_files:
        shutil.copytree(directory, options.keep_files, dirs_exist_ok=True)
    return numbers


def _judge(numbers, project, tools, workers, theirs, with_ours):
    document = project.load()
    show = project.show if with_ours else None
    for name in ("unparseable", "overwritten", "forced", "stolen", "vanished", "jq_failed"):
        numbers[name] = sum(tool.get(name, 0) for tool in theirs)
    for name in ("wait_max_ms", "wait_p99_ms"):
        numbers[name] = max((tool[name] for tool in theirs), default=0)
    total, losers = {}, {}
    for log in tools.logs:
        found, more = judge.count(judge.Claims(log), document, show)
        judge.add(total, found)
        judge.add(losers, more)
    numbers.update({f"theirs_{name}": number for name, number in total.items()})
    total, kinds = {}, {}
    for worker in workers:
        claims = judge.Claims(worker.log)
        found, _ = judge.count(claims, document, show, is_ours=True)
        judge.add(total, found)
        kinds[worker.log.stem] = {**found, "lives": worker.lives, "said": claims.counts}
    numbers.update({f"ours_{name}": number for name, number in total.items()})
    numbers["ours_by_kind"] = kinds
    if with_ours:
        report = project.bgjobs("check").stdout
        told = judge.told(report, losers)
        numbers["losers"], numbers["told_by_check"] = len(losers), len(told)
        numbers["untold"] = sum(number for who, number in losers.items() if who not in told)
        numbers["check"] = report.splitlines()[-8:]


ROWS = [
    ("their items written", "theirs_items"),
    ("  lost", "theirs_lost"),
    ("their jobs", "theirs_jobs"),
    ("  wrong statuses", "theirs_wrong"),
    ("  removed, and back again", "theirs_risen"),
    ("  with losses; of these told by check", "losers", "told_by_check"),
    ("their other members", "theirs_members"),
    ("  lost", "theirs_members_lost"),
    ("ours acknowledged", "ours_items"),
    ("  lost", "ours_lost"),
    ("  wrong statuses", "ours_wrong"),
    ("waits for the lock, max / p99 in ms", "wait_max_ms", "wait_p99_ms"),
    ("  forced / stolen", "forced", "stolen"),
    ("unparseable reads / then overwritten", "unparseable", "overwritten"),
    ("their own job was not there", "vanished"),
    ("kills of ours / workers that hung", "kills", "stuck"),
    ("pauses of ours", "pauses"),
]


def table(ours, baseline, title):
    lines = [f"{title:<56}{'with us':>14}{'without us':>14}"]
    for label, *names in ROWS:
        cells = []
        for numbers in (ours, baseline):
            values = [numbers.get(name) for name in names] if numbers else [None]
            cells.append(" / ".join("-" if value is None else str(value) for value in values))
        lines.append(f"{label:<56}{cells[0]:>14}{cells[1]:>14}")
    return "\n".join(lines)


def arguments(words=()):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tools", type=int, default=2)
    parser.add_argument("--between-ms", type=float, default=20)
    parser.add_argument("--poll-ms", type=float, default=5)
    parser.add_argument("--kind", default="jobs", help="jobs, editor, jq-cat, jq-mv")
    parser.add_argument("--lock", default="inside", help="inside, outside, none")
    parser.add_argument("--unreadable", default="empty", help="empty, retry")
    parser.add_argument("--think-ms", default="200,2000", help="of an editor: from, to")
    parser.add_argument("--job-seconds", type=float, default=5)
    parser.add_argument("--keep", type=int, default=6, help="finished jobs a tool keeps")
    parser.add_argument("--touch-ours", action="store_true", help="write into our configs")
    parser.add_argument("--node", action="store_true", help="every second tool in Node")
    parser.add_argument("--kills", action="store_true", help="kill -9 one of ours every 100 ms")
    parser.add_argument("--slow-ms", type=int, default=0, help="a disk whose syncs take so long")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep-files", help="copy the project and all logs there")
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--matrix", action="store_true")
    options = parser.parse_args(words)
    if options.minutes:
        options.seconds = options.minutes * 60
    return options


def faults(options, numbers):
    """What must be 0, and is not."""
    names = ["theirs_risen", "ours_lost", "ours_wrong", "stuck", "overwritten", "forced"]
    if takes_lock(options):
        names += ["theirs_lost", "theirs_wrong", "theirs_members_lost", "unparseable"]
    elif options.tools == 1:
        names += ["untold"]  # what is lost in the window is told by `bgjobs check`
    return {name: numbers[name] for name in names if numbers.get(name)}


def takes_lock(options):
    return options.kind == "jobs" and options.lock == "inside"


def one(options):
    baseline = None
    if not options.no_baseline:
        short = argparse.Namespace(**{**vars(options), "seconds": min(options.seconds, 60)})
        baseline = run(short, with_ours=False)
    numbers = run(options)
    lock = options.lock if options.kind == "jobs" else "none"
    title = f"{options.tools} {options.kind}, lock {lock}, {options.between_ms:g} ms"
    title += ", kills" if options.kills else ""
    title += f", syncs of {options.slow_ms} ms" if options.slow_ms else ""
    print(table(numbers, baseline, title))
    if options.json:
        print(json.dumps({"with": numbers, "without": baseline}, indent=1))
    found = faults(options, numbers)
    print(f"NOT CLEAN: {found}\n" if found else "clean\n", flush=True)
    return not found


MATRIX = [
    "--between-ms 20 --touch-ours",
    "--between-ms 50 --touch-ours",
    "--between-ms 20 --touch-ours --kills",
    "--between-ms 50 --touch-ours --kills",
    "--between-ms 20 --slow-ms 100 --kills",
    "--tools 1 --lock none --kills",
    "--tools 1 --lock outside --kills",
    "--tools 1 --kind editor --kills",
    "--tools 1 --kind jq-cat --kills",
    "--tools 1 --kind jq-mv --kills",
    *(["--node --touch-ours --kills"] if NODE else []),
]


def main():
    options = arguments(sys.argv[1:])
    good = []
    if options.cases:
        import cases

        good.append(cases.main() == 0)
    if options.window:
        import window

        print(window.describe(window.measure(100)) + "\n", flush=True)
        good.append(True)
    if options.matrix:
        lines = [[*line.split(), "--seconds", str(options.seconds)] for line in MATRIX]
        good += [one(arguments(line)) for line in lines]
    if not good:
        good.append(one(options))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
