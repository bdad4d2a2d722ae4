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


HOUR = 3600


def clocked(project):
    """A manager, and what sets its clock: to so many seconds from now."""
    now = [1_800_000_000_000]

    def later(seconds):
        now[0] += seconds * 1000

    return bgjobs.JobManager(project, clock=lambda _: now[0] * 1_000_000), later


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
        assert manager.queue()["providers"] == []
        with pytest.raises(bgjobs.NotFound):
            manager.permit("github")


def test_a_clock_that_was_set_back_neither_stops_nor_gives_again(project):
    """What was ahead stays ahead."""
    manager, later = clocked(project)
    with manager:
        manager.rate("api", 10, per=10)
        later(10**8)
        assert manager.permit("api", 10, wait=False) == 0
        later(-(10**8))
        assert manager.permit("api", wait=False) == 10
        later(-86_400)
        assert manager.permit("api", wait=False) == 11
        later(11)
        assert manager.permit("api", wait=False) == 1
        with pytest.raises(bgjobs.Invalid):
            manager.rate_limited("api", -0.5)
        manager.rate_limited("api", 60)
        later(-86_400)
        assert manager.queue()["providers"][0]["waitMs"] == 60_000


def test_another_rate_gives_nothing_again(project):
    """So many requests as are ahead stay ahead, at the new rate."""
    manager, _ = clocked(project)
    with manager:
        manager.rate("api", 5000, per=HOUR)
        manager.permit("api", 5000, wait=False)
        manager.rate("api", 10, per=1)
        with pytest.raises(bgjobs.NotPermitted) as caught:
            manager.permit("api", wait=False)
        # 500 s, which are more than a period and a minute.
        assert 438 < caught.value.retry_after <= 439
        manager.rate("api", 5000, per=HOUR)
        assert manager.permit("api", wait=False) > HOUR - 61
        manager.rate("web", 10, per=HOUR)
        manager.permit("web", 10, wait=False)
        manager.rate("web", 5000, per=HOUR)
        assert manager.permit("web", wait=False) == 0  # 11 of a burst of 83
        manager.rate("few", 6000, per=60)
        manager.permit("few", 100, wait=False)
        manager.rate("few", 10, per=60)
        with pytest.raises(bgjobs.NotPermitted) as caught:
            manager.permit("few", wait=False)
        assert caught.value.retry_after == 600 - 120


def test_a_limit_that_is_lifted_puts_nobody_off(project):
    manager, later = clocked(project)
    with manager:
        manager.rate("api", 5000, per=HOUR)
        manager.rate_limited("api", HOUR)
        assert manager.permit("api", 83, wait=False) == HOUR
        later(10)
        manager.rate_limit_over("api")
        assert manager.permit("api", wait=False) == 0
        manager.rate_limited("api", 100)
        assert manager.permit("api", wait=False) == 100
        later(200)
        # It has passed by itself: what was put off was used.
        manager.rate_limit_over("api")
        assert manager.permit("api", wait=False) == 0


def test_limits_leave_room_for_rates(project):
    manager, _ = clocked(project)
    with manager:
        for number in range(1000):
            manager.rate_limited(f"limited-{number}", 20)
            manager.rate(f"rated-{number}", 10)
        with pytest.raises(bgjobs.Invalid):
            manager.rate("one more", 10)
        manager.rate_limited("late", 500)
        job = manager.ensure("sync", "late", {"provider": "late"})
        assert job.start() is bgjobs.Outcome.PAUSED
    with bgjobs.JobManager(project) as manager:
        assert len(manager.queue()["providers"]) > 1000


def test_a_limit_that_is_said_again_finds_who_was_left(project):
    """Somebody resumed one, or who said it first died before all were paused."""
    with bgjobs.JobManager(project) as manager:
        jobs = [manager.ensure("sync", str(n), {"provider": "hub"}) for n in range(3)]
        for job in jobs:
            job.start()
        manager.rate_limited("hub", 900)
        jobs[1].resume()
        jobs[2].resume()
        jobs[1].rate_limited("hub", 5)
        assert [job.info().reason for job in jobs] == ["rate-limit"] * 3
        assert all(job.info().wait.total_seconds() > 800 for job in jobs)


def test_only_its_own_limit_is_lifted(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.ensure("sync", "a", {"provider": "github"})
        job.start()
        job.rate_limited("gitlab", 3600)
        manager.rate_limited("github", 1)
        manager.rate_limit_over("github")
        assert job.info().reason == "rate-limit" and job.info().wait.total_seconds() > 3000
        held = manager.ensure("sync", "b", {"provider": "github"})
        held.pause("rate-limit")
        manager.rate_limited("github", 1)
        assert held.info().resume_at is None


def test_those_that_start_meanwhile_go_on_one_after_the_other(project):
    manager, _ = clocked(project)
    with manager:
        manager.rate_limited("hub", 100)
        times = []
        for number in range(20):
            job = manager.ensure("sync", str(number), {"provider": "hub"})
            assert job.start() is bgjobs.Outcome.PAUSED
            times.append(job.info().wait.total_seconds())
        times.sort()
        assert times[0] > 99 and times[-1] < 111
        assert max(b - a for a, b in zip(times, times[1:])) < 1.2


def test_who_dies_while_a_limit_is_said_or_lifted_leaves_nobody(project, tmp_path):
    """Killed after each of its changes, and said again."""
    jobs, dice = 12, random.Random(2)
    with bgjobs.JobManager(project) as manager:
        all = [manager.ensure("sync", str(n), {"provider": "hub"}) for n in range(jobs)]
        for job in all:
            job.start()
        for turn in range(12):
            pid = os.fork()
            if pid == 0:
                with bgjobs.JobManager(project) as other:
                    if turn % 2:
                        other.rate_limit_over("hub")
                    else:
                        other.rate_limited("hub", 1000)
                os._exit(0)
            time.sleep(dice.random() * 0.02)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            if turn % 2:
                manager.rate_limit_over("hub")
            else:
                manager.rate_limited("hub", 900)
            expected = bgjobs.JobStatus.RUNNING if turn % 2 else bgjobs.JobStatus.PAUSED
            assert {job.info().status for job in all} == {expected}


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
        assert other.queue()["providers"] == []
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
