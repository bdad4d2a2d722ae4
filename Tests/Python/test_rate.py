"""One rate for all: against a reference, and with processes that are killed."""

import json
import os
import random
import signal
import time
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bgjobs

PATIENCE = 60_000  # ms, beyond a period


class Reference:
    """The virtual scheduling of ITU-T I.371, in fractions of a microsecond rounded up per call."""

    def __init__(self, count, period):
        self.count, self.period = count, period
        self.burst, self.earned = max(1, count // 60), 0

    def cost(self, requests):
        return -(-Fraction(self.period * 1000 * requests, self.count) // 1)

    def permit(self, requests, now):
        cost, limit = self.cost(requests), (self.period + PATIENCE) * 1000
        now *= 1000
        if self.earned - now > limit + self.period * 1000:
            self.earned = now
        wait = max(self.earned, now) + cost - max(cost, self.cost(self.burst)) - now
        if wait > limit:
            return None, -(-(wait - limit) // 1000)
        self.earned = max(self.earned, now) + cost
        return max(0, -(-wait // 1000)), None


@st.composite
def scripts(draw):
    count = draw(st.integers(1, 5000) | st.integers(1, 10**9))
    period = draw(st.integers(1, 10_000) | st.integers(1, 31 * 86_400_000))
    steps = st.tuples(
        st.integers(1, min(count, 50)) | st.integers(1, count),
        st.integers(0, 100) | st.integers(0, 3 * period),
    )
    return count, period, draw(st.lists(steps, max_size=30))


# How long a case takes is the machine's affair.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts())
def test_it_is_the_reference(tmp_path_factory, script):
    count, period, steps = script
    now = [1_800_000_000_000]
    project = tmp_path_factory.mktemp("rate")
    with bgjobs.JobManager(project, clock=lambda _: now[0] * 1_000_000) as manager:
        manager.rate("api", count, per=period / 1000)
        reference = Reference(count, period)
        used = []
        for requests, pause in steps:
            now[0] += pause
            wait, later = reference.permit(requests, now[0])
            if wait is None:
                with pytest.raises(bgjobs.NotPermitted) as caught:
                    manager.permit("api", requests, wait=False)
                assert round(caught.value.retry_after * 1000) == later
                continue
            assert round(manager.permit("api", requests, wait=False) * 1000) == wait
            used.append((now[0] + wait, requests))
        largest = max((requests for requests, _ in steps), default=0)
        # Times are told in whole milliseconds.
        bound = count + max(reference.burst, largest) + -(-count // period)
        for begin, _ in used:
            inside = sum(n for at, n in used if begin <= at < begin + period)
            assert inside <= bound


def test_a_rate_is_kept_changed_and_removed(project):
    with bgjobs.JobManager(project) as manager:
        with pytest.raises(bgjobs.NotFound):
            manager.permit("github")
        manager.rate("github", 60, per=3600)
        assert manager.permit("github") == 0
        assert 59 < manager.permit("github", wait=False) <= 60
    with bgjobs.JobManager(project) as manager:
        # What was used stays used, whatever is said of the rate.
        manager.rate("github", 120, per=3600)
        assert manager.permit("github", wait=False) > 29
        (rate,) = manager.queue()["providers"]
        assert (rate["provider"], rate["count"], rate["burst"]) == ("github", 120, 2)
        with pytest.raises(bgjobs.Invalid):
            manager.permit("github", 121)
        manager.rate("github", 0)
        assert manager.queue() == {"providers": []}
        with pytest.raises(bgjobs.NotFound):
            manager.permit("github")


def test_a_clock_that_was_set_back_stops_nobody(project):
    now = [1_800_000_000_000]
    with bgjobs.JobManager(project, clock=lambda _: now[0] * 1_000_000) as manager:
        manager.rate("api", 10, per=10)
        now[0] += 10**11
        manager.permit("api", 10, wait=False)
        now[0] -= 10**11
        assert manager.permit("api", wait=False) == 0


def test_only_who_does_not_know_the_queue_is_refused(project):
    """An older library would drop the budget: format 2. Without one it may go on."""
    state = project / ".specweave/state/background-jobs.json"

    def format():
        return json.loads(state.read_text())["bgjobs"]["format"]

    with bgjobs.JobManager(project) as manager:
        manager.create("t")
        manager.sync()
        assert format() == 1
        manager.rate("github", 60, per=60)
        manager.create("t")
        manager.sync()
        assert format() == 2
        manager.rate("github", 0)
        manager.create("t")
        manager.sync()
        assert format() == 1


def work(project, pipe):
    """Asks, waits, and says for when it was permitted: until it is killed.

    Its clock stands during a call, so that a busy machine moves nothing into another period.
    """
    now = [time.time_ns()]
    with bgjobs.JobManager(project, clock=lambda _: now[0]) as manager:
        while True:
            now[0] = time.time_ns()
            try:
                seconds = manager.permit("server", wait=False)
            except bgjobs.NotPermitted as error:
                time.sleep(error.retry_after)
                continue
            time.sleep(seconds)
            os.write(pipe, b"%d\n" % (now[0] // 1_000_000 + round(seconds * 1000)))


def test_processes_that_are_killed_keep_to_one_rate(project):
    count, period, duration = 300, 3.0, 9.0
    with bgjobs.JobManager(project) as manager:
        manager.rate("server", count, per=period)
    reading, writing = os.pipe()
    workers = set()

    def spawn():
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                work(project, writing)
            finally:
                os._exit(1)
        workers.add(pid)

    for _ in range(8):
        spawn()
    os.set_blocking(reading, False)
    said, dice, end, kills = b"", random.Random(1), time.monotonic() + duration, 0
    while time.monotonic() < end:
        time.sleep(0.5)
        with suppress(BlockingIOError):
            said += os.read(reading, 1 << 20)
        pid = dice.choice(sorted(workers))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
        workers.remove(pid)
        spawn()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(writing)
    os.set_blocking(reading, True)
    while chunk := os.read(reading, 1 << 20):
        said += chunk
    os.close(reading)
    times = sorted(int(line) for line in said.split())
    for index, begin in enumerate(times):
        inside = sum(1 for at in times[index:] if at < begin + period * 1000)
        # One more, since times are told in whole milliseconds.
        assert inside <= count + count // 60 + 1
    assert len(times) > count and kills > 5


def test_a_limit_of_one_is_a_limit_of_all(project):
    with bgjobs.JobManager(project) as manager, bgjobs.JobManager(project) as other:
        config = {"provider": "github"}
        one = manager.ensure("sync", key="one", config=config)
        two = other.ensure("sync", key="two", config=config)
        free = other.ensure("sync", key="free", config={"provider": "gitlab"})
        late = other.ensure("sync", key="late", config=config)
        for job in (one, two, free):
            job.start()
        one.rate_limited("github", 900)
        assert two.done("a") is bgjobs.Outcome.PAUSED
        assert two.info().reason == "rate-limit" and "github" in two.info().error
        assert not free.done("a")
        assert late.start() is bgjobs.Outcome.PAUSED
        (provider,) = other.queue()["providers"]
        assert provider["provider"] == "github" and 890_000 < provider["waitMs"] <= 900_000
        other.rate_limit_over("github")
        assert other.queue() == {"providers": []}
        assert not two.done("b") and one.info().status is bgjobs.JobStatus.RUNNING
        late.start()
        manager.rate_limited("github", 900)
        assert late.done("a") is bgjobs.Outcome.PAUSED
        with pytest.raises(bgjobs.Invalid):
            manager.rate_limited("github", -1)


def test_what_another_tool_runs_is_left_alone(project):
    state = project / ".specweave/state/background-jobs.json"
    state.parent.mkdir(parents=True)
    theirs = {
        "id": "theirs",
        "type": "sync-external",
        "status": "running",
        "progress": {"current": 1, "total": 9},
        "startedAt": "2026-01-01T00:00:00.000Z",
        "config": {"provider": "github"},
    }
    state.write_text(json.dumps({"jobs": [theirs]}))
    with bgjobs.JobManager(project) as manager:
        job = manager.ensure("sync", "ours", {"provider": "github"})
        job.start()
        job.rate_limited("github", 900)
        manager.sync()
        assert job.info().reason == "rate-limit"
    jobs = {job["id"]: job for job in json.loads(state.read_text())["jobs"]}
    assert jobs["theirs"] == theirs
