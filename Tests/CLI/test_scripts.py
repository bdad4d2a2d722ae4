"""The shell examples with 200 items: killed, run again, finished."""

import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import ROOT

EXAMPLES = ROOT / "Examples"


def run_and_kill(project, arguments, kills=4):
    """Runs it until it has ended by itself; gives how often it was killed."""
    chance = random.Random(2)
    killed = 0
    while True:
        script = subprocess.Popen(
            arguments,
            cwd=project.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if killed < kills:
            try:
                script.wait(chance.uniform(0.2, 0.7))
            except subprocess.TimeoutExpired:
                script.send_signal(signal.SIGKILL)
                script.wait()
                killed += 1
                (job,) = project.jobs()
                assert job["status"] == "paused" and job["reason"] in ("interrupted", "rate-limit")
                continue
        _, errors = script.communicate(timeout=120)
        assert script.returncode == 0, errors
        return killed


def check(project, type, count):
    (job,) = project.jobs()
    assert (job["type"], job["status"], job["current"]) == (type, "completed", count)
    progress = project.job(job["id"])["progress"]
    assert len(set(progress["itemsCompleted"])) == len(progress["itemsCompleted"]) == count


def test_import(project):
    assert run_and_kill(project, [EXAMPLES / "import.sh", project.path, "200"]) >= 2
    check(project, "import-issues", 200)
    assert len(list((project.path / "issues").iterdir())) == 200


def test_clone(project, tmp_path_factory):
    served = tmp_path_factory.mktemp("served")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", served / "one"]
    subprocess.run(["git", "init", "-q", served / "one"], check=True)
    (served / "one/file").write_text("x")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", served / "one", served / "all"], check=True)
    urls = []
    for n in range(200):
        shutil.copytree(served / "all", served / f"r{n}.git")
        urls.append(f"file://{served}/r{n}.git")
    (served / "list").write_text("\n".join(urls))
    assert run_and_kill(project, [EXAMPLES / "clone.sh", project.path, served / "list"]) >= 2
    check(project, "clone-repos", 200)
    for n in range(200):
        assert (project.path / f"r{n}/file").read_text() == "x"
    time.sleep(0.5)


@pytest.mark.parametrize("name", ["clone.sh", "import.sh"])
def test_usage(project, name):
    done = subprocess.run([EXAMPLES / name], cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 2 and "usage" in done.stderr


def test_a_pause_of_somebody_else(project):
    script = subprocess.Popen(
        [EXAMPLES / "import.sh", project.path, "40"], cwd=project.path, stderr=subprocess.DEVNULL
    )
    while not project.jobs():
        time.sleep(0.01)
    (job,) = project.jobs()
    project.run("wait", job["id"], "--for", "running", "--timeout", "20")
    project.run("pause", job["id"])
    time.sleep(0.5)
    done = project.info(job["id"])["itemsCompleted"]
    time.sleep(0.3)
    assert project.info(job["id"])["itemsCompleted"] == done < 40
    project.run("resume", job["id"])
    assert script.wait(60) == 0
    check(project, "import-issues", 40)
