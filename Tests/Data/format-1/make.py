#!/usr/bin/env python3
"""Makes the archives of this directory: make.py LIBBGJOBS [NAME...]

LIBBGJOBS is the libbgjobs.so of a version that writes format 1. See README.md for what is in them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Always the same, since the path of a lock file is in the journal.
WORK = Path("/tmp/bgjobs-format-1")

os.environ["BGJOBS_LIBRARY"] = os.path.realpath(sys.argv[1]) if len(sys.argv) > 1 else ""
sys.path[:0] = [str(ROOT / "Bindings/Python/src"), str(ROOT / "Tests/Python")]

import bgjobs  # noqa: E402
from told import STATE, of_others, pack, removed_ids, told, why_not_found  # noqa: E402

WORKER = """
import bgjobs, os, signal, sys
def meet():
    print(flush=True)
    sys.stdin.readline()
manager = bgjobs.JobManager(".", keep_completed=-1)
job = manager.find({id!r})
job.start()
{code}
os.kill(os.getpid(), signal.SIGKILL)
"""


def opened():
    return bgjobs.JobManager(WORK, keep_completed=-1)


class Worker:
    """A process that works on a job and is killed: `job` in its code, which may `meet()`."""

    def __init__(self, job, code):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER.format(id=job.id, code=code)],
            cwd=WORK,
            env={**os.environ, "PYTHONPATH": sys.path[0]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def await_meeting(self):
        assert self.process.stdout.readline() == b"\n"
        return self

    def end(self):
        self.process.communicate(b"\n" * 9)
        assert self.process.returncode == -9, self.process.returncode


def state_file():
    return WORK / STATE / "background-jobs.json"


def edit(change, text=None):
    """Another tool, without a lock: a new file in place of the old one, or of an older one."""
    path = state_file()
    file = json.loads(text or path.read_bytes())
    change(file, {job["id"]: job for job in file["jobs"] if isinstance(job, dict) and "id" in job})
    new = path.with_name("edited")
    new.write_text(json.dumps(file, indent=2) + "\n")
    new.replace(path)


def foreign(id, status, **members):
    progress = {"current": 1, "total": 3, "percentage": 33, "itemsCompleted": ["first"]}
    times = {"startedAt": "2026-05-01T10:00:00.000Z", "updatedAt": "2026-05-01T10:00:09Z"}
    job = {"id": id, "type": "sync-external", "status": status, "progress": progress}
    config = {"type": "sync-external", "deep": {"er": [1, 2.5, None]}}
    return {**job, **times, "config": config, **members}


def journal():
    return WORK / STATE / "background-jobs.d/journal"


def compact(job):
    """Says so much that a new journal begins."""
    before, number = journal().stat().st_ino, 0
    while journal().stat().st_ino == before:
        job.set_cursor({"padding": "." * 60000, "number": number})
        number += 1
    job.set_cursor({"page": number})


def kinds():
    """How many records of which kind are in the journal."""
    data, place, found = journal().read_bytes(), 128, {}
    assert data[:12] == b"bgjobs J\1\0\0\0", "this version does not write format 1"
    while place + 26 <= len(data) and data[place + 8]:
        length = int.from_bytes(data[place : place + 4], "little")
        kind = int.from_bytes(data[place + 24 : place + 26], "little")
        found[kind] = found.get(kind, 0) + 1
        place += (26 + length + 7) & ~7
    return dict(sorted(found.items()))


# ---- small --------------------------------------------------------------------------------------


def small():
    names = [f"issue {number}" for number in range(1, 13)]
    with opened() as manager:
        for end in ("complete", "fail", "cancel"):
            gone = manager.create("import-issues", {"gone": end})
            gone.start()
            gone.done("issue 1")
            getattr(gone, end)()
        assert manager.cleanup(0, failed=True) == 3
        early = manager.create("import-issues")
        early.complete({"gone": True})
        completed = manager.ensure("import-issues", "acme", {"of": "acme", "labels": ["bug", "ä"]})
        completed.plan(names)
        completed.start()
        for name in names:
            completed.done(name)
        completed.complete({"imported": 12, "list": [True, None, 0.5]})

        warned = manager.ensure("clone-repos", "all", total=6)
        warned.plan(["app", "backend", "docs", "naïve \U0001f600", 'quote " \\', "line\nfeed"])
        warned.start()
        warned.begin("app")
        warned.done("app")
        warned.done("naïve \U0001f600")
        warned.skipped("docs", "there already")
        warned.skipped("line\nfeed")
        warned.failed("backend", "exit 128: no such repository")
        warned.failed('quote " \\')
        warned.complete(7)

        failed = manager.create("sync-external", {"provider": "example"})
        failed.start()
        failed.update(current=40, current_item="page 41")
        failed.set_cursor({"page": 41, "token": None})
        failed.fail("the server has no such project")
        cancelled = manager.create("sync-external", total=10)
        cancelled.plan(["one", "two"])
        cancelled.cancel("nobody wants it")

        retried = manager.ensure("import-issues", "retried")
        retried.plan(names)
        retried.start()
        for name in names[:5]:
            retried.done(name)
        for name in names[5:8]:
            retried.failed(name, f"no answer for {name}")
        retried.complete()
        retried.retry()
        retried.start()
        retried.done(names[5])
        retried.failed(names[6], "no answer again")
        retried.pause()
        retried.leave()

        asked = manager.ensure("clone-repos", "paused")
        asked.plan(["p1", "p2", "p3"])
        asked.pause("maintenance", retry_after=3155760000)
        limited = manager.ensure("import-issues", "limited", total=500)
        limited.start()
        limited.advance(120)
        limited.set_cursor("page 3")
        limited.rate_limited("github", 1)
        limited.leave()
        left = manager.ensure("clone-repos", "left")
        left.plan(["l1", "l2", "l3", "l4"])
        left.start()
        left.begin("l1")
        left.done("l1")
        left.begin("l2")
        left.begin("l3")
        left.give_back("l3")
        left.leave("the terminal was closed")
        nested = {"nested": {"a": {"b": [1, {"c": "d"}]}}}
        pending = manager.create("import-issues", nested, total=99)
        pending.plan(names[:3])
        pending.set_cursor([1, 2, 3])
        unwatched = manager.create("sync-external", total=1000)
        unwatched.start(detached=True)
        unwatched.update(current=200, current_item="record 200")
        unwatched.advance(-5)
        owner = subprocess.Popen(["sleep", "60"])
        watched = manager.ensure("scripted", "watched")
        watched.plan(["w1", "w2", "w3", "w4"])
        watched.start(detached=True, owner_pid=owner.pid)
        watched.done("w1")
        watched.failed("w2", "exit 1")
        owner.kill()
        owner.wait()
        manager.sync()

    def first_edit(file, jobs):
        file["other tool"] = {"version": "3.1", "seen": [1, 2]}
        file["number"] = 12345678901234567890
        file["jobs"].insert(1, "no job at all")
        file["jobs"].append({"name": "without an id", "status": "pending"})
        file["jobs"].append(foreign("tool-1", "pending", priority="high"))
        file["jobs"].append(foreign("tool-2", "completed_with_warnings", result={"cloned": 3}))
        file["jobs"].append(foreign("tool-3", "archived"))
        jobs[pending.id]["dependsOn"] = [left.id, "tool-1"]
        jobs[pending.id]["config"]["note"] = "by another tool"
        jobs[completed.id]["reviewed"] = {"by": "another tool"}
        jobs[asked.id]["progress"]["itemsCompleted"].append("p1")

    edit(first_edit)
    with opened() as manager:
        manager.sync()
        compact(manager.find(pending.id))

    # From here on behind the snapshot.
    with opened() as manager:
        both = manager.ensure("clone-repos", "both", {"since": "the snapshot"})
        both.plan([f"b{number}" for number in range(8)])
        both.set_total(20)
        code = "for n in range(4): job.done(f'b{n}')"
        code += "\nmeet()\njob.done('b5')\nmeet()"
        worker = Worker(both, code).await_meeting()
        both.plan(["b8", "b9"])  # beside the log
        both.failed("b4", "said by a helper")
        manager.sync()

        def second_edit(file, jobs):
            jobs[both.id]["status"] = "completed"  # in vain: its owner lives
            jobs[both.id]["progress"]["itemsCompleted"].append("b7")
            jobs[watched.id]["status"] = "paused"
            jobs[left.id]["progress"]["itemsCompleted"].append("l3")
            file["other tool"]["seen"] = [1, 2, 3]
            file["jobs"].remove("no job at all")
            file["jobs"].append(["an", "array"])
            jobs["tool-1"]["status"] = "running"

        edit(second_edit)
        manager.sync()
        worker.end()
        old_copy = state_file().read_text()
        manager.find(pending.id).set_cursor("behind the copy")
        manager.sync()
        edit(lambda _, jobs: jobs[pending.id].update(status="paused"), old_copy)
        manager.sync()
        again = manager.find(warned.id)
        again.retry(["backend"])
        again.start()
        again.set_plan(["docs", "backend", "new"])
        again.begin("backend")
        again.leave()
        manager.find(failed.id).retry()
        manager.find(failed.id).fail("it has none yet")
        manager.find(limited.id).set_config({"limit": 500})
        manager.find(asked.id).resume()
        manager.find(asked.id).pause("review")
        later = manager.create("import-issues", total=3)
        later.start()
        later.done("late")
        later.complete()
        lock = os.open(WORK / "owner", os.O_CREAT | os.O_RDWR)
        locked = manager.ensure("scripted", "locked")
        locked.start(owner_fd=lock, detached=True)
        locked.update(done="one", current_item="two")
        os.close(lock)
        assert [job.id for job in manager.removals(2)] == [early.id]
        manager.cleanup(2)
        killed = manager.ensure("import-issues", "killed", {"of": "killed"})
        killed.plan(names)
    code = "for n in (3, 1, 2): job.done(f'issue {n}')"
    code += "\njob.failed('issue 4', 'no')\njob.skipped('issue 5', 'old')\njob.advance(2)"
    code += "\njob.done('not planned')\njob.set_cursor({'page': 5})\njob.begin('issue 9')"
    code += "\nmanager.sync()\nmeet()\njob.done('issue 6')\njob.begin('issue 7')"
    worker = Worker(killed, code).await_meeting()
    with opened() as manager:
        manager.find(killed.id).plan(["beside"])
        manager.find(killed.id).done("issue 12")
    worker.end()

    def last_edit(file, jobs):
        file["jobs"].append(foreign("tool-4", "running", priority="not read yet"))
        jobs[left.id]["seen by"] = "another tool"
        jobs[retried.id]["progress"]["itemsCompleted"].append("issue 8")

    edit(last_edit)


# ---- medium -------------------------------------------------------------------------------------


def medium():
    types = ("import-issues", "clone-repos", "sync-external", "build", "index")
    ids = []
    with opened() as manager:
        for number in range(1500):
            job = manager.ensure(types[number % 5], f"key {number // 5}", total=number % 7)
            ids.append(job.id)
            items = [f"item {n}" for n in range(2 + number % 4)]
            if number % 3:
                job.plan(items)
            if number % 10 < 3:
                continue  # pending
            if number % 10 == 3:
                job.pause("asked" if number % 20 == 3 else "lunch")
                continue
            job.start(detached=number % 10 == 4)
            job.done(items[0])
            if number % 10 == 5:
                job.leave(f"left at {number}")
            elif number % 10 == 6:
                job.fail("no luck")
            elif number % 10 == 7:
                job.failed(items[1], "not found")
                job.complete()
            elif number % 10 > 7:
                job.update(done=items[1])
                job.complete({"number": number})

    def depend(file, jobs):
        for number in range(7, 1500, 50):
            jobs[ids[number]]["dependsOn"] = [ids[number - 7], ids[number - 1]]

    edit(depend)
    with opened() as manager:
        manager.sync()
        compact(manager.find(ids[0]))
        for number in range(5, 1500, 100):
            job = manager.find(ids[number])
            job.start()
            job.skipped("item 1", "known")
            job.leave()


# ---- large --------------------------------------------------------------------------------------


def large():
    names = [f"item-{number}" for number in range(100000)]
    with opened() as manager:
        ended = manager.ensure("import-issues", "ended")
        ended.plan([f"issue-{number}" for number in range(30000)])
        ended.start()
        for number in range(30000):
            ended.done(f"issue-{number}")
        ended.complete({"imported": 30000})
        killed = manager.ensure("import-issues", "killed", {"projects": 1000})
        killed.plan(names)
        killed.start()
        for name in names[:20800]:
            killed.done(name)
        for number, name in enumerate(names[20800:21300]):
            killed.failed(name, f"no such page: {number}")
        for name in names[21300:21600]:
            killed.skipped(name, "known")
        killed.leave()
        compact(killed)
    code = "for n in range(30000, 49200): job.done(f'item-{n}')"
    code += "\nfor n in range(800): job.begin(f'item-{n + 60000}')"
    Worker(killed, code).end()


STORIES = {"small": small, "medium": medium, "large": large}


def make(name):
    WORK.mkdir()
    try:
        STORIES[name]()
        untouched = WORK.with_name(f"{WORK.name}-as-left")
        shutil.copytree(WORK, untouched, symlinks=True)
        try:
            with opened() as manager:
                found = told(manager)
                manager.sync()
                removed = {id: why_not_found(manager, id) for id in removed_ids(WORK)}
            expected = {"jobs": found, "removed": removed, "others": of_others(WORK)}
            pack(HERE / f"{name}.tar.xz", untouched, expected)
        finally:
            shutil.rmtree(untouched)
        size = (HERE / f"{name}.tar.xz").stat().st_size
        print(f"{name}: {len(found)} jobs, {size} bytes; records of the journal: {kinds()}")
    finally:
        shutil.rmtree(WORK)


def main():
    for name in sys.argv[2:] or STORIES:
        make(name)


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) > 1 else __doc__)
