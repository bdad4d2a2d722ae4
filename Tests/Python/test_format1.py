"""Stores of format 1, as an older version has left them: see Tests/Data/format-1."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bgjobs
import replay
import told
from bgjobs import ItemState, Outcome
from conftest import ROOT

ARCHIVES = ROOT / "Tests/Data/format-1"


@pytest.fixture(params=["small", "medium", "large"])
def expected(request, project):
    return told.unpack(ARCHIVES / f"{request.param}.tar.xz", project)


def opened(project):
    # The jobs of the archives ended long ago: completing one would remove them.
    return bgjobs.JobManager(project, keep_completed=-1)


def compare(found, expected):
    """By jobs, since pytest is slow to show what differs in a hundred thousand items."""
    assert list(found) == list(expected)
    for id, job in expected.items():
        for name, value in job.items():
            is_same = found[id][name] == value
            assert is_same, f"{name} of {id}: {str(found[id][name])[:500]}, not {str(value)[:500]}"


def seen_by_another(project):
    said = subprocess.run(
        [sys.executable, told.__file__, project], stdout=subprocess.PIPE, check=True
    )
    return json.loads(said.stdout)


def files(project):
    paths = (path for path in Path(project).rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


# Changes, each of a job and of what is told of it.


def end_item(told_of, item, state, why=None):
    items = told_of["items"]
    is_open = item in items["rest"]
    if is_open:
        items["rest"].remove(item)
    items[state].append(item)
    if why is not None:
        items["why"][item] = why
    # That of an attempt that began before is told only if there were more.
    if items["attempts"].get(item) == 1:
        del items["attempts"][item]
    told_of["items_open"] -= is_open
    told_of["items_" + {"done": "completed"}.get(state, state)] += 1
    told_of["current"] += 1


def finish(job, told_of):
    """Does what remains of an interrupted job."""
    assert job.start() is Outcome.OK
    remaining = list(job.remaining())
    assert sorted(remaining) == sorted(told_of["items"]["rest"])
    for turn, item in enumerate(remaining):
        if turn % 3 == 0:
            job.skipped(item, "said later")
            end_item(told_of, item, "skipped", "said later")
        elif turn % 3 == 1:
            job.failed(item, "said later")
            end_item(told_of, item, "failed", "said later")
        else:
            job.done(item)
            end_item(told_of, item, "done")
    job.done("said later")
    end_item(told_of, "said later", "done")
    job.set_cursor({"said": "later"})
    told_of["cursor"] = {"said": "later"}
    job.complete({"said": "later"})
    told_of["members"]["result"] = {"said": "later"}
    told_of.update(status="COMPLETED", status_name="completed", reason=None, error=None)


def leave(job, told_of):
    assert job.start() is Outcome.OK
    job.done("said later")
    end_item(told_of, "said later", "done")
    job.leave("later")
    told_of.update(status="PAUSED", status_name="paused", reason="interrupted", error="later")


def retry(job, told_of):
    job.retry()
    told_of.update(status="PENDING", status_name="pending", reason=None, error=None)
    told_of["attempts"] += 1
    items = told_of["items"]
    again, before = items["failed"], items["rest"]
    # Those of them that were planned are open again, in the place that the plan gave them.
    items["rest"] = [item.name for item in job.items(ItemState.OPEN)]
    assert [item for item in items["rest"] if item not in again] == before
    told_of["items_open"] = len(items["rest"])
    told_of["current"] -= len(again)
    told_of["items_failed"], items["failed"] = 0, []
    for item in again:
        items["why"].pop(item, None)
        if item in items["rest"]:
            items["attempts"].setdefault(item, 1)


def report(job, told_of):
    job.done("said later")
    end_item(told_of, "said later", "done")


def change_all(manager, expected):
    """Changes of a kind for each job that is neither pending nor paused by somebody."""
    changed, turn = set(), 0
    for id, told_of in expected.items():
        is_failed = told_of["status"] == "FAILED" or told_of["items_failed"] > 0
        if told_of["reason"] == "interrupted":
            change = (finish, leave)[turn % 2]
            turn += 1
        elif told_of["status"] == "RUNNING" and told_of["active"] is None and "-" not in id:
            change = report
        elif told_of["status"] in ("COMPLETED", "FAILED") and is_failed:
            change = retry
        else:
            continue
        change(manager.find(id), told_of)
        changed.add(id)
    return changed


# What a change of status or progress changes besides.
FOLLOWS = ("updated", "completed", "started", "active", "percentage", "current_item", "total")
FOLLOWS += ("members", "order", "pause_acknowledged", "has_warnings", "refused", "refused_status")


def without_following(told, changed):
    """What is left to be compared of jobs that were changed."""
    return {
        id: {name: value for name, value in job.items() if id not in changed or name not in FOLLOWS}
        for id, job in told.items()
    }


def others_members(told_of):
    ours = {"status", "progress", "updatedAt", "completedAt", "error", "result", "startedAt"}
    return {name: value for name, value in told_of["members"].items() if name not in ours}


def test_a_reader_sees_all_and_changes_nothing(project, expected):
    journal = project / told.STATE / "background-jobs.d/journal"
    assert journal.read_bytes()[:12] == b"bgjobs J\1\0\0\0"
    before = files(project)
    compare(seen_by_another(project), expected["jobs"])
    assert files(project) == before


def test_a_writer_goes_on(project, expected):
    jobs = expected["jobs"]
    with opened(project) as manager:
        manager.check()
        compare(told.told(manager), jobs)
        changed = change_all(manager, jobs)
        assert changed
        new = manager.ensure("import-issues", "made later")
        new.plan(["one", "two"])
        manager.check()
        for id, why in expected["removed"].items():
            assert told.why_not_found(manager, id) == why
    assert told.of_others(project) == expected["others"]
    found = seen_by_another(project)
    made = found.pop(new.id)
    assert (made["key"], made["items"]["rest"]) == ("made later", ["one", "two"])
    compare(without_following(found, changed), without_following(jobs, changed))
    for id in changed:
        assert others_members(found[id]) == others_members(jobs[id])
        result = jobs[id]["members"].get("result")
        assert jobs[id]["status"] != "COMPLETED" or found[id]["members"]["result"] == result
    with opened(project) as manager:
        manager.check()
        assert manager.ensure("import-issues", "made later").id == new.id
        compact(manager.find(new.id), project)
        manager.check()
    again = seen_by_another(project)
    compare_with_the_second_reader(project, again)
    again.pop(new.id)
    compare(again, found)


def compact(job, project):
    """Until a new journal begins: what the snapshot holds is the same."""
    journal = project / told.STATE / "background-jobs.d/journal"
    before = journal.stat().st_ino
    for number in range(1000):
        job.set_cursor({"padding": "." * 60000, "number": number})
        if journal.stat().st_ino != before:
            return
    raise AssertionError("no new journal began")


def compare_with_the_second_reader(project, expected):
    found = {id: job.told() for id, job in replay.Replay(project).jobs.items()}
    assert expected.keys() <= found.keys()
    for id, job in expected.items():
        want = {name: job[name] for name in found[id]}
        want["items"] = {name: value for name, value in job["items"].items() if name != "attempts"}
        compare({id: found[id]}, {id: want})


def test_a_reader_made_from_the_documentation_sees_the_same(project, expected):
    """All but what another tool has written into the state file since."""

    def is_edited(job):
        return "seen by" in job["members"] or "issue 8" in job["items"]["done"]

    jobs = expected["jobs"].items()
    compare_with_the_second_reader(
        project, {id: job for id, job in jobs if id != "tool-4" and not is_edited(job)}
    )
