"""The examples, killed and gone on with, also by those in C."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from bgjobs import JobStatus
from conftest import BUILD, ROOT, await_that

C_EXAMPLES = BUILD / "Examples"
SWIFT_EXAMPLE = ROOT / ".build" / "debug" / "Clone"
needs_swift = pytest.mark.skipif(not SWIFT_EXAMPLE.exists(), reason="not built")
C_BUILT = (C_EXAMPLES / "clone").exists()
needs_c = pytest.mark.skipif(not C_BUILT, reason="not built")

# As Tests/C/test_examples.c has it: "slow" takes until there is a file "go", and one of its
# helpers writes and writes; "bad" fails.
FAKE_GIT = """#!/bin/sh
for target; do url=$previous; previous=$target; done
echo "$url" >>calls
case $url in */bad.git) exit 1 ;; esac
mkdir "$target" || exit 1
(while echo x >>"$target/writes"; do sleep 0.01; done) &
case $url in */slow.git) until [ -e go ]; do sleep 0.01; done ;; esac
kill $!
"""
LIST = "file:///r/first.git\nfile:///r/slow.git\n\nhost:r/last\n"


@pytest.fixture
def run(project, tmp_path, monkeypatch):
    """Starts an example: run("clone", "py"), run("import", "c")."""
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text(FAKE_GIT)
    git.chmod(git.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    started = []

    def start(name, language, urls=LIST):
        if language == "py":
            command = [sys.executable, ROOT / "Examples" / f"{name}.py", project]
        elif language == "swift":
            command = [SWIFT_EXAMPLE, project]
        else:
            command = [C_EXAMPLES / name, project]
        if name == "clone":
            (tmp_path / "list").write_text(urls)
            command.append(tmp_path / "list")
        started.append(subprocess.Popen(command))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
    (project / "go").touch()
    await_that(lambda: not processes(project))


def processes(project):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{entry}/cwd").startswith(str(project)):
                found.append(entry)
        except OSError:
            pass
    return found


def calls(project, name):
    return (project / "calls").read_text().count(name)


def half_made(project):
    return list(project.glob(".half-made.*"))


def await_job(manager, **expected):
    def look():
        for info in manager.list():
            if all(getattr(info, name) == value for name, value in expected.items()):
                return info
        return None

    return await_that(look)


PAIRS = [
    ("py", "py"),
    pytest.param("py", "c", marks=needs_c),
    pytest.param("c", "py", marks=needs_c),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_killed_clone_leaves_nothing_alive_and_goes_on(project, manager, run, first, second):
    child = run("clone", first)
    begun = await_job(manager, status=JobStatus.RUNNING, current_item="slow", current=1)
    await_that(lambda: half_made(project))
    inode = (project / "first").stat().st_ino
    child.send_signal(signal.SIGKILL)
    child.wait()
    await_that(lambda: not processes(project), 10)
    await_job(manager, status=JobStatus.PAUSED, reason="interrupted", current=1)
    assert half_made(project)

    (project / "go").touch()
    assert run("clone", second).wait(timeout=60) == 0
    [info] = manager.list()
    assert (info.id, info.status) == (begun.id, JobStatus.COMPLETED)
    assert (info.items_completed, info.total) == (3, 3)
    assert not half_made(project)
    assert [calls(project, name) for name in ("first.git", "slow.git", "last")] == [1, 2, 1]
    assert (project / "first").stat().st_ino == inode
    config = manager.find(info.id).config
    assert config == {
        "type": "clone-repos",
        "repositories": ["first", "slow", "last"],
        "projectPath": str(project.resolve()),
    }


def test_a_byte_order_mark_is_no_part_of_the_first_address(project, run):
    (project / "go").touch()
    assert run("clone", "py", urls="\ufefffile:///r/first.git\n").wait(timeout=60) == 0
    assert (project / "calls").read_text() == "file:///r/first.git\n"


@needs_c
@needs_swift
@pytest.mark.parametrize(
    "languages", [("c", "swift", "py"), ("swift", "py", "c"), ("py", "c", "swift")]
)
def test_three_hosts_do_one_job(project, manager, run, languages):
    """Begun with one, killed, gone on with the next, killed, finished with the third."""
    ids = set()
    for count, language in enumerate(languages[:2], 1):
        child = run("clone", language)
        ids.add(await_job(manager, status=JobStatus.RUNNING, current_item="slow", current=1).id)
        await_that(lambda count=count: calls(project, "slow.git") == count)
        await_that(lambda: half_made(project))
        child.kill()
        child.wait()
        await_job(manager, status=JobStatus.PAUSED, reason="interrupted", current=1)
        # Of the helpers of the false git, the Swift example ends the first only.
        for process in processes(project):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
    (project / "go").touch()
    assert run("clone", languages[2]).wait(timeout=60) == 0
    [info] = manager.list()
    assert ids == {info.id} and info.status is JobStatus.COMPLETED
    assert (info.items_completed, info.total, info.attempts) == (3, 3, 1)
    assert [calls(project, name) for name in ("first.git", "slow.git", "last")] == [1, 3, 1]
    assert not half_made(project)

    manager.sync()
    [job] = json.loads((project / ".specweave/state/background-jobs.json").read_text())["jobs"]
    assert job["status"] == "completed"
    assert job["progress"]["itemsCompleted"] == ["first", "slow", "last"]


def test_a_paused_clone_waits(project, manager, run):
    child = run("clone", "py")
    job = manager.find(await_job(manager, status=JobStatus.RUNNING, current_item="slow").id)
    job.pause()
    time.sleep(0.05)
    (project / "go").touch()
    await_that(lambda: job.info().pause_acknowledged)
    time.sleep(0.3)
    assert calls(project, "last") == 0 and job.info().items_completed == 2
    job.resume()
    assert child.wait(timeout=30) == 0
    assert job.info().status is JobStatus.COMPLETED


def test_a_cancelled_clone_ends(project, manager, run):
    child = run("clone", "py")
    job = manager.find(await_job(manager, status=JobStatus.RUNNING, current_item="slow").id)
    job.cancel("enough")
    time.sleep(0.05)
    (project / "go").touch()
    assert child.wait(timeout=30) == 1
    assert calls(project, "last") == 0
    assert job.info().reason == "cancelled" and not half_made(project)


def test_a_clone_that_fails_is_a_failed_item(project, manager, run):
    child = run("clone", "py", "file:///r/bad.git\nfile:///r/first.git\n")
    assert child.wait(timeout=30) == 1
    [info] = manager.list()
    assert (info.status, info.items_failed) == (JobStatus.COMPLETED, 1)
    assert info.items_completed == 1 and not half_made(project)


def test_two_clones_do_not_work_on_one_job(project, manager, run):
    first = run("clone", "py")
    await_job(manager, status=JobStatus.RUNNING, current_item="slow")
    assert run("clone", "py").wait(timeout=30) == 1
    assert half_made(project)
    (project / "go").touch()
    assert first.wait(timeout=30) == 0


def test_an_import_goes_on_after_kills_and_a_rate_limit(project, manager, run):
    """Whoever goes on, the state file tells one story."""
    languages = ["py", "c", "c", "py"] if C_BUILT else ["py"] * 4
    ids = set()
    for least, language in zip((150, 2500, 4900), languages):
        child = run("import", language)
        await_job(manager, status=JobStatus.RUNNING)
        if least < 4900:
            await_that(lambda least=least: manager.list()[0].current >= least)
        else:
            await_job(manager, reason="rate-limit")
        child.send_signal(signal.SIGKILL)
        child.wait()
        [info] = manager.list()
        assert info.status is JobStatus.PAUSED and least <= info.current <= 5000
        ids.add(info.id)
    assert run("import", languages[3]).wait(timeout=60) == 0
    [info] = manager.list()
    assert ids == {info.id}
    assert (info.status, info.percentage) == (JobStatus.COMPLETED, 100)
    assert info.items_completed == info.current == info.total == 10000
    assert manager.find(info.id).cursor == 100
    assert len(os.listdir(project / "issues")) == 10000

    manager.sync()
    [job] = json.loads((project / ".specweave/state/background-jobs.json").read_text())["jobs"]
    assert job["status"] == "completed"
    assert job["progress"]["itemsCompleted"] == [f"issue-{i + 1:05d}" for i in range(10000)]
