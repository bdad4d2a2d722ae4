"""Several jobs for one command, and what it says of each."""

import os
import signal
import subprocess

import pytest

from secret import await_true


@pytest.fixture
def ids(project):
    return [project.out("create", "t") for _ in range(3)]


def statuses(project, ids):
    return [project.info(id)["status"] for id in ids]


def test_what_changed_is_said_in_one_line(project, ids):
    id = ids[0]
    assert project.run("pause", id).stderr == f"job {id}: pending -> paused\n"
    assert project.run("pause", id).stderr == f"job {id}: paused already\n"
    said = project.run("resume", id).stderr
    assert said.startswith(f"job {id}: paused -> pending; ") and len(said.splitlines()) == 1
    project.run("start", id, "--owner-pid", os.getpid())
    assert project.run("pause", id).stderr == f"job {id}: running -> paused\n"
    said = project.run("resume", id).stderr
    assert said == f"job {id}: paused -> running, in process {os.getpid()}\n"
    assert project.run("cancel", id).stderr == f"job {id}: running -> failed, cancelled\n"
    assert project.run("retry", id).stderr == f"job {id}: failed, cancelled -> pending\n"


@pytest.mark.parametrize("command", ("pause", "cancel"))
@pytest.mark.parametrize("all", (False, True), ids=("ids", "--all"))
def test_several_jobs_at_once(project, ids, command, all):
    done = project.run(command, *(["--all"] if all else ids))
    new = {"pause": "paused", "cancel": "failed, cancelled"}[command]
    assert sorted(done.stderr.splitlines()) == sorted(f"job {id}: pending -> {new}" for id in ids)
    assert done.stdout == ""
    back = {"pause": "resume", "cancel": "retry"}[command]
    # What was cancelled was meant to end: --all does not bring it back.
    project.run(back, *(["--all"] if all and command == "pause" else ids))
    assert statuses(project, ids) == ["pending"] * 3


@pytest.mark.parametrize("command", ("pause", "resume", "cancel", "retry", "wait"))
def test_all_are_tried_and_the_exit_code_is_the_highest(project, ids, command):
    project.run("start", ids[0], "--owner-pid", os.getpid())
    project.run("complete", ids[0])
    for id in ids[1:]:
        project.run("start", id, "--owner-pid", os.getpid())
        project.run("cancel" if command in ("retry", "wait") else "pause", id)
    done = project.run(command, ids[1], "zzzz", ids[0], ids[2], code=None)
    expected = {"retry": 6, "wait": 9}.get(command, 9)
    assert done.returncode == expected, done.stderr
    assert "zzzz" in done.stderr
    for id in ids[1:]:
        assert id in done.stderr
    changed = {"pause": "paused", "resume": "running", "cancel": "failed", "retry": "pending"}
    if command in changed:
        assert statuses(project, ids[1:]) == [changed[command]] * 2


def test_all_means_those_for_which_it_is_possible(project, ids):
    project.run("start", ids[0], "--owner-pid", os.getpid())
    project.run("complete", ids[0])
    project.run("pause", ids[1], "--reason", "weather")
    assert project.run("pause", "--all").stderr == f"job {ids[2]}: pending -> paused\n"
    assert project.info(ids[1])["reason"] == "weather"
    project.run("cancel", "--all")
    assert statuses(project, ids) == ["completed", "failed", "failed"]
    for command in ("pause", "resume", "cancel", "wait"):
        assert project.run(command, "--all").stderr == "there is no such job\n"
    # What was cancelled was meant to end.
    assert project.run("retry", "--all").stderr == "there is no such job\n"
    project.run("retry", *ids[1:])
    assert statuses(project, ids) == ["completed", "pending", "pending"]


def test_2_no_job_or_all_and_one(project, ids):
    for command in ("pause", "resume", "cancel", "retry", "wait"):
        assert "--all" in project.run(command, code=2).stderr
        assert "exclude" in project.run(command, "--all", ids[0], code=2).stderr
        assert "empty" in project.run(command, "", code=2).stderr


def test_wait_waits_for_all(project, ids):
    for id in ids:
        project.run("start", id, "--owner-pid", os.getpid())
    wait = subprocess.Popen(["bgjobs", "wait", *ids], cwd=project.path)
    for id in ids:
        assert wait.poll() is None
        project.run("complete", id)
    assert wait.wait(30) == 0
    assert project.run("wait", ids[0], ids[1], "--timeout", "0").stderr == ""


def test_wait_says_which_are_not_there_in_time(project, ids):
    project.run("start", ids[0], "--owner-pid", os.getpid())
    project.run("complete", ids[0])
    done = project.run("wait", *ids, "--timeout", "100ms", code=124)
    assert done.stderr == "".join(f"bgjobs: job {id} is still pending\n" for id in ids[1:])


def test_wait_heeds_a_signal(project, ids):
    wait = subprocess.Popen(["bgjobs", "wait", *ids], cwd=project.path)
    await_true(lambda: has_blocked(wait.pid, signal.SIGTERM))
    wait.send_signal(signal.SIGTERM)
    assert wait.wait(30) == -signal.SIGTERM


def has_blocked(pid, number):
    with open(f"/proc/{pid}/status") as file:
        (mask,) = [line.split()[1] for line in file if line.startswith("SigBlk:")]
    return int(mask, 16) >> (number - 1) & 1 == 1


@pytest.mark.parametrize("others", (0, 1), ids=("alone", "with another one"))
def test_wait_tells_once_when_the_runner_dies_under_it(project, others):
    script = "touch up; while ! test -e go; do sleep 0.01; done"
    id = project.out("run", "--detach", "--", "sh", "-c", script)
    more = [project.out("create", "t") for _ in range(others)]
    await_true((project.path / "up").exists)
    runner = project.info(id)["ownerPid"]
    wait = subprocess.Popen(
        ["bgjobs", "wait", id, *more], cwd=project.path, stderr=subprocess.PIPE, text=True
    )
    await_true(lambda: has_blocked(wait.pid, signal.SIGTERM))
    os.kill(runner, signal.SIGKILL)
    said = wait.stderr.readline()
    assert f"job {id} is interrupted" in said and str(runner) in said
    assert f"bgjobs resume {id}" in said
    (project.path / "go").touch()
    project.run("resume", id)
    for other in more:
        project.run("start", other, "--owner-pid", os.getpid())
        project.run("complete", other)
    assert wait.wait(30) == 0
    assert wait.stderr.read() == ""


def test_wait_that_asks_for_a_pause_says_nothing_of_it(project):
    id = project.out("run", "--detach", "--", "sh", "-c", "kill -9 $PPID")
    assert project.run("wait", id, "--for", "paused,completed").stderr == ""


def test_retry_of_a_run_runs_it(project):
    script = 'echo $1 >>ran; test "$1" = a || test -e go'
    line = ["run", "--each", "a", "b", "c", "--", "sh", "-c", script, "sh", "{}"]
    project.run(*line, code=7)
    (job,) = project.jobs()
    (project.path / "go").touch()
    said = project.run("retry", job["id"]).stderr
    assert said.startswith(f"job {job['id']}: ") and "-> running, with 2 failed items" in said
    assert len(said.splitlines()) == 1
    project.run("wait", job["id"], "--timeout", "30")
    assert (project.path / "ran").read_text().split() == ["a", "b", "c", "b", "c"]


def test_retry_may_leave_it_pending(project):
    project.run("run", "--", "false", code=1)
    (job,) = project.jobs()
    said = project.run("retry", "--no-start", job["id"]).stderr
    assert said == f"job {job['id']}: failed -> pending\n"
    assert project.info(job["id"])["status"] == "pending"


@pytest.mark.parametrize("owner", ([], ["--owner-pid"]), ids=("nobody", "a process"))
def test_start_refuses_a_job_of_run(project, owner):
    project.run("run", "--", "false", code=1)
    (job,) = project.jobs()
    project.run("retry", "--no-start", job["id"])
    options = [*owner, os.getpid()] if owner else []
    message = project.run("start", job["id"], *options, code=6).stderr
    assert f"bgjobs resume {job['id']}" in message
    assert project.info(job["id"])["status"] == "pending"
