"""Single cases of other tools beside ours. Each gives its findings: "" where all is well.

cases.py [NAME...] [--full]
"""

import sys
import time
from pathlib import Path

import judge
from ours import (
    Project,
    Worker,
    await_true,
    compile_host,
    scratch,
)
from state_file import StateFile, add_item, end_job, find, new_job, now


class Place:
    """A project, another tool's hands in it, and a job of that tool."""

    def __init__(self, name, **options):
        self.directory = Path(name)
        self.project = Project(self.directory / "project")
        self.project.path.mkdir()
        self.tool = StateFile(self.project.path, **options)

    def create(self, id):
        self.tool.edit(lambda document: document.setdefault("jobs", []).append(new_job(id)))

    def change(self, id, change):
        """Whether it was written."""

        def on_job(document):
            job = find(document, id)
            return job is not None and change(job)

        return self.tool.edit(on_job)

    def set(self, id, **members):
        return self.change(id, lambda job: job.update(members))

    def in_file(self, id):
        return find(self.project.load(), id)

    def worker(self, kind, command, between_ms=20, job_seconds=600):
        return Worker(self.project, kind, self.directory, command, between_ms, job_seconds)

    def running(self, type):
        """The id of the running job of this type."""
        jobs = self.project.jobs()
        ids = [j["id"] for j in jobs if j["type"] == type and j["status"] == "running"]
        return ids[0] if ids else None

    def said(self, worker):
        return judge.Claims(worker.log)


def paused_once(edits=2000, between=0.004, beside=True):
    """A job of theirs that one of ours has paused and resumed once: all later edits are kept."""
    with scratch() as name:
        place = Place(name)
        id = "theirs01"
        place.create(id)
        place.change(id, lambda job: add_item(job, "item-0"))
        place.project.bgjobs("pause", id)
        place.project.bgjobs("resume", id)
        place.set(id, status="running")
        worker = None
        if beside:
            worker = place.worker("c", [compile_host(name)], between_ms=5)
            worker.start()
        items, written = ["item-0"], 0
        for number in range(1, edits + 1):
            if place.change(id, lambda job, number=number: add_item(job, f"item-{number}")):
                items.append(f"item-{number}")
                written += 1
            time.sleep(between)
        place.change(id, lambda job: end_job(job, "completed"))
        if worker:
            (place.directory / "stop").touch()
            worker.end(20)
        place.project.publish()
        job = place.in_file(id)
        there = set(job["progress"]["itemsCompleted"]) if job else set()
        lost = [item for item in items if item not in there]
        found = f"{written} edits, {len(lost)} lost"
        wrong = (
            "" if job and job["status"] == "completed" else f", ended as {job and job['status']}"
        )
        shown = place.project.show(id)
        if shown is None or shown["status"] != "completed":
            wrong += f", shown as {shown and shown['status']}"
        return found + wrong, (found + wrong) if lost or wrong else ""


def _calls_with_the_lock(place, job):
    """The system calls that `bgjobs done` makes while it has the other tools' lock: (name, n)."""
    trace = place.directory / "trace"
    before = ["strace", "-qqq", "-f", "-o", trace]
    place.project.bgjobs("done", job, f"dry-{time.monotonic()}", before=before)
    counts, held, is_held = {}, [], False
    for line in trace.read_text().splitlines():
        words = line.split(None, 1)
        name = words[1].split("(")[0] if len(words) == 2 and "(" in words[1] else None
        if name is None or not name.isidentifier():
            continue
        counts[name] = counts.get(name, 0) + 1
        if is_held:
            held.append((name, counts[name]))
        is_about = "background-jobs.lock" in line
        if is_about and name.startswith("unlink"):
            is_held = False
        elif is_about and " = -1" not in line and name in ("open", "openat", "link", "linkat"):
            is_held = True
    return held


def killed_holder(stale="content", most=40):
    """One of ours is killed at each call it makes with the lock; how long a tool then waits."""
    waits, points, left = [], 0, 0
    with scratch() as name:
        place = Place(name, stale=stale)
        place.create("theirs01")
        job = place.project.out("create", "x", "--total", 1000)
        place.project.bgjobs("start", job)
        held = _calls_with_the_lock(place, job)
        if not held:
            return "no lock was held", "nothing of ours takes background-jobs.lock"
        step = max(1, len(held) // most)
        for number, (call, ordinal) in enumerate([*held[:-1:step], held[-1]]):
            points += 1
            trap = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={ordinal}"]
            before = ["strace", "-qqq", "-f", "-o", "/dev/null", *trap]
            for attempt in range(5):  # a publication may not be due
                time.sleep(0.05)
                item = f"{call}-{ordinal}-{attempt}"
                place.project.bgjobs("done", job, item, before=before)
                if place.tool.lock_path.exists():
                    break
            if not place.tool.lock_path.exists():
                continue
            left += 1
            began = time.monotonic()
            place.change("theirs01", lambda job, n=number: add_item(job, f"item-{n}"))
            waits.append((time.monotonic() - began, f"{call} #{ordinal}"))
        place.project.publish()
        there = place.in_file("theirs01")["progress"]["itemsCompleted"]
    if not waits:
        return f"{points} kills, none left a lock", ""
    worst, where = max(waits)
    found = f"{points} kills, {left} left the lock; a {stale} tool waited ≤ {worst * 1000:.0f} ms"
    found += f" ({where}); {left - len(there)} of its {left} edits lost"
    late = sorted({where for wait, where in waits if wait > 0.1})
    found += f"; over 100 ms: {', '.join(late)}" if late else ""
    bad = worst > 1 or len(there) != left
    return found, found if bad else ""


def requests(patience=8.0):
    """A tool pauses, resumes, completes and fails the job that a living host of ours works on."""
    with scratch() as name:
        place = Place(name)
        project = place.project
        project.bgjobs("create", "first")
        worker = place.worker("c", [compile_host(name)])
        worker.start()
        id = await_true(lambda: place.running("ours-c"))
        wrong = []

        def said(word, times=1):
            return lambda: place.said(worker).counts.get(word, 0) >= times

        await_true(lambda: find_in(project, id))
        place.set(id, status="paused")
        if not await_true(said("paused"), patience):
            wrong.append("a pause by another tool is not seen by the host")
        elif project.info(id)["status"] != "paused":
            wrong.append("after a pause by another tool, show says " + project.info(id)["status"])
        await_true(lambda: place.in_file(id)["status"] == "paused", patience)
        place.set(id, status="running")
        if not wrong and not await_true(said("resumed"), patience):
            wrong.append("a resume by another tool is not seen by the host")
        if wrong:
            project.bgjobs("resume", id)
        before = labels(project.bgjobs("show", id).stdout)
        for status in ("completed", "failed"):
            await_true(lambda: place.in_file(id)["status"] == "running", patience)
            place.set(id, status=status, completedAt=now())
            back = await_true(lambda: place.in_file(id)["status"] == "running", patience)
            if not back:
                wrong.append(f"{status} by another tool stays in the file")
            if project.info(id)["status"] != "running":
                wrong.append(f"{status} by another tool: show says {project.info(id)['status']}")
            if not judge.told(project.bgjobs("check").stdout, [id]):
                wrong.append(f"{status} by another tool: check does not tell of it")
            if not tells(project.bgjobs("show", id).stdout, status, before):
                wrong.append(f"{status} by another tool: show does not tell of it")
        (place.directory / "stop").touch()
        worker.end(20)
        project.publish()
        claims = place.said(worker)
        found, _ = judge.count(claims, project.load(), project.show, is_ours=True)
        if claims.counts.get("refused"):
            wrong.append("the living host was refused")
        if found["wrong"] or found["lost"] or claims.jobs[id].status != "completed":
            wrong.append(f"at the end: {found['lost']} lost, {found['wrong']} wrong statuses")
        text = f"{found['items']} acknowledged" + "".join("; " + w for w in wrong)
        return text, text if wrong else ""


def find_in(project, id):
    return find(project.load(), id)


def labels(text):
    return {line.split(":")[0] for line in text.splitlines() if ":" in line}


def tells(text, word, before):
    """Whether a line that was not there before, or the text behind a label, has the word."""
    lines = [line.partition(":") for line in text.splitlines()]
    return any(
        word in value or (word in label and label not in before) for label, _, value in lines
    )


def no_list(_=None):
    """`jq 'del(.jobs)'` by another tool: a list that is missing is not an empty one."""
    with scratch() as name:
        place = Place(name)
        ids = [place.project.out("create", "x") for _ in range(3)]
        place.create("theirs01")
        place.project.publish()
        document = place.tool.load()
        del document["jobs"]
        place.tool.save(document)
        place.project.publish()
        gone = [id for id in [*ids, "theirs01"] if find(place.project.load(), id) is None]
        found = f"{len(gone)} of 4 jobs gone"
        return found, found if gone else ""


SHORT = {
    "paused once, alone": lambda: paused_once(200, 0.004, beside=False),
    "paused once, beside a publisher": lambda: paused_once(300),
    "killed holder, content": lambda: killed_holder("content", most=8),
    "killed holder, mtime": lambda: killed_holder("mtime", most=8),
    "requests of a tool": requests,
    "no list of jobs": no_list,
}
FULL = {
    **SHORT,
    "paused once, alone": lambda: paused_once(2000, 0.004, beside=False),
    "paused once, beside a publisher": lambda: paused_once(2000),
    "killed holder, content": lambda: killed_holder("content"),
    "killed holder, mtime": lambda: killed_holder("mtime"),
}


def main(names=(), cases=FULL):
    from orphans import ORPHANS, orphan_check
    from races import RACES

    failed = 0
    if cases is FULL:
        ORPHANS["orphan check"] = lambda: orphan_check(30)
    cases = {**cases, **ORPHANS, **RACES}
    for name, case in cases.items():
        if names and name not in names:
            continue
        found, bad = case()
        failed += bool(bad)
        print(f"{'FAILS' if bad else 'ok':<6} {name}: {found}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    words = sys.argv[1:]
    full = "--full" in words
    sys.exit(main([w for w in words if w != "--full"], FULL if full else SHORT))
