"""What the jobs of a store are, of what stands in its files, where no process is at work."""

import json

import reader

STATES = (None, "failed", "skipped", "done")  # a later one beats those before
STATUSES = {5: "running", 7: "running", 8: "paused", 10: "completed", 11: "failed"}
STATUSES.update({12: "pending", 30: "pending"})


class Job:
    def __init__(self, text, logs=()):
        ours, progress = text.get("bgjobs", {}), text.get("progress", {})
        self.id, self.type, self.status = text["id"], text["type"], text["status"]
        self.key, self.reason, self.cursor = map(ours.get, ("key", "reason", "cursor"))
        self.is_ours, self.plan = "bgjobs" in text, ours.get("plan", [])
        self.why, self.ended = ours.get("failures", {}), {}
        self.ended.update(dict.fromkeys(progress.get("itemsCompleted", []), "done"))
        self.ended.update(dict.fromkeys(progress.get("itemsFailed", []), "failed"))
        for item, *why in ours.get("skipped", []):
            self.end(item, "skipped", *why)
        self.owner = ours.get("owner")
        self.log = None  # number, salt, records and bytes that are in the job already
        self.crew = {}  # of a shared job likewise, by the numbers of its workers
        workers = [one.get("owner", self.owner) for one in ours.get("workers", [])]
        for number, records, place, *_ in logs:
            if self.owner and number == self.owner.get("log") and not workers:
                self.log = [number, int(self.owner["salt"], 16), records, place]
            for one in workers:
                if number == one["log"]:
                    self.crew[number] = [number, int(one["salt"], 16), records, place]

    def end(self, item, state, why=None):
        before = self.ended.get(item)
        if before == state:  # one reason stays, whatever came first
            why = max(
                self.why.get(item), why, key=lambda text: reader.crc32c((text or "").encode())
            )
        elif STATES.index(before) < STATES.index(state):
            self.ended.pop(item, None)
            self.why.pop(item, None)
            self.ended[item] = state
        if why is not None and self.ended[item] == state:
            self.why[item] = why

    def apply(self, report):
        for bit, state in ((4, "done"), (5, "failed"), (14, "skipped")):
            if bit in report:
                self.end(report[bit], state, report.get(6))
        for item in report.get(15, []):
            self.end(item, "done")
        if 7 in report:
            self.cursor = json.loads(report[7])

    def edit(self, theirs, life, paths, has_lists):
        """What another tool has written."""
        if "type" in paths or not self.is_ours:
            self.type = theirs.type
        if life or not self.is_ours:
            self.status, self.reason = theirs.status, None
            if not self.log and self.status not in ("running", "paused"):
                self.owner = None
        if has_lists and (life == 1 or not self.is_ours):
            # It has no plan, no skipped items, and no word why items failed.
            before, self.ended = self.ended, theirs.ended
            for item, state in before.items():
                if state == "skipped":
                    self.end(item, state, self.why.get(item))

    def told(self):
        """In the form of told.py."""
        is_left = self.status == "running" and {"log", "pid", "lock"} & (self.owner or {}).keys()
        items = {state: [] for state in ("done", "skipped", "failed")}
        for item, state in self.ended.items():
            items[state].append(item)
        items["rest"] = [item for item in dict.fromkeys(self.plan) if item not in self.ended]
        return {
            "type": self.type,
            "key": self.key,
            "status_name": "paused" if is_left else self.status,
            "reason": "interrupted" if is_left else self.reason,
            "cursor": self.cursor,
            "items": {**items, "why": self.why},
        }


class Replay:
    def __init__(self, project):
        self.store, self.jobs = reader.Store(project), {}
        for kind, seq, said, had in self.store.events():
            if kind in (1, 31):
                logs, jobs = said["bgjobs"]["logs"], said["jobs"]
                found = (job for job in jobs if isinstance(job, dict) and "id" in job)
                self.jobs = {job["id"]: Job(job, logs) for job in found}
            elif kind == 16:
                self.jobs[said[0]["id"]] = Job(said[0])
            elif kind in (17, 25):
                life, paths, text = said
                has_lists = {"itemsCompleted", "itemsFailed"} <= text.get("progress", {}).keys()
                self.jobs[text["id"]].edit(Job(text), life, paths, has_lists)
            else:
                self.event(kind, seq, *said, had=had)
        for job in self.jobs.values():
            self.fold(job)

    def fold(self, job, limit=float("inf")):
        """The rest of a job's open log, up to so many records of it."""
        for log in [job.log] if job.log else job.crew.values():
            for report, place in self.store.records(*log):
                if log[2] >= limit:
                    return
                job.apply(report)
                log[2:] = log[2] + 1, place

    def event(self, kind, seq, id, *said, had):
        if kind == 4:
            new = {"id": id, "type": said[0], "status": "pending", "bgjobs": {"key": said[1]}}
            self.jobs[id] = Job(new)
        job = self.jobs[id]
        job.is_ours = True
        if kind in (5, 6, 7, 10, 11, 12, 13, 30, 40, 41, 43):
            self.fold(job)
            log = job.crew.get(said[0]) if kind == 43 else job.log
            assert had is None or not log or had == log[2]
        self.live(job, kind, seq, said)
        if kind == 13:
            del self.jobs[id]
        elif kind in (12, 30, 40):
            failed = [item for item, state in job.ended.items() if state == "failed"]
            for item in said[0] if kind == 30 else failed:
                del job.ended[item]
                job.why.pop(item, None)
        elif kind == 14:
            self.fold(job, said[0].get(11, 0))
            job.apply(said[0])
        elif kind == 15:
            job.plan = [*job.plan, *said[0]]
        elif kind in (21, 26):
            self.fold(job, said[0])
            job.plan = [*(job.plan if kind == 21 else []), *said[2]]
        elif kind == 22:
            for state, items in zip(("done", "failed"), said):
                for item in items:
                    job.end(item, state)

    def live(self, job, kind, seq, said):
        """What an event does to status and owner."""
        if kind == 5:
            _, salt, is_roll = said
            job.log, job.owner = [seq, salt, 0, 0], {"log": seq}
            if is_roll:
                return
        elif kind == 42:
            job.crew[seq], job.owner = [seq, said[1], 0, 0], {"log": seq}
            job.status, job.reason = "running", None
        elif kind == 43:
            job.crew.pop(said[0], None)
            if not job.crew:
                job.owner = None
                if job.status == "running":
                    job.status, job.reason = "paused", "interrupted"
        elif kind == 7:
            pid, lock = said
            job.log, job.owner = None, {"pid": pid} if pid else {"lock": lock} if lock else {"": 0}
        elif kind in (6, 10, 40, 41) or (kind == 11 and not said[2]):
            job.log = job.owner = None
        if kind in (6, 41) and job.status == "running":
            job.status, job.reason = "paused", "interrupted"
        elif kind == 39:
            job.status, job.reason = "pending", None
        elif kind == 40:
            job.status, job.reason = "pending", "retrying"
        elif kind == 9:
            job.status, job.reason = "running" if job.owner else "pending", None
        elif kind in STATUSES:
            job.status, job.reason = STATUSES[kind], said[0] if kind in (8, 11) else None
