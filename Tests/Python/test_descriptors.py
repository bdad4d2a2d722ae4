"""A store may have more open logs than a process may have descriptors.

BGJOBS_OPEN_LOGS says how many; 5000 takes a minute or so, mostly to start the jobs.
"""

import os
import resource
import subprocess
import textwrap
import time

import pytest

MANY = int(os.environ.get("BGJOBS_OPEN_LOGS", 400))
LEAST, FEW = 64, 256

LIMITED = """
import bgjobs, resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))
manager = bgjobs.JobManager(".")
"""


@pytest.fixture
def limited(python):
    """Runs code on a manager in a process with few descriptors."""

    def run(code, descriptors=LEAST):
        code = LIMITED.format(descriptors) + textwrap.dedent(code)
        assert python(code).wait(600) == 0

    return run


@pytest.fixture
def owner(python):
    """A process that owns many jobs."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 2 * MANY:
        pytest.skip(f"the limit of descriptors is {hard}")
    owner = python(
        f"""
        import bgjobs, resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, ({2 * MANY}, {2 * MANY}))
        manager = bgjobs.JobManager(".")
        for n in range({MANY}):
            job = manager.create("import")
            job.start()
            job.done("one")
        manager.sync()
        print("ready", flush=True)
        sys.stdin.read()
        """,
        stdin=subprocess.PIPE,
    )
    assert owner.stdout.readline() == "ready\n"
    return owner


def test_more_open_logs_than_descriptors(limited, owner):
    limited("assert all(info.items_completed == 1 for info in manager.list())")
    limited("manager.create('more').start()")
    owner.kill()
    owner.wait()
    limited(
        """
        infos = manager.list(type="import")
        for info in infos[:100]:
            job = manager.find(info.id)
            job.start()
            job.complete()
        manager.cleanup(0)
        assert len(manager.list()) == len(infos) + 1 - 100
        """
    )


def test_every_call_beside_the_open_logs_of_a_dead_owner(limited, owner):
    owner.kill()
    owner.wait()
    before = time.monotonic()
    limited(
        f"""
        viewer = bgjobs.JobManager(".", read_only=True)
        viewer.check()
        infos = viewer.list()
        assert len(infos) == {MANY}
        for info in infos:
            job = viewer.find(info.id)
            assert job.info().status_name == "paused" and job.is_done("one")
            assert [item.name for item in job.items()] == ["one"]
        viewer.close()

        new = manager.ensure("more", "a")
        new.plan([str(n) for n in range(100)])
        new.start()
        for item in new.remaining():
            new.done(item)
        new.complete()
        jobs = [manager.find(info.id) for info in infos]
        for job in jobs[:100]:
            job.start()
            job.done("two")
        other = bgjobs.JobManager(".")
        for info in infos[:100]:
            other.find(info.id).pause()
        assert all(job.info().status_name == "paused" for job in jobs[:100])
        for info in infos[:100]:
            other.find(info.id).resume()
        for number in range(40):
            other.create("filler", {{"text": "x" * 1000}})  # enough for a compaction
        other.check()
        other.close()
        for job in jobs[:100]:
            job.done("three")
            job.complete()
        manager.sync()
        manager.check()
        assert manager.cleanup(0) == 101
        left = manager.list(type="import")
        assert len(left) == {MANY} - 100
        assert all(info.status_name == "paused" for info in left)
        manager.close()
        """,
        FEW,
    )
    seconds = time.monotonic() - before
    print(f"{MANY} open logs: {seconds:.1f} s")


def test_a_process_that_owns_as_many_jobs_as_it_can(limited):
    """The last descriptors are kept for what else is to be done."""
    limited(
        """
        import errno, time
        jobs = []
        try:
            while True:
                job = manager.create("import")
                job.start()
                jobs.append(job)
                job.done("one")
        except bgjobs.IOFailure as problem:
            assert problem.os_error == errno.EMFILE, problem
        assert len(jobs) > 100, len(jobs)
        other = bgjobs.JobManager(".")
        assert len(other.list()) == len(jobs) + 1
        for job in jobs:
            assert other.find(job.id).info().items_completed == 1
        other.find(jobs[0].id).pause()
        other.close()
        time.sleep(0.1)
        assert jobs[0].done("two") is bgjobs.Outcome.PAUSED
        jobs[0].resume()
        manager.check()
        jobs.pop().complete()
        again = manager.create("again")
        again.start()
        again.complete()
        manager.sync()
        for job in jobs[1:]:
            job.complete()
        manager.cleanup(0)
        assert {info.type for info in manager.list()} == {"import"}
        manager.close()
        """,
        FEW,
    )
