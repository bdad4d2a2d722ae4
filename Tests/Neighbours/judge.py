"""Compares what was logged as written with what the state file and `bgjobs show` have then."""

import json
from dataclasses import dataclass, field

from state_file import find


@dataclass
class Claimed:
    """What one log says about one job."""

    items: list = field(default_factory=list)
    status: str = ""
    removed: bool = False
    sets: dict = field(default_factory=dict)


class Claims:
    def __init__(self, path):
        self.jobs, self.top = {}, {}
        self.lost_early = self.wrong_early = 0
        self.counts = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            what, *rest = line.split(" ", 3 if line.startswith("set") else 2)
            self.counts[what] = self.counts.get(what, 0) + 1
            if what == "top":
                self.top[rest[0]] = json.loads(rest[1])
                continue
            job = self.jobs.setdefault(rest[0], Claimed())
            if what == "item":
                job.items.append(rest[1])
            elif what == "end":
                job.status = rest[1]
            elif what == "set":
                job.sets[rest[1]] = json.loads(rest[2])
            elif what == "removed":
                job.removed = True
            elif what == "lost":
                self.lost_early += 1
            elif what == "wrong":
                self.wrong_early += 1


def member(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def lost_items(claimed, job):
    there = set(job["progress"]["itemsCompleted"]) if job else set()
    return [item for item in claimed.items if item not in there]


def count(claims, document, show, is_ours=False):
    """What is missing from the document, or from what `show` gives for an id (None: nothing).

    Also how much each job, or member at the top, has lost: by its id or name.
    """
    numbers = dict.fromkeys(
        ("items", "lost", "jobs", "wrong", "members", "members_lost", "risen", "expired"), 0
    )
    losers = {}

    def lose(what, who, number=1):
        numbers[what] += number
        if number:
            losers[who] = losers.get(who, 0) + number

    lose("lost", "removed", claims.lost_early)
    lose("wrong", "removed", claims.wrong_early)
    ended = sum(job.status != "" for job in claims.jobs.values())
    for id, claimed in claims.jobs.items():
        job = find(document, id)
        numbers["jobs"] += bool(claimed.items)
        numbers["items"] += len(claimed.items)
        if claimed.removed:
            lose("risen", id, int(job is not None))
            continue
        if is_ours and job is None and claimed.status and numbers["expired"] < ended - 10:
            # Completing removes completed jobs of ours beyond the last ten.
            numbers["expired"] += 1
            continue
        lost = set(lost_items(claimed, job))
        if show and claimed.items:
            lost |= set(lost_items(claimed, show(id)))
        lose("lost", id, len(lost))
        lose("wrong", id, int(claimed.status not in ("", job and job["status"])))
        if job is None and not claimed.items:
            continue  # of a job of ours only: its own log judges it
        numbers["members"] += len(claimed.sets)
        wrong = [path for path, value in claimed.sets.items() if member(job, path) != value]
        lose("members_lost", id, len(wrong))
    numbers["members"] += len(claims.top)
    for path, value in claims.top.items():
        lose("members_lost", path.split(".")[0], int(member(document, path) != value))
    return numbers, losers


def told(report, losers):
    """Those that a finding of `bgjobs check` names."""
    findings = [line for line in report.splitlines() if not line.endswith("sound")]
    findings = [line for line in findings if "records of job" not in line]
    return [who for who in losers if any(who in line for line in findings)]


def add(total, numbers):
    for name, number in numbers.items():
        total[name] = total.get(name, 0) + number
