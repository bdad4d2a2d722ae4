"""Every private file, rotten or cut somewhere: it is told, or the values are the same."""

import os
import random
import shutil

import pytest

import bgjobs

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
    told = False
    try:
        with bgjobs.JobManager(project, read_only=True) as manager:
            manager.check()
    except bgjobs.Damaged:
        told = True
    try:
        return values(project), told
    except bgjobs.Damaged:
        return None, True


def go_on(project):
    for _ in range(2):
        with bgjobs.JobManager(project) as manager:
            manager.create("another")


@pytest.mark.parametrize("kind", ["flip", "cut"])
def test_no_damage_of_a_private_file_goes_unseen(store, tmp_path, kind):
    before, told = seen(store)
    assert not told
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
            found, told = seen(project)
            assert told or found == before, what
            go_on(project)
            after = values(project)
            assert {id: after[id] for id in before} == before, what
            shutil.rmtree(project)
