"""Who is next: against a reference, and with processes that are killed."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bgjobs
from bgjobs import JobStatus, Outcome

START = 1_800_000_000_000  # ms


class Reference:
    """The queue written down again, in the plainest way: lists, and everything counted anew."""

    def __init__(self):
        self.jobs, self.limits, self.worth, self.now = [], {}, 600_000, START

    def rank(self, job):
        since = max(job["since"], job["not_before"])
        # Strictly: first the priority.
        if self.worth is None:
            return -job["priority"], since, job["place"]
        return since - job["priority"] * self.worth, 0, job["place"]

    @staticmethod
    def covers(scope, job):
        return scope in ("*", f"type:{job['type']}", f"lane:{job['lane']}")

    def room(self, job):
        for scope, most in self.limits.items():
            running = [one for one in self.jobs if one["runs"] and self.covers(scope, one)]
            if self.covers(scope, job) and len(running) >= most:
                return False
        return True

    def next(self):
        waiting = [one for one in self.jobs if one["queued"] and one["free"]]
        ready = [one for one in waiting if one["not_before"] <= self.now and self.room(one)]
        if ready:
            return min(ready, key=self.rank)
        runs = any(one["runs"] and one["queued"] for one in self.jobs)
        return Outcome.WAITING if waiting or runs else Outcome.END


jobs = st.fixed_dictionaries(
    {
        "type": st.sampled_from("ab"),
        "lane": st.sampled_from(["", "x", "y"]),
        "priority": st.integers(-3, 3) | st.integers(-1000, 1000),
        "not_before": st.just(0) | st.integers(0, 3_000_000),
        "queued": st.sampled_from([True, True, True, False]),
    }
)
steps = st.one_of(
    st.tuples(st.just("add"), jobs),
    st.tuples(st.just("claim")),
    st.tuples(st.just("claim")),
    st.tuples(st.sampled_from(["complete", "leave", "pause", "resume", "start"]), st.integers(0)),
    st.tuples(st.just("limit"), st.sampled_from(["*", "type:a", "lane:x"]), st.integers(-1, 2)),
    st.tuples(st.just("worth"), st.sampled_from([None, 0, 1000, 600_000])),
    st.tuples(st.just("later"), st.integers(0, 2_000_000)),
)


# How long a case takes is the machine's affair.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=40))
def test_it_is_the_reference(tmp_path_factory, script):
    reference = Reference()
    project = tmp_path_factory.mktemp("claims")
    clock = {"clock": lambda _: reference.now * 1_000_000, "keep_completed": -1}
    with bgjobs.JobManager(project, **clock) as manager:
        for step, *arguments in script:
            play(step, arguments, reference, manager)
        # And as somebody else reads it from the files.
        expected = [one for one in reference.jobs if one["queued"] and not one["ended"]]
        expected.sort(key=reference.rank)
        with bgjobs.JobManager(project, **clock) as other:
            found = [one["id"] for one in other.queue()["jobs"]]
        assert found == [one["job"].id for one in expected]


def play(step, arguments, reference, manager):
    now = reference.now
    if step == "add":
        one = dict(arguments[0], since=now, place=len(reference.jobs), runs=False, free=True)
        one["not_before"] += now if one["not_before"] else 0
        one["ended"] = False
        one["job"] = manager.create(one["type"])
        if one["queued"]:
            not_before = one["not_before"] / 1000
            one["job"].enqueue(priority=one["priority"], not_before=not_before, lane=one["lane"])
        else:
            one["lane"], one["not_before"] = None, 0
        reference.jobs.append(one)
    elif step == "claim":
        expected = reference.next()
        what, job = manager._claim((), 0, False, None)
        if isinstance(expected, Outcome):
            assert what is expected and job is None
        else:
            assert job is not None and job.id == expected["job"].id
            expected.update(runs=True, free=False, job=job)
    elif step == "limit":
        scope, most = arguments
        manager.limit(scope, None if most < 0 else most)
        reference.limits.pop(scope, None)
        if most >= 0:
            reference.limits[scope] = most
    elif step == "worth":
        reference.worth = arguments[0]
        manager.priority_worth(None if arguments[0] is None else arguments[0] / 1000)
    elif step == "later":
        reference.now += arguments[0]
    else:
        change(step, arguments[0], reference)


def change(step, choice, reference):
    """What happens to one of those that it can happen to."""
    fits = {
        "complete": lambda one: one["runs"],
        "leave": lambda one: one["runs"],
        "pause": lambda one: one["free"],
        "resume": lambda one: not (one["runs"] or one["free"] or one["ended"]),
        "start": lambda one: one["free"],
    }
    found = [one for one in reference.jobs if fits[step](one)]
    if not found:
        return
    one = found[choice % len(found)]
    if step == "start":
        may = one["not_before"] <= reference.now and reference.room(one)
        assert one["job"].start() is (Outcome.OK if may else Outcome.WAITING)
        if not may:
            assert one["job"].waits()[0]["for"] in ("time", "limit")
            return
    else:
        getattr(one["job"], step)()
    one["runs"] = step == "start"
    one["free"] = step in ("leave", "resume")
    one["ended"] = step == "complete"


WORKER = """
import sys, time
import bgjobs
with bgjobs.JobManager(sys.argv[1]) as manager:
    for job in manager.claims(wait=True, until_empty=True):
        with open(sys.argv[2], "ab", buffering=0) as log:
            log.write(f"{time.monotonic_ns()} start {job.id}\\n".encode())
            time.sleep(0.001)
            log.write(f"{time.monotonic_ns()} end {job.id}\\n".encode())
        job.complete()
"""


def test_killed_workers_do_each_job_once_at_a_time_and_within_the_limits(project, tmp_path):
    """The queue ends by itself, whoever dies."""
    limits = {"a": 1, "b": 2, "c": 3}
    log = tmp_path / "log"
    log.write_bytes(b"")
    dice = random.Random(7)
    lane_of = {}
    with bgjobs.JobManager(project, keep_completed=-1) as manager:
        for lane, most in limits.items():
            manager.limit(f"lane:{lane}", most)
        for _ in range(120):
            lane = dice.choice("abcd")
            job = manager.enqueue("t", lane=lane, priority=dice.randrange(-2, 3))
            lane_of[job.id] = lane

        def worker():
            return subprocess.Popen([sys.executable, "-c", WORKER, str(project), str(log)])

        workers = [worker() for _ in range(6)]
        deadline = time.monotonic() + 120
        killed = 0
        while any(one.poll() is None for one in workers):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            if killed < 12:
                place = dice.randrange(len(workers))
                workers[place].kill()
                workers[place].wait()
                workers[place] = worker()
                killed += 1
        assert [one.wait() for one in workers] == [0] * len(workers)
        jobs = manager.list()
        assert all(one.status is JobStatus.COMPLETED for one in jobs) and len(jobs) == 120
        assert manager.claim(until_empty=True) is None
    check(log, lane_of, limits)


def check(log, lane_of, limits):
    """From the stamps of what came to its end; a start without one is of a killed worker."""
    begun, spans = {}, []
    for at, what, id in (line.split() for line in log.read_text().splitlines()):
        if what == "start":
            begun[id] = int(at)
        else:
            spans.append((begun[id], int(at), id))
    assert {id for _, _, id in spans} == set(lane_of)
    for lane, most in limits.items():
        assert most_at_once(span for span in spans if lane_of[span[2]] == lane) <= most
    for one in lane_of:
        assert most_at_once(span for span in spans if span[2] == one) == 1


def most_at_once(spans):
    edges = sorted(edge for begin, end, _ in spans for edge in ((begin, 1), (end, -1)))
    count = most = 0
    for _, step in edges:
        count += step
        most = max(most, count)
    return most


def test_a_wait_ends_with_a_job_a_time_or_a_signal(project):
    with bgjobs.JobManager(project) as manager, bgjobs.JobManager(project) as other:
        assert manager.claim() is None
        begin = time.monotonic()
        assert manager.claim(wait=0.25) is None
        assert time.monotonic() - begin >= 0.25
        assert manager.claim(wait=True, until_empty=True) is None
        timer = threading.Timer(0.2, lambda: other.enqueue("t", items=["a"]))
        timer.start()
        job = manager.claim("t", wait=True)
        assert job is not None and job.next() == (Outcome.OK, "a")
        timer.join()

        def interrupt():
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.2, interrupt)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            manager.claim("other", wait=True)
        timer.join()


def test_what_was_said_is_kept_and_can_be_changed(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.enqueue("t", {"a": 1}, key="k", priority=5, lane="l", not_before=timedelta(1))
        info = job.info()
        assert (info.enqueued, info.priority, info.lane) == (True, 5, "l")
        assert info.not_before is not None
        job.enqueue(priority=-1)
        info = job.info()
        assert (info.priority, info.lane) == (-1, "l") and info.not_before is not None
        job.enqueue(not_before=0, lane="")
        info = job.info()
        assert (info.priority, info.lane, info.not_before) == (-1, None, None)
        for wrong in (
            {"priority": 1001},
            {"lane": "x" * 256},
            {"not_before": -1},
            {"not_before": 3600},
        ):
            with pytest.raises(bgjobs.Invalid):
                job.enqueue(**wrong)
        with pytest.raises(TypeError):
            job.enqueue(not_before="soon")
        assert manager.enqueue("t", key="k").id == job.id
        plain = manager.create("t")
        assert not plain.info().enqueued and plain.waits()[0]["for"] == "start"


def test_with_waits_for_its_place(project):
    with bgjobs.JobManager(project) as manager:
        manager.limit("type:t", 1)
        first, second = manager.create("t"), manager.create("t")
        first.start()
        (wait,) = second.waits()
        assert (wait["for"], wait["scope"]) == ("limit", "type:t") and first.id in wait["text"]
        timer = threading.Timer(0.2, first.complete)
        timer.start()
        with second:
            assert first.info().status is JobStatus.COMPLETED
        timer.join()
        third, fourth = manager.create("t"), manager.create("t")
        third.start()
        assert fourth.start() is Outcome.WAITING
        assert fourth.start(anyway=True) is Outcome.OK


def test_what_a_claimed_job_raises_fails_it(project):
    with bgjobs.JobManager(project) as manager:
        poison, good = manager.enqueue("t"), manager.enqueue("t")
        done = []
        for job in manager.claims():
            try:
                with job:
                    assert job.id != poison.id, "boom"
                    done.append(job.id)
            except AssertionError:
                pass
        assert done == [good.id]
        info = poison.info()
        assert (info.status, info.reason) == (JobStatus.FAILED, "error") and "boom" in info.error


def test_a_refused_enqueue_makes_no_job(project):
    with bgjobs.JobManager(project) as manager:
        first = manager.enqueue("t")
        for wrong in (
            {"after": "ffff"},
            {"after": (first, "sucess")},
            {"after": [(first, "end:never")]},
            {"priority": 5000},
            {"items": [""]},
            {"items": ["x" * 4097]},
            {"lane": "x" * 300},
            {"not_before": 60},
        ):
            with pytest.raises((bgjobs.Invalid, bgjobs.NotFound)):
                manager.enqueue("bad", **wrong)
        assert len(manager.list()) == 1
        # What is not said stays.
        manager.enqueue("t", key="k", priority=3, lane="z")
        info = manager.enqueue("t", key="k", items=["a"]).info()
        assert (info.priority, info.lane) == (3, "z")


def test_coroutines_claim_too(project):
    async def work(manager, done):
        async for job in manager.aclaims(wait=True, until_empty=True):
            async with job:
                await asyncio.sleep(0.001)
            done.append(job.id)

    async def all(manager):
        done = []
        await asyncio.gather(*(work(manager, done) for _ in range(3)))
        return done

    with bgjobs.JobManager(project) as manager:
        ids = {manager.enqueue("t").id for _ in range(9)}
        done = asyncio.run(all(manager))
        assert len(done) == 9 and set(done) == ids

        async def cancelled():
            task = asyncio.ensure_future(work(manager, []))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        paused = manager.enqueue("t", not_before=timedelta(days=1))
        asyncio.run(cancelled())
        assert not paused.info().owned


def test_an_older_version_is_told(project):
    """What it does not know it would lose."""

    def format():
        state = project / ".specweave" / "state" / "background-jobs.json"
        return json.loads(state.read_text())["bgjobs"]["format"]

    with bgjobs.JobManager(project) as manager:
        job = manager.create("t")
        manager.sync()
        assert format() == 1
        job.enqueue()
        manager.sync()
        assert format() == 2
        job.complete()
        manager.sync()
        assert format() == 1
        manager.limit("*", 3)
        manager.sync()
        assert format() == 2
