"""`python -m bgjobs`."""

import subprocess
import sys
import time

import pytest

import bgjobs
from bgjobs import JobStatus


@pytest.fixture
def run(project):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "bgjobs", "-C", str(project), *arguments],
            capture_output=True,
            text=True,
        )

    return run


def test_it_looks_and_steers(job, run):
    job.plan(["a", "b"])
    job.update(current_item="b\x1b[2J", done="a")
    for name, status in (
        ("show", "running"),
        ("pause", "paused  (asked)"),
        ("resume", "running"),
        ("cancel", "failed  (cancelled)"),
        ("retry", "pending"),
    ):
        done = run(name, job.id[:6])
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{job.id}  import-issues  all  {status}  1/2 50%" in done.stdout
        assert "\x1b" not in done.stdout
        if name == "cancel":
            time.sleep(0.05)
            with pytest.raises(bgjobs.JobFinished):  # its owner lets go of it
                job.done("b")
    assert job.info().status is JobStatus.PENDING
    assert run("list").stdout.count("\n") == 1


def test_what_is_wrong(run, project):
    wrong = run("pause", "nothing")
    assert wrong.returncode == 1 and "nothing" in wrong.stderr
    assert run("frobnicate").returncode == 2
    assert run("-C", str(project / "none"), "list").returncode == 1


def test_it_looks_for_the_project_upwards(job, run, project):
    below = project / "src/deep"
    below.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "bgjobs", "list"], cwd=below, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert job.id in done.stdout
