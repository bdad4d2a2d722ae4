"""The loops that the documents tell people to copy, as they stand there."""

import contextlib
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import ROOT

ITEMS = "abcdefghij"
# What it does with an item stands in the file that has the item's name.
IMPORT = """#!/bin/sh
echo "$1" >>ran
[ ! -e "do-$1" ] || . "./do-$1"
"""


def script(document):
    """The shell code of the document that works on a job with single commands."""
    text = (ROOT / document).read_text()
    (code,) = (
        block for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) if "ensure" in block
    )
    return code


@pytest.fixture(params=["AGENTS.md", "README.md"])
def loop(request, project):
    (project.path / "issues.txt").write_text("\n".join(ITEMS) + "\n")
    (project.path / "import").write_text(IMPORT)
    (project.path / "import").chmod(0o755)
    running = []

    def start():
        process = subprocess.Popen(
            ["bash", "-c", script(request.param)],
            cwd=project.path,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        # What it has started, too, which holds its standard error open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ran(project):
    file = project.path / "ran"
    return file.read_text().split() if file.exists() else []


def await_true(what, seconds=15):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def only(project):
    (job,) = project.jobs()
    return job


def test_all_items_are_done(project, loop):
    assert loop().wait(60) == 0
    job = only(project)
    assert (job["status"], job["itemsCompleted"], ran(project)) == ("completed", 10, list(ITEMS))


def test_a_pause_is_waited_for_and_completes_nothing(project, loop):
    """It comes while an item is worked on: its `done` then exits with 8."""
    (project.path / "do-d").write_text("bgjobs pause $(bgjobs list | cut -f1)\n")
    process = loop()
    await_true(lambda: "d" in ran(project))
    await_true(lambda: only(project)["itemsCompleted"] == 4)
    time.sleep(0.7)
    job = only(project)
    assert process.poll() is None and ran(project) == list("abcd")
    assert (job["status"], job["itemsCompleted"], job["itemsFailed"]) == ("paused", 4, 0)
    project.run("resume", job["id"])
    assert process.wait(60) == 0
    job = only(project)
    assert (job["status"], job["itemsCompleted"], ran(project)) == ("completed", 10, list(ITEMS))


def test_a_second_instance_does_nothing(project, loop):
    (project.path / "do-c").write_text("while ! test -e go; do sleep 0.01; done\n")
    first = loop()
    await_true(lambda: "c" in ran(project))
    second = loop()
    assert second.wait(30) == 4
    assert str(first.pid) in second.stderr.read()
    (project.path / "go").touch()
    assert first.wait(60) == 0
    assert ran(project) == list(ITEMS)


def test_an_item_that_fails(project, loop):
    (project.path / "do-e").write_text("exit 3\n")
    assert loop().wait(60) == 7
    job = only(project)
    assert (job["status"], job["itemsCompleted"], job["itemsFailed"]) == ("completed", 9, 1)
    assert "e: exit 3" in project.out("show", job["id"])


def test_a_job_that_is_paused_is_not_begun(project, loop):
    (project.path / "do-b").write_text("kill -9 $PPID; sleep 0.2\n")
    loop().wait(60)
    project.run("pause", only(project)["id"])
    process = loop()
    assert process.wait(30) == 8
    assert ran(project) == ["a", "b"] and only(project)["status"] == "paused"


def test_a_killed_instance_goes_on_in_the_next(project, loop):
    (project.path / "do-d").write_text("rm do-d; kill -9 $PPID; sleep 0.2\n")
    loop().wait(60)
    assert (only(project)["status"], only(project)["reason"]) == ("paused", "interrupted")
    assert loop().wait(60) == 0
    assert only(project)["itemsCompleted"] == 10
    assert ran(project) == [*"abcd", *"defghij"]


def test_a_cancelled_job_ends_the_loop(project, loop):
    (project.path / "do-f").write_text("bgjobs cancel $(bgjobs list | cut -f1) --why enough\n")
    process = loop()
    assert process.wait(60) == 9
    assert "was cancelled: enough" in process.stderr.read()
    assert ran(project) == list("abcdef") and only(project)["status"] == "failed"
