"""What the library finds in a project, as JSON: look.py PROJECT (read | write)

read: without a change. write: it mends what is to be mended, and publishes.
"""

import json
import sys
from pathlib import Path

from bgjobs import Damaged, ItemState, JobManager


def seen(manager, info):
    job = manager.find(info.id)
    items = job.items()
    names = {state: [item.name for item in items if item.state is state] for state in ItemState}
    ended = {item.name for item in items if has_ended(item)}
    cursor, config, whole = job.cursor, job.config, job.json()
    # An item that no plan has and that did not end is in no list while nobody works on it.
    begun = [name for name, *_ in whole["bgjobs"].get("begun", []) if name not in ended]
    return {
        "id": info.id,
        "key": info.key,
        "status": info.status_name,
        "reason": info.reason,
        "waits": info.resume_at is not None,
        "attempts": info.attempts,
        "items": len(items),
        "done": names[ItemState.DONE],
        "failed": names[ItemState.FAILED],
        "skipped": names[ItemState.SKIPPED],
        "begun": begun,
        "advances": info.current - len(ended),
        "cursor": cursor and cursor["step"],
        "config": {name: config.get(name) for name in ("number", "round", "end")},
        "result": whole.get("result"),
        "whys": sorted({item.why for item in items if item.why}),
    }


def has_ended(item):
    return item.state in (ItemState.DONE, ItemState.FAILED, ItemState.SKIPPED)


def set_aside(project):
    state = Path(project, ".specweave/state")
    return [str(path.relative_to(state)) for path in state.rglob("*.corrupt-*")]


def published(project):
    """Jobs of the state file by id, or None; not by our library. Raises if it is not JSON."""
    file = Path(project, ".specweave/state/background-jobs.json")
    if not file.exists():
        return None
    return {job["id"]: job for job in json.loads(file.read_bytes())["jobs"]}


def main(project, how):
    found = {"damage": [], "published": None, "set_aside": set_aside(project)}
    try:
        found["published"] = published(project)
    except ValueError as problem:
        found["damage"].append(f"the state file: {problem}")
    with JobManager(project, read_only=how == "read") as manager:
        if how == "write":
            manager.sync()
            found["published"] = published(project)
        found["jobs"] = [seen(manager, info) for info in manager.list()]
        try:
            found["report"] = manager.check()
        except Damaged as problem:
            found["damage"].append(f"check: {problem}")
    found["set_aside"] += set_aside(project)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
