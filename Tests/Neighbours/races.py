"""Cases in which another tool writes at one certain moment of a publication of ours.

strace holds our command there. The moments are met by sleeping: who misses one sees no loss.
"""

import subprocess
import time

import judge
from cases import Place
from ours import ENVIRONMENT, PROGRAM, descendants, kill, scratch, spawn
from state_file import add_item, end_job, find

ID = "theirs01"


def held(place, calls, delays, *words):
    """The command, which sleeps a while in these system calls."""
    before = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={calls}"]
    before += ["-e", f"inject={calls}:{delays}"]
    return spawn(
        [*before, PROGRAM, *words],
        cwd=place.project.path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def add(place, item, **members):
    place.change(ID, lambda job: (add_item(job, item), job.update(members))[0])


def verdict(place, *items, status=None):
    place.project.publish()
    job = place.in_file(ID)
    there = job["progress"]["itemsCompleted"] if job else []
    lost = [item for item in items if item not in there]
    shown = place.project.show(ID)
    missing = [
        item for item in items if not shown or item not in shown["progress"]["itemsCompleted"]
    ]
    found = f"lost {lost}" if lost else "all kept"
    found += f", show does not have {missing}" if missing != lost else ""
    if status and (not job or job["status"] != status):
        found += f", ended as {job and job['status']}"
        lost = lost or [status]
    if lost and judge.told(place.project.bgjobs("check").stdout, [ID]):
        return found + ", told by check", ""
    return found, found if lost or missing else ""


def prepared(name, **options):
    place = Place(name, **options)
    place.create(ID)
    ours = place.project.out("create", "x", "--total", "9")
    place.project.bgjobs("start", ours)
    add(place, "item-1")
    place.project.bgjobs("done", ours, "o1")
    return place, ours


def during_sync():
    """Edits while a publication is synced to a slow disk."""
    with scratch() as name:
        place, ours = prepared(name)
        slow = held(place, "fsync", "delay_enter=1000000", "done", ours, "o2")
        time.sleep(0.5)
        add(place, "item-2")
        time.sleep(1)
        add(place, "item-3")
        slow.wait()
        return verdict(place, "item-1", "item-2", "item-3")


def second_edit():
    """Two edits in a row of a job that one of ours has touched; the second ends it."""
    with scratch() as name:
        place, _ = prepared(name)
        place.project.bgjobs("pause", ID)
        place.project.bgjobs("resume", ID)
        place.set(ID, status="running")
        place.project.bgjobs("create", "x")
        time.sleep(0.1)
        add(place, "item-2")
        slow = held(place, "fsync", "delay_enter=1000000", "create", "y")
        time.sleep(0.5)
        place.change(ID, lambda job: (add_item(job, "item-3"), end_job(job, "completed"))[0])
        slow.wait()
        return verdict(place, "item-1", "item-2", "item-3", status="completed")


def at_exchange(lock="none", killed=False, goes_on=False, status="running"):
    """An edit just before the exchange; then the publisher dies, or the tool edits once more."""
    with scratch() as name:
        place, _ = prepared(name, lock=lock)
        delays = "delay_enter=1000000:delay_exit=1000000"
        slow = held(place, "renameat2", delays, "create", "y")
        time.sleep(0.6)
        add(place, "item-2")
        time.sleep(0.9)
        if killed:
            for pid, name in descendants(slow.pid):
                if name == "bgjobs":
                    kill(pid, lambda: slow.poll() is None)
            slow.wait()
        items = ["item-1", "item-2"]
        if goes_on:
            place.change(ID, lambda job: add_item(job, "item-3"))
            items.append("item-3")
        slow.wait()
        return verdict(place, *items, status=status)


def objects():
    """Two tools write other members of one object at a time: both are kept."""
    with scratch() as name:
        place, ours = prepared(name)
        place.tool.edit(lambda document: document.update(shared={"a": 0, "b": 0}, own={}))
        place.project.publish()
        stale = place.tool.load()
        place.tool.edit(lambda document: document["shared"].update(a=1))
        place.tool.edit(lambda document: find(document, ours)["config"].update(a=1))
        place.tool.edit(lambda document: find(document, ours).setdefault("result", {}).update(a=1))
        place.project.publish()
        stale["shared"]["b"] = 1
        find(stale, ours)["config"]["b"] = 1
        find(stale, ours).setdefault("result", {})["b"] = 1
        place.tool.save(stale)
        place.project.publish()
        document = place.project.load()
        got = {
            "top": document.get("shared"),
            "config of ours": {
                n: v for n, v in find(document, ours)["config"].items() if n in ("a", "b")
            },
            "result of ours": find(document, ours).get("result"),
        }
        wrong = {where: value for where, value in got.items() if value != {"a": 1, "b": 1}}
        return (f"lost: {wrong}", f"lost: {wrong}") if wrong else ("all kept", "")


def reset():
    """A tool that has seen nothing writes {"jobs": [...]}: what it does not name, it keeps."""
    with scratch() as name:
        place, ours = prepared(name)
        for id in (ours, ID):
            place.tool.edit(lambda document, id=id: document.update(activeJobId=id))
            place.project.publish()
        kept = [job for job in place.tool.load()["jobs"] if job["id"] == ID]
        place.tool.save({"jobs": kept})
        place.project.publish()
        document = place.project.load()
        wrong = [] if document.get("activeJobId") == ID else ["a top-level member is gone"]
        wrong += [] if find(document, ours) else ["a job of ours is gone"]
        wrong += [] if "bgjobs" in document else ["no bgjobs member"]
        return "; ".join(wrong) or "all kept", "; ".join(wrong)


RACES = {
    "an edit while we sync": during_sync,
    "a second edit while we sync": second_edit,
    "no lock, an edit at the exchange": at_exchange,
    "no lock, an edit at the exchange, then one more": lambda: at_exchange(goes_on=True),
    "no lock, an edit at the exchange, publisher killed": lambda: at_exchange(killed=True),
    "no lock, the same, then one more": lambda: at_exchange(killed=True, goes_on=True),
    "lock, an edit at the exchange, publisher killed": (
        lambda: at_exchange("inside", killed=True, goes_on=True)
    ),
    "two members of one object": objects,
    "a reset by who has seen nothing": reset,
}
