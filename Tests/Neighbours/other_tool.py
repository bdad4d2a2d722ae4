"""Another tool of the state file's format: works on jobs of its own, and logs what it has written.

    other_tool.py PROJECT LOG [--kind jobs|editor|jq-cat|jq-mv|checker] [OPTIONS]

It runs until SIGTERM, or for --seconds. Its log has a line for each thing whose write has returned:

    begin ID | item ID NAME | set ID MEMBER JSON | top MEMBER JSON | end ID STATUS | removed ID
    lost ID NAME | wrong ID STATUS (found when it looked at a finished job before removing it)

At its end it prints its numbers as JSON.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from state_file import StateFile, add_item, end_job, find, new_job, now

FINISHED = ("completed", "completed_with_warnings", "failed")
KNOWN = (*FINISHED, "pending", "running", "paused")


class Tool:
    def __init__(self, options):
        self.options = options
        self.file = StateFile(
            options.project, options.lock, options.stale, options.poll_ms / 1000, options.unreadable
        )
        self.name = options.name or f"tool{os.getpid()}"
        self.log_file = os.open(options.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        self.chance = random.Random(options.seed)
        self.deadline = time.monotonic() + options.seconds
        self.is_stopped = False
        self.items = self.jobs = self.vanished = self.failed = 0
        self.finished = []
        self.log_of = {}
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, *_):
        self.is_stopped = True

    @property
    def goes_on(self):
        return not self.is_stopped and time.monotonic() < self.deadline

    def log(self, *words):
        os.write(self.log_file, (" ".join(words) + "\n").encode())

    def rest(self):
        time.sleep(self.options.between_ms / 1000)

    def edit(self, change):
        least, most = map(float, self.options.think_ms.split(","))
        pause = self.chance.uniform(least, most) / 1000 if self.options.kind == "editor" else 0
        return self.file.edit(change, pause)

    # Jobs of its own.

    def change_job(self, id, change):
        """Whether it is written. A job that is gone is given three seconds to come back."""
        deadline = time.monotonic() + 3

        def on_job(document):
            job = find(document, id)
            return job is not None and change(document, job)

        while True:
            if self.edit(on_job):
                return True
            self.vanished += not self.file.was_unreadable
            if time.monotonic() > deadline:
                return False
            self.rest()

    def work(self):
        while self.goes_on:
            self.one_job()
            if self.options.keep >= 0:
                while len(self.finished) > self.options.keep:
                    self.remove(self.finished.pop(0))

    def one_job(self):
        id = secrets.token_hex(4)

        def create(document):
            document.setdefault("jobs", []).append(new_job(id))

        self.edit(create)
        self.log("begin", id)
        self.jobs += 1
        items = []
        end = time.monotonic() + self.options.job_seconds * self.chance.uniform(0.7, 1.3)
        while self.goes_on and time.monotonic() < end:
            self.rest()
            items.append(f"item-{len(items) + 1}")
            said = []

            def report(document, job, items=items, said=said):
                said.clear()
                add_item(job, items[-1])
                if len(items) % 5 == 0:
                    said += self.other_members(document, job, len(items))

            if not self.change_job(id, report):
                items.pop()
                break
            self.log("item", id, items[-1])
            for words in said:
                self.log(*words)
            self.items += 1
        status = "completed_with_warnings" if self.jobs % 2 else "completed"
        if self.change_job(id, lambda _, job: end_job(job, status)):
            self.log("end", id, status)
        self.log_of[id] = (items, status)
        self.finished.append(id)

    def other_members(self, document, job, number):
        """Its config, its result, what is its own at the top, and one member of a job of ours."""
        job["config"]["note"] = number
        job.setdefault("result", {})["cloned"] = number
        document.setdefault("shared", {})[self.name] = f"{job['id']}-{number}"
        # Never a value that it had before: without the lock that looks like an old copy.
        document[self.name] = f"{job['id']}-{number}"
        said = [
            ("set", job["id"], "config.note", str(number)),
            ("set", job["id"], "result.cloned", str(number)),
            ("top", f"shared.{self.name}", json.dumps(f"{job['id']}-{number}")),
            ("top", self.name, json.dumps(f"{job['id']}-{number}")),
        ]
        ours = [j for j in document["jobs"] if j.get("type", "").startswith("ours-")]
        if ours and self.options.touch_ours:
            ours[-1].setdefault("config", {})[self.name] = number
            said.append(("set", ours[-1]["id"], f"config.{self.name}", str(number)))
        return said

    def remove(self, id):
        """Looks at a finished job for the last time, and removes it."""
        items, status = self.log_of.pop(id)

        def take(document, job):
            there = set(job["progress"]["itemsCompleted"])
            for item in items:
                if item not in there:
                    self.log("lost", id, item)
            if job["status"] != status:
                self.log("wrong", id, job["status"])
            document["jobs"].remove(job)

        if self.change_job(id, take):
            self.log("removed", id)

    # With jq, in a shell.

    def jq(self, filter, **names):
        way = 'cat "$T" > "$F"' if self.options.kind == "jq-cat" else 'mv "$T" "$F"'
        words = [word for name in names for word in ("--arg", name, names[name])]
        file = self.file.path
        done = subprocess.run(
            ["sh", "-c", f'jq "$@" "$F" > "$T" && {way}', "sh", *words, filter],
            env={**os.environ, "F": str(file), "T": f"{file}.{self.name}"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.file.unparseable += "parse error" in done.stderr
        self.vanished += "gone" in done.stderr
        self.failed += done.returncode != 0
        return done.returncode == 0

    def work_with_jq(self):
        mine = "if any(.jobs[]; .id == $id) then (.jobs[] | select(.id == $id)) |= (%s)"
        mine += ' else error("gone") end'
        if not self.file.path.exists():
            self.file.save({"jobs": []})
        while self.goes_on:
            id = secrets.token_hex(4)
            job = json.dumps(new_job(id))
            if not self.jq(".jobs += [$job | fromjson]", job=job):
                self.rest()
                continue
            self.log("begin", id)
            end, n = time.monotonic() + self.options.job_seconds, 0
            while self.goes_on and time.monotonic() < end:
                self.rest()
                item = f"item-{n + 1}"
                if self.jq(mine % ".progress.itemsCompleted += [$item]", id=id, item=item):
                    self.log("item", id, item)
                    self.items += 1
                    n += 1
            for _ in range(60):
                ended = ".status = $status | .completedAt = $now"
                if self.jq(mine % ended, id=id, status="completed", now=now()):
                    self.log("end", id, "completed")
                    break
                self.rest()

    # The orphan check and the cleanup.

    def check(self):
        """Fails what runs without a live worker, and removes finished jobs beyond --keep."""

        def look(document):
            jobs = document.get("jobs") or []
            before = json.dumps(jobs)
            for job in jobs:
                if job.get("status") == "running" and not self.lives(job["id"]):
                    job.update(status="failed", error="Worker process died", completedAt=now())
                    job["updatedAt"] = now()
                    self.log("failed", job["id"])
            ended = [j for j in jobs if j["status"] in FINISHED or j["status"] not in KNOWN]
            ended.sort(key=lambda j: j.get("completedAt") or "")
            for job in ended[: len(ended) - max(self.options.keep, 0)]:
                jobs.remove(job)
                self.log("removed", job["id"])
            return json.dumps(jobs) != before

        while self.goes_on:
            time.sleep(0.2)
            self.edit(look)

    def lives(self, id):
        try:
            text = (self.file.path.parent / "jobs" / id / "worker.pid").read_text()
            os.kill(int(text), 0)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True

    def run(self):
        if self.options.kind == "checker":
            self.check()
        elif self.options.kind.startswith("jq"):
            self.work_with_jq()
        else:
            self.work()
        numbers = self.file.numbers()
        numbers |= {"items": self.items, "jobs": self.jobs, "vanished": self.vanished}
        numbers["jq_failed"] = self.failed
        print(json.dumps(numbers), flush=True)


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("log", type=Path)
    kinds = ["jobs", "editor", "jq-cat", "jq-mv", "checker"]
    parser.add_argument("--kind", choices=kinds, default="jobs")
    parser.add_argument("--lock", choices=["inside", "outside", "none"], default="inside")
    parser.add_argument("--stale", choices=["content", "mtime"], default="content")
    parser.add_argument("--unreadable", choices=["empty", "retry"], default="empty")
    parser.add_argument("--poll-ms", type=float, default=5)
    parser.add_argument("--between-ms", type=float, default=20)
    parser.add_argument("--think-ms", default="200,2000", help="of an editor: from, to")
    parser.add_argument("--job-seconds", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--keep", type=int, default=-1, help="finished jobs to keep; -1: all")
    parser.add_argument("--touch-ours", action="store_true", help="write into jobs of ours, too")
    parser.add_argument("--name")
    parser.add_argument("--seed")
    options = parser.parse_args(words)
    if options.kind == "editor":
        options.lock = "none"
    return options


if __name__ == "__main__":
    Tool(arguments(sys.argv[1:])).run()
