"""What the tests share. Without settings the library of build/ and the sources are tested."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Bindings" / "Python" / "src"
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))

# BGJOBS_INSTALLED: an installed package, say the wheel, is tested in place of the sources.
if not os.environ.get("BGJOBS_INSTALLED"):
    os.environ.setdefault("BGJOBS_LIBRARY", str(BUILD / "libbgjobs.so"))
    sys.path.insert(0, str(SOURCES))
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    )

import bgjobs  # noqa: E402


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def manager(project):
    with bgjobs.JobManager(project) as manager:
        yield manager


@pytest.fixture
def job(manager):
    """A running job that nobody has planned."""
    job = manager.ensure("import-issues", "all")
    job.start()
    return job


@pytest.fixture
def python(project):
    """Starts a Python program in the project's directory; what is left of it is killed."""
    children = []

    def start(code, *arguments, **options):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            cwd=project,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def await_that(what, seconds=30):
    """Waits for something to become true, and gives it."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
    return value
