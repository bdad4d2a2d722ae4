"""Several workers on one job."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bgjobs
import replay
from bgjobs import Busy, JobStatus, Outcome

WORKER = """
import os, sys
import bgjobs
project, id, told = sys.argv[1:]
said = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
with bgjobs.JobManager(project) as manager:
    try:
        with manager.find(id).shared() as job:
            for item in job.remaining():
                os.write(said, (item.split("-")[0] + "\\n").encode())
                job.done(item)
    except bgjobs.JobFinished:
        pass  # it came too late
"""

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "leave", "next", "next", "done", "done", "failed", "give", "close"]
        ),
        st.integers(0, 2),
    ),
    max_size=80,
)


class Crew:
    """Three managers, and what each has."""

    def __init__(self, project, items):
        self.project, self.open = project, [f"i{place}" for place in range(items)]
        self.managers = [bgjobs.JobManager(project) for _ in range(3)]
        self.id = self.managers[0].create("t").id
        self.managers[0].find(self.id).plan(self.open)
        self.jobs = [manager.find(self.id) for manager in self.managers]
        self.works, self.has, self.ended = [False] * 3, [[], [], []], []

    def play(self, step, one):
        job = self.jobs[one]
        if step == "join":
            assert job.start(shared=True) is Outcome.OK
            self.works[one] = True
        elif step == "close":
            self.managers[one].close()
            self.managers[one] = bgjobs.JobManager(self.project)
            self.jobs[one] = self.managers[one].find(self.id)
            self.works[one], self.has[one] = False, []
        elif not self.works[one]:
            return
        elif step == "leave":
            job.leave()
            self.works[one], self.has[one] = False, []
        elif step == "next":
            self.next(job, one)
        elif self.has[one]:
            item = self.has[one].pop(0)
            if step == "give":
                job.give_back(item)
            else:
                getattr(job, step)(item)
                self.ended.append(item)

    def next(self, job, one):
        what, item = job.next()
        others = [item for place in range(3) for item in self.has[place]]
        left = set(self.open) - set(self.ended)
        if item is None:
            mine = left <= set(self.has[one])
            assert what is (Outcome.END if mine else Outcome.WAITING)
            # What is left is somebody's.
            assert left <= set(others) or any(self.works[:one] + self.works[one + 1 :])
        else:
            assert item in left and item not in others
            self.has[one].append(item)

    def check(self):
        with bgjobs.JobManager(self.project) as other:
            info = other.find(self.id).info()
        assert info.items_completed + info.items_failed == len(self.ended)
        assert info.workers == sum(self.works)
        assert info.items_claimed >= sum(map(len, self.has))
        assert info.items_claimed <= len(self.open) - len(self.ended)
        if any(self.works):
            assert info.status is JobStatus.RUNNING
        elif info.status is not JobStatus.PENDING:
            assert (info.status, info.reason) == (JobStatus.PAUSED, "interrupted")


@settings(deadline=None)
@given(st.integers(0, 30), steps)
def test_no_item_is_for_two(tmp_path_factory, items, script):
    crew = Crew(tmp_path_factory.mktemp("shared"), items)
    for step, one in script:
        crew.play(step, one)
        crew.check()
    for manager in crew.managers:
        manager.close()


def start(project, job, told):
    return subprocess.Popen([sys.executable, "-c", WORKER, str(project), job.id, str(told)])


@pytest.mark.parametrize("length", [1, 1500])
def test_workers_are_killed(tmp_path, length):
    """Long names make much of the journal, which is compacted under the workers."""
    told = tmp_path / "told"
    count = 3000
    with bgjobs.JobManager(tmp_path) as manager:
        job = manager.create("t")
        job.plan(f"{place}-{'x' * length}" for place in range(count))
        running, kills = [start(tmp_path, job, told) for _ in range(4)], 0
        end = time.monotonic() + 90
        while not job.info().finished:
            assert time.monotonic() < end
            time.sleep(0.05)
            running = [
                start(tmp_path, job, told) if one.poll() not in (None, 0) else one
                for one in running
            ]
            if kills < 25:
                random.choice(running).send_signal(signal.SIGKILL)
                kills += 1
        for one in running:
            assert one.wait() in (0, -signal.SIGKILL)
        info = job.info()
        assert (info.status, info.items_completed) == (JobStatus.COMPLETED, count)
    done = Counter(told.read_text().split())
    assert len(done) == count
    assert sum(done.values()) - count <= kills * 64
    with bgjobs.JobManager(tmp_path) as manager:
        assert manager.find(job.id).info().items_completed == count
        assert manager.check()[0]
    # So says somebody who knows the format alone.
    told_by_files = replay.Replay(tmp_path).jobs[job.id].told()
    assert told_by_files["status_name"] == "completed"
    assert len(told_by_files["items"]["done"]) == count


def test_what_a_dead_worker_had_is_done_by_the_others(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager:
        job = manager.create("t")
        job.plan(["a", "b", "c"])
        dead = (
            "import bgjobs, os, sys\n"
            "job = bgjobs.JobManager('.').find(sys.argv[1])\n"
            "job.start(shared=True)\n"
            "print(job.next()[1], flush=True)\n"
            "sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", dead, job.id],
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as other:  # fmt: skip
            assert other.stdout.readline() == "a\n"
            with job.shared():
                assert [job.next()[1] for _ in "bc"] == ["b", "c"]
                assert job.next() == (Outcome.WAITING, None)
                job.done_many(["b", "c"])
                with pytest.raises(Busy, match="2 workers"):
                    job.complete()
                os.kill(other.pid, signal.SIGKILL)
                other.wait()
                assert list(job.remaining()) == ["a"]
                job.done("a")
        assert job.info().status is JobStatus.COMPLETED


def test_the_state_file_alone_has_all_of_it(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager, bgjobs.JobManager(tmp_path) as other:
        job = manager.create("t")
        job.plan(["a", "b", "c"])
        job.start(shared=True)
        mine = other.find(job.id)
        mine.start(shared=True)
        job.done(job.next()[1])
        assert mine.next()[1] == "b"
        manager.sync()
        shutil.copytree(tmp_path / ".specweave", tmp_path / "copy" / ".specweave")
    shutil.rmtree(next((tmp_path / "copy").rglob("background-jobs.d")))
    with bgjobs.JobManager(tmp_path / "copy") as manager:
        info = manager.find(job.id).info()
        assert (info.status, info.items_completed) == (JobStatus.PAUSED, 1)
        assert info.current_item is None
        with manager.find(job.id) as again:
            assert list(again.remaining()) == ["b", "c"]


def test_the_file_names_what_was_claimed_first(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager, bgjobs.JobManager(tmp_path) as other:
        job = manager.create("t")
        job.plan(["a", "b", "c", "d"])
        job.start(shared=True)
        mine = other.find(job.id)
        mine.start(shared=True)
        assert job.next()[1] == "a"
        assert mine.next()[1] == "b"
        assert mine.info().current_item == "a"
        job.done("a")
        assert mine.info().current_item == "b"


LOOP = """
import os, sys
import bgjobs
kind, project, told = sys.argv[1:]
said = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
items = [f"i{place}" for place in range(600)]


def work(item):
    os.write(said, f"{item}\\n".encode())
    return item


if kind == "track":
    for item in bgjobs.track(items, "t", project=project, shared=True):
        work(item)
else:
    found = bgjobs.map(work, items, "t", project=project, shared=True, executor="thread", workers=3)
    assert all(one in (item, bgjobs.DONE_BEFORE) for one, item in zip(found, items))
    assert len(found) == len(items)
"""


@pytest.mark.parametrize("kind", ["track", "map"])
def test_the_same_script_five_times_shares_the_work(tmp_path, kind):
    told = tmp_path / "told"

    def script():
        return subprocess.Popen([sys.executable, "-c", LOOP, kind, str(tmp_path), str(told)])

    running = [script() for _ in range(5)]
    # One is killed, and what it had is done by the others.
    while not told.exists() or len(told.read_text().split()) < 50:
        time.sleep(0.005)
    running[0].kill()
    assert [one.wait(60) for one in running[1:]] == [0] * 4
    running[0].wait()
    done = Counter(told.read_text().split())
    assert len(done) == 600
    assert sum(done.values()) - 600 <= 64 + 3
    with bgjobs.JobManager(tmp_path) as manager:
        (info,) = manager.list()
        assert (info.status, info.items_completed) == (JobStatus.COMPLETED, 600)


def test_a_failure_in_a_shared_loop(tmp_path):
    loop = bgjobs.track("abc", "t", project=tmp_path, shared=True)
    for item in loop:
        if item == "b":
            loop.failed(item, "no")
    with bgjobs.JobManager(tmp_path) as manager:
        (info,) = manager.list()
        assert (info.status, info.items_failed, info.items_completed) == (
            JobStatus.COMPLETED,
            1,
            2,
        )
    # The next run does it again, as without others.
    assert list(bgjobs.track("abc", "t", project=tmp_path, shared=True)) == ["b"]
    with pytest.raises(ZeroDivisionError):
        for _ in bgjobs.track("xyz", "u", project=tmp_path, shared=True):
            raise ZeroDivisionError
    with bgjobs.JobManager(tmp_path) as manager:
        info = manager.list(type="u")[0]
        assert (info.status, info.reason, info.items_open) == (JobStatus.PAUSED, "interrupted", 3)
    with pytest.raises(bgjobs.Invalid):
        bgjobs.track("abc", "t", project=tmp_path, shared=True, every=1)
    with pytest.raises(bgjobs.ItemsFailed, match="1 of 3"):
        bgjobs.map(fails_on_b, "abc", "v", project=tmp_path, shared=True, executor="thread")


def fails_on_b(item):
    if item == "b":
        raise ValueError("no")


def test_lists_that_differ_are_one(tmp_path):
    """Each process does what it knows; what no list has any more is skipped."""
    with bgjobs.JobManager(tmp_path) as manager:
        job = manager.ensure("t", "all")
        job.plan(["old", "a", "b"])
    pool = ThreadPoolExecutor(2)
    seen = {"ab": [], "bc": []}

    def loop(items):
        for item in bgjobs.track(items, "t", project=tmp_path, shared=True):
            seen[items].append(item)
            time.sleep(0.05)

    for one in [pool.submit(loop, items) for items in seen]:
        one.result(60)
    assert sorted(seen["ab"] + seen["bc"]) == ["a", "b", "c"]
    assert "c" in seen["bc"]
    with bgjobs.JobManager(tmp_path) as manager:
        (info,) = manager.list()
        assert (info.items_completed, info.items_skipped) == (3, 1)
    # A restart with what is new does that.
    with bgjobs.JobManager(tmp_path) as manager:
        job = manager.ensure("u", "all")
        job.plan(list("abcdef"))
        with job.shared():
            job.done_many(list("abcd"))
            job.leave()
    found = bgjobs.map(str.upper, "efgh", "u", project=tmp_path, shared=True, executor="thread")
    assert found == ["E", "F", "G", "H"]


def test_who_comes_in_a_pause_works_after_it(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager, bgjobs.JobManager(tmp_path) as other:
        job = manager.create("t")
        job.plan(["a", "b"])
        job.start(shared=True)
        other.find(job.id).pause()
        pool = ThreadPoolExecutor(1)

        def come():
            with bgjobs.JobManager(tmp_path) as late, late.find(job.id).shared() as mine:
                return [(item, mine.done(item))[0] for item in mine.remaining()]

        found = pool.submit(come)
        time.sleep(0.2)
        assert not found.done()
        other.find(job.id).resume()
        assert found.result(30) == ["a", "b"]
        assert job.next() == (Outcome.END, None)


def test_a_failure_elsewhere_is_one_of_map(tmp_path):
    def fails(item):
        time.sleep(0.02)
        if item == "i3":
            raise ValueError("no")
        return item

    items = [f"i{place}" for place in range(12)]
    pool = ThreadPoolExecutor(3)

    def run():
        options = {"project": tmp_path, "shared": True, "executor": "thread", "workers": 1}
        return bgjobs.map(fails, items, "t", **options)

    for one in [pool.submit(run) for _ in range(3)]:
        with pytest.raises(bgjobs.ItemsFailed, match="1 of 12 items failed; first i3"):
            one.result(60)
