"""Jobs that are tried again."""

import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bgjobs
from bgjobs import Invalid, JobStatus, Outcome

START = 1_800_000_000_000  # ms

script = st.lists(
    st.sampled_from(["run", "fail", "leave", "die", "done", "retry", "resume", "later"]),
    max_size=40,
)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 5_000), st.integers(1, 20_000), script)
def test_it_is_the_reference(tmp_path_factory, attempts, first, most, script):
    """Failures and deaths counted anew, in the plainest way."""
    project = tmp_path_factory.mktemp("attempts")
    now = [START]
    clock = {"clock": lambda _: now[0] * 1_000_000}
    most = max(first, most)
    with bgjobs.JobManager(project, **clock) as manager:
        backoff = timedelta(milliseconds=first), timedelta(milliseconds=most)
        job = manager.enqueue("t", attempts=attempts, backoff=backoff)
        status, failures, deaths, lock = "pending", 0, [], None
        begun = 0
        for step in script:
            if step == "run" and status in ("pending", "interrupted"):
                retry_at = job.info().retry_at
                early = retry_at is not None and retry_at.timestamp() * 1000 > now[0]
                # Each in its own file, whose lock goes with it.
                lock = (project / f"lock{now[0]}").open("w")
                what = job.start(detached=True, owner_fd=lock.fileno())
                assert what is (Outcome.WAITING if early else Outcome.OK)
                status, begun = (status, begun) if early else ("running", now[0])
            elif step == "fail" and status == "running":
                failures += 1
                what = job.fail("no")
                if failures < attempts:
                    assert what is Outcome.RETRYING
                    wait = job.info().retry_at.timestamp() * 1000 - now[0]
                    longest = min(first * 2 ** (failures - 1), most)
                    assert longest / 2 - 1 <= wait <= longest
                    status, deaths = "pending", []
                else:
                    assert what is Outcome.OK
                    status = "failed"
            elif step == "die" and status == "running":
                lock.close()
                deaths.append(begun)
                is_poison = len(deaths) >= 5 and begun - deaths[0] >= 60_000
                status = "poison" if is_poison else "interrupted"
                manager.find(job.id).plan(["p"])  # a change: it closes what the dead one has left
            elif step == "done" and status == "running":
                job.done(f"i{now[0]}")
                deaths = []
            elif step == "retry" and status == "failed":
                job.retry()
                status, failures, deaths = "pending", 0, []
            elif step == "resume" and status in ("poison", "interrupted"):
                job.resume()
                status, deaths = "pending", []
            elif step == "later":
                now[0] += 17_000
            now[0] += 1
            # As somebody else reads it from the files.
            with bgjobs.JobManager(project, **clock) as other:
                info = other.find(job.id).info()
            seen = info.reason if info.status is JobStatus.PAUSED else info.status.name.lower()
            assert seen == status
            assert info.failures == min(failures, attempts - 1)


def test_an_exception_is_an_attempt(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager:
        manager.enqueue("t", attempts=3, backoff=0)
        tries = []
        for job in manager.claims(wait=True, until_empty=True):
            with suppress(ValueError), job:
                tries.append(job.info().failures)
                if len(tries) < 3:
                    raise ValueError("no")
        assert tries == [0, 1, 2]
        assert job.info().status is JobStatus.COMPLETED


def test_a_job_that_kills_its_workers(tmp_path):
    worker = (
        "import bgjobs, os, signal, sys, time\n"
        "clock = lambda _: time.time_ns() + int(sys.argv[1]) * 10**9\n"
        "with bgjobs.JobManager('.', clock=clock) as manager:\n"
        "    job = manager.claim()\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if job else exit(3)\n"
    )

    def work(later):
        words = [sys.executable, "-c", worker, str(later)]
        return subprocess.run(words, cwd=tmp_path).returncode

    with bgjobs.JobManager(tmp_path) as manager:
        bad, good = manager.enqueue("bad", priority=1), manager.enqueue("good")
        # In less than a minute it is somebody who kills at random.
        assert [work(0) for _ in range(6)] == [-signal.SIGKILL] * 6
        assert bad.info().reason == "interrupted"
        assert work(61) == -signal.SIGKILL
        assert manager.claim().id == good.id
        info = bad.info()
        assert (info.status, info.reason) == (JobStatus.PAUSED, "poison")
        assert "poison: 7 processes ended" in bad.waits()[0]["text"]
        bad.resume()
        assert manager.claim().id == bad.id


def test_what_is_wrong_is_said(tmp_path):
    with bgjobs.JobManager(tmp_path) as manager:
        job = manager.create("t")
        for wrong in (
            {"attempts": 0},
            {"attempts": 1001},
            {"backoff": 1},
            {"attempts": 2, "backoff": -1},
            {"attempts": 2, "backoff": timedelta(days=32)},
            {"attempts": 2, "backoff": (1, 3e9)},
        ):
            with pytest.raises(Invalid):
                job.enqueue(**wrong)
        with pytest.raises(TypeError):
            job.enqueue(attempts=2, backoff="1s")
        assert not job.info().enqueued
        job.enqueue(attempts=2, backoff=timedelta(days=2))
        assert job.info().max_attempts == 2
