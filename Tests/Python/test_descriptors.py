"""A store may have more open logs than a process may have descriptors."""

import resource
import subprocess
import textwrap

import pytest

MANY = 250
FEW = 64

LIMITED = f"""
import bgjobs, resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW}, {FEW}))
manager = bgjobs.JobManager(".")
"""


@pytest.fixture
def limited(python):
    """Runs code on a manager in a process with few descriptors."""

    def run(code):
        assert python(LIMITED + textwrap.dedent(code)).wait(120) == 0

    return run


def test_more_open_logs_than_descriptors(limited, python):
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
    limited("assert all(info.items_completed == 1 for info in manager.list())")
    limited("manager.create('more').start()")
    owner.kill()
    owner.wait()
    limited(
        """
        for info in manager.list(type="import"):
            job = manager.find(info.id)
            job.start()
            job.complete()
        manager.cleanup(0)
        assert [info.type for info in manager.list()] == ["more"]
        """
    )
