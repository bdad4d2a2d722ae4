"""Every private file, rotten or cut somewhere: it is told, or the values are the same.

BGJOBS_FLIPS=all: every bit of a small store's private files (where a file has more than 1 KiB, one
bit of each byte), and every length to which each may be cut. It runs for minutes and prints counts.
"""

import contextlib
import json
import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

import bgjobs
import replay
import told

PRIVATE = ".specweave/state/background-jobs.d"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Open, closed and compacted logs, large jobs with files of their own, and small ones."""
    project = tmp_path_factory.mktemp("store")
    with bgjobs.JobManager(project) as manager:
        for number in range(3):
            job = manager.ensure("large", str(number))
            job.plan([f"item-{place}" for place in range(400)])
            job.start()
            for place in range(200 + number):
                job.done(f"item-{place}")
            job.failed("item-300", "no such page")
            job.skipped("item-301", "there already")
            if number:
                job.complete()
        for _ in range(30):
            manager.create("filler", {"text": "x" * 4000})
        job = manager.ensure("small", "a")
        job.plan(["a", "b", "c"])
        job.start()
        job.done("a")
    if (pid := os.fork()) == 0:
        manager = bgjobs.JobManager(project)
        job = manager.ensure("large", "0")
        job.start()
        for place in range(210, 240):
            job.done(f"item-{place}")
        manager.sync()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    names = [path.name for path in (project / PRIVATE).iterdir()]
    for prefix in ("items-", "pack-", "log-"):
        assert any(name.startswith(prefix) for name in names)
    return project


def values(project):
    found = {}
    with bgjobs.JobManager(project, read_only=True) as manager:
        for info in manager.list():
            job = manager.find(info.id)
            items = sorted((item.name, str(item.state), item.why or "") for item in job.items())
            found[info.id] = (info.status, info.current, info.total, items)
    return found


def seen(project):
    """The values, or None where a viewer is told of the damage instead; and whether it was told."""
    is_told = False
    try:
        with bgjobs.JobManager(project, read_only=True) as manager:
            manager.check()
    except bgjobs.Damaged:
        is_told = True
    try:
        return values(project), is_told
    except bgjobs.Damaged:
        return None, True


def go_on(project):
    for _ in range(2):
        with bgjobs.JobManager(project) as manager:
            manager.create("another")


def test_a_reader_made_from_the_documentation_sees_the_same(store):
    with bgjobs.JobManager(store, read_only=True) as manager:
        expected = told.told(manager)
    jobs = replay.Replay(store).jobs
    assert jobs.keys() == expected.keys()
    for id, job in jobs.items():
        seen = job.told()
        items = {name: list_ for name, list_ in expected[id]["items"].items() if name != "attempts"}
        assert seen == {**{name: expected[id][name] for name in seen}, "items": items}


@pytest.mark.parametrize("kind", ["flip", "cut"])
def test_no_damage_of_a_private_file_goes_unseen(store, tmp_path, kind):
    before, is_told = seen(store)
    assert not is_told
    dice = random.Random(kind)
    files = sorted(
        path.name
        for path in (store / PRIVATE).iterdir()
        if path.is_file() and path.name not in (".gitignore", "out")
    )
    for name in files:
        for _ in range(4):
            project = tmp_path / "copy"
            shutil.copytree(store, project)
            path = project / PRIVATE / name
            data = bytearray(path.read_bytes())
            place = dice.randrange(len(data))
            if kind == "flip":
                data[place] ^= 1 << dice.randrange(8)
            else:
                del data[place:]
            path.write_bytes(data)
            what = f"{name}, byte {place}"
            found, is_told = seen(project)
            assert is_told or found == before, what
            go_on(project)
            after = values(project)
            assert {id: after[id] for id in before} == before, what
            shutil.rmtree(project)


# ---- All of them --------------------------------------------------------------------------------

EVERY_BIT = 1 << 10
#: So often other processes go on with a damaged copy.
GO_ON = 100


@contextlib.contextmanager
def owner(project, key, synced, later):
    """A process that owns a job: of so many records the state file tells, of so many none does."""
    ready, wait = os.pipe()
    if (pid := os.fork()) == 0:
        manager = bgjobs.JobManager(project)
        job = manager.ensure("owned", key)
        job.start()
        for place in range(synced):
            job.done(f"item-{place}")
        manager.sync()
        for place in range(synced, synced + later):
            job.done(f"item-{place}")
        os.write(wait, b".")
        while True:
            signal.pause()
    assert os.read(ready, 1)
    yield
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def compacted(manager):
    """Two jobs in the snapshot of a new journal and its pack, one with a file of items."""
    for number, count in enumerate((300, 3)):
        job = manager.ensure("kept", str(number))
        job.plan([f"item-{place}" for place in range(count)])
        job.start()
        job.done("item-0")
        job.failed("item-1", "no such page")
        job.skipped("item-2", "there already")
        if not number:
            job.complete()
    journal = Path(manager.project, PRIVATE) / "journal"
    before = journal.stat().st_ino
    while journal.stat().st_ino == before:
        manager.find(job.id).set_cursor({"padding": "." * 1500})


@pytest.fixture
def whole(tmp_path):
    """A small store with all kinds of private files; one owner lives."""
    project = tmp_path / "store"
    project.mkdir()
    with bgjobs.JobManager(project) as manager:
        compacted(manager)
        job = manager.ensure("closed", "a")
        job.start()
        for place in range(12):
            job.done(f"item-{place}")
    with owner(project, "alive", 8, 4):
        with owner(project, "dead", 8, 4):
            pass
        yield project


class Campaign:
    def __init__(self, project, scratch, dice):
        self.project, self.scratch, self.dice = project, scratch, dice
        self.expected, is_told = seen(project)
        assert not is_told
        self.later = self.gone_on()
        file = json.loads((project / PRIVATE).with_name("background-jobs.json").read_bytes())
        synced = {f"log-{number}": log[2] for number, *log in file["bgjobs"]["logs"]}
        #: Of each open log: its job, and how many records the state file says are on disk.
        self.open = {
            (name := f"log-{owner['log']}"): (job["id"], synced[name])
            for job in file["jobs"]
            if (owner := job["bgjobs"].get("owner"))
        }
        assert sorted(least for _, least in self.open.values()) == [8, 12]

    def gone_on(self):
        """What is seen after other processes have gone on with a copy."""
        shutil.copytree(self.project, self.scratch)
        go_on(self.scratch)
        after = values(self.scratch)
        shutil.rmtree(self.scratch)
        return {id: after.get(id) for id in self.expected}

    def is_fair(self, found, expected, name):
        """The same; of an open log what is published, and of the rest of it a prefix."""
        for id, value in expected.items():
            if found.get(id) == value:
                continue
            job, least = self.open.get(name, (None, 0))
            if id != job or not found.get(id):
                return False
            names = {item[0] for item in found[id][3]}
            if len(names) < least or names != {f"item-{place}" for place in range(len(names))}:
                return False
        return found.keys() == expected.keys()

    def judge(self, path, data):
        sound, name = path.read_bytes(), path.name
        path.write_bytes(data)
        try:
            found, is_told = seen(self.project)
            later = self.gone_on() if self.dice.randrange(GO_ON) == 0 else self.later
        finally:
            path.write_bytes(sound)
        is_fair = is_told or self.is_fair(found, self.expected, name)
        if not is_fair or not self.is_fair(later, self.later, name):
            return "silent"
        return "told" if is_told else "same" if found == self.expected else "prefix"


def damages(kind, data, dice):
    """Each with the place of it."""
    for place in range(len(data)):
        if kind == "cut":
            yield place, data[:place]
            continue
        for bit in range(8) if len(data) <= EVERY_BIT else [dice.randrange(8)]:
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            yield f"{place}, bit {bit}", flipped


@pytest.mark.skipif(os.environ.get("BGJOBS_FLIPS") != "all", reason="it takes minutes")
@pytest.mark.parametrize("kind", ["flip", "cut"])
def test_no_damage_at_all_goes_unseen(whole, tmp_path, kind):
    dice = random.Random(kind)
    campaign = Campaign(whole, tmp_path / "copy", dice)
    private = whole / PRIVATE
    # What is in `out` other tools may have written.
    names = (path for path in private.iterdir() if path.name not in (".gitignore", "out"))
    files = [*(path for path in names if path.is_file()), *private.parent.glob("jobs/*/*")]
    silent = []
    for path in sorted(files, key=lambda path: path.stat().st_size):
        counts = Counter()
        for place, data in damages(kind, path.read_bytes(), dice):
            outcome = campaign.judge(path, data)
            counts[outcome] += 1
            if outcome == "silent":
                silent.append(f"{path.name}, byte {place}")
        print(f"{kind} {path.name}, {path.stat().st_size} bytes: {dict(counts)}", flush=True)
    assert not silent, (len(silent), silent[:20])
