"""What the library tells of the jobs of a store, as JSON: all that neither time nor place changes.

told.py PROJECT prints it, of a manager that only reads. Here is also what packs and unpacks stores
that older versions have left: see Tests/Data/format-1.
"""

import io
import json
import lzma
import os
import sys
import tarfile
from decimal import Decimal
from pathlib import Path

import bgjobs

STATE = ".specweave/state"
#: Of JobInfo. The others depend on the present time, or on who lives.
FIELDS = (
    *("id", "type", "key", "status_name", "reason", "error", "current", "total", "percentage"),
    *("current_item", "items_completed", "items_failed", "items_open", "items_skipped"),
    *("items_under_way", "attempts", "pause_acknowledged", "refused_status", "has_warnings"),
)
TIMES = ("created", "started", "updated", "completed", "resume_at", "refused")
#: In the order in which the library lists them.
ORDER = ("done", "skipped", "failed", "rest")


def told(manager):
    """Of each job, by id, in the order of the list."""
    return {info.id: told_of(manager.find(info.id), info) for info in manager.list()}


def told_of(job, info=None):
    info = info or job.info()
    seen = {name: getattr(info, name) for name in FIELDS}
    for name in TIMES:
        time = getattr(info, name)
        seen[name] = time and time.isoformat()
    seen["status"] = info.status.name
    # The owner of a detached job that nobody watches works on, for all we know.
    is_timed = info.status is bgjobs.JobStatus.RUNNING
    seen["active"] = None if is_timed else round(info.active.total_seconds() * 1000)
    seen["items"] = items_of(job)
    seen["cursor"] = job.cursor
    seen["members"] = members_of(job, seen)
    seen["order"] = list(seen["members"])
    return seen


def items_of(job):
    """Their names by state; why, and attempts, where there is something to tell."""
    items = {name: [] for name in ORDER}
    why, attempts = {}, {}
    for item in job.items():
        state = item.state.name.lower()
        # Who is at an item that has not ended depends on who lives.
        items.setdefault(state if state in ORDER else "rest", []).append(item.name)
        if item.why is not None:
            why[item.name] = item.why
        if item.attempts != (state in ORDER):
            attempts[item.name] = item.attempts
    return {**items, "why": why, "attempts": attempts}


def members_of(job, seen):
    """The job as the state file has it, without what is private or told already."""
    members = job.json()
    members.pop("bgjobs", None)
    progress = members.get("progress")
    if isinstance(progress, dict):
        for name, state in (("itemsCompleted", "done"), ("itemsFailed", "failed")):
            if progress.get(name) == seen["items"][state]:
                del progress[name]
        for name in ("rate", "eta"):
            progress.pop(name, None)
    return members


def why_not_found(manager, id):
    """How a removed job ended, in the words of the library."""
    try:
        manager.find(id)
    except bgjobs.NotFound as problem:
        return problem.message
    return None


def of_others(project):
    """What other tools have in the state file, beside the jobs and their members."""
    file = json.loads(Path(project, STATE, "background-jobs.json").read_bytes())
    entries = [job for job in file["jobs"] if not isinstance(job, dict) or "id" not in job]
    top = {name: value for name, value in file.items() if name not in ("jobs", "bgjobs")}
    return {"top": top, "entries": entries}


def removed_ids(project):
    file = json.loads(Path(project, STATE, "background-jobs.json").read_bytes())
    return [entry[0] for entry in file["bgjobs"].get("removed", [])]


# ---- Archives -----------------------------------------------------------------------------------

# The library knows its state file by the nanoseconds of its time, which tarfile would round.


def pack(archive, project, expected):
    project = Path(project)
    with (
        lzma.open(archive, "wb", preset=9 | lzma.PRESET_EXTREME) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in (
            project / ".specweave",
            project / STATE,
            *sorted((project / STATE).rglob("*")),
        ):
            entry = tar.gettarinfo(path, path.relative_to(project))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            seconds = Decimal(path.stat().st_mtime_ns).scaleb(-9)
            entry.pax_headers = {"mtime": f"{seconds:f}"}
            with open(path, "rb") if path.is_file() else io.BytesIO() as data:
                tar.addfile(entry, data)
        data = json.dumps(expected, indent=1, ensure_ascii=False).encode()
        entry = tarfile.TarInfo("expected.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))


def unpack(archive, project):
    """Makes the project as it was, and gives what is expected of it."""
    expected = None
    with lzma.open(archive) as file, tarfile.open(fileobj=file, mode="r") as tar:
        entries = tar.getmembers()
        for entry in entries:
            path = Path(project, entry.name)
            if entry.name == "expected.json":
                expected = json.load(tar.extractfile(entry))
            elif entry.isdir():
                path.mkdir()
            else:
                path.write_bytes(tar.extractfile(entry).read())
    for entry in reversed(entries):
        path = Path(project, entry.name)
        if path.exists():
            path.chmod(entry.mode)
            time = int(Decimal(entry.pax_headers["mtime"]).scaleb(9))
            os.utime(path, ns=(time, time))
    return expected


if __name__ == "__main__":
    with bgjobs.JobManager(sys.argv[1], read_only=True) as manager:
        manager.check()
        json.dump(told(manager), sys.stdout)
