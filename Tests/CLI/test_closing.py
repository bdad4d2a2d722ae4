"""After every way out of a command, what was reported stands in the state file soon."""

import json
import signal
import subprocess
import time

import pytest

from conftest import PROGRAM


def job_in(project, id):
    """The job as other tools see it: what the state file says, without our program."""
    (job,) = [job for job in json.loads(project.state.read_text())["jobs"] if job["id"] == id]
    return job


def paused_job(project):
    id = project.out("create", "t", "--total", "9")
    project.run("start", id)
    project.run("pause", id)
    return id


def is_soon(holds):
    """Within a second; the machine may be busy."""
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_items_reported_to_a_paused_job_are_published(project):
    id = paused_job(project)
    project.run("done", id, *(f"item-{n}" for n in range(20)), code=8)
    assert is_soon(lambda: len(job_in(project, id)["progress"]["itemsCompleted"]) == 20)


@pytest.mark.parametrize(
    "options",
    (["--current", "5"], ["--advance", "5"], ["--done", "x"], ["--failed", "x"]),
    ids=lambda options: options[0],
)
def test_each_report_to_a_paused_job_is_published(project, options):
    id = paused_job(project)
    for _ in range(12):  # the first few are published at once
        project.run("update", id, *options, code=8)
    shown = {**project.job(id)["progress"], "rate": 0, "eta": 0}
    assert is_soon(lambda: {**job_in(project, id)["progress"], "rate": 0, "eta": 0} == shown)


def test_a_failure_in_the_middle_publishes_what_came_before(project):
    id = project.out("create", "t")
    project.run("start", id)
    project.run("pause", id, "no-such-job", code=3)
    assert is_soon(lambda: job_in(project, id)["status"] == "paused")


def test_of_several_items_all_are_kept_or_none(project):
    id = project.out("create", "t")
    project.run("start", id)
    project.run("done", id, *(f"item-{n}" for n in range(20)), "", code=2)
    assert project.out("items", id) == ""
    project.run("done", id, *(f"item-{n}" for n in range(20)))
    assert len(project.out("items", id).splitlines()) == 20


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
@pytest.mark.parametrize("command", (["wait"], ["next", "--wait"]))
def test_a_wait_ends_by_its_signal(project, command, number):
    id = paused_job(project)
    process = subprocess.Popen(
        [PROGRAM, *command, id], cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (-number, b"", b"")


def test_a_wait_that_ended_a_rate_limit_publishes_that_when_it_is_interrupted(project):
    id = project.out("create", "t", "--total", "9")
    project.run("start", id)
    project.run("rate-limited", id, "--retry-after", "1")
    process = subprocess.Popen([PROGRAM, "wait", id], cwd=project.path)
    while project.info(id)["status"] == "paused":
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == -signal.SIGINT
    assert job_in(project, id)["status"] == project.info(id)["status"] != "paused"


def test_a_wait_keeps_an_ignored_signal_ignored(project):
    id = paused_job(project)
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$0" wait "$1" --timeout 1', PROGRAM, id],
        cwd=project.path,
        stderr=subprocess.PIPE,
    )
    time.sleep(0.3)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 124
