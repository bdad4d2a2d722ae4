"""The shell examples with 200 items: killed, run again, finished."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BUILD, ROOT

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


def serve(served, count):
    """The URLs of so many repositories, all the same."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", served / "one"]
    subprocess.run(["git", "init", "-q", served / "one"], check=True)
    (served / "one/file").write_text("x")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", served / "one", served / "all"], check=True)
    urls = []
    for n in range(count):
        shutil.copytree(served / "all", served / f"r{n}.git")
        urls.append(f"file://{served}/r{n}.git")
    return urls


def test_clone(project, tmp_path_factory):
    served = tmp_path_factory.mktemp("served")
    (served / "list").write_text("\n".join(serve(served, 200)))
    assert run_and_kill(project, [EXAMPLES / "clone.sh", project.path, served / "list"]) >= 2
    check(project, "clone-repos", 200)
    for n in range(200):
        assert (project.path / f"r{n}/file").read_text() == "x"
    time.sleep(0.5)


@pytest.mark.parametrize("name", ["pipeline.sh", "pipeline.py"])
def test_a_pipeline(project, tmp_path_factory, name):
    """Its workers are killed with it, three times."""
    served = tmp_path_factory.mktemp("served")
    words = [EXAMPLES / name, project.path, *serve(served, 40)]
    paths = {
        "PYTHONPATH": str(ROOT / "Bindings/Python/src"),
        "BGJOBS_LIBRARY": str(BUILD / "libbgjobs.so"),
    }
    env = {**os.environ, **paths}
    chance = random.Random(3)
    for _ in range(3):
        script = subprocess.Popen(words, env=env, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 0.8))
        os.killpg(script.pid, signal.SIGKILL)
        script.wait()
    done = subprocess.run(words, env=env, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    jobs = project.jobs()
    assert {job["status"] for job in jobs} == {"completed"}
    assert len(jobs) >= 80
    for n in range(40):
        assert (project.path / f"r{n}/file").read_text() == "x"
        assert (project.path / f"r{n}.txt").read_text().endswith(" x\n")
    if name == "pipeline.sh":
        assert (project.path / "report").read_text().split() == ["40"]


@pytest.mark.parametrize("name", ["clone.sh", "import.sh", "pipeline.sh", "pipeline.py"])
def test_usage(project, name):
    env = {**os.environ, "PYTHONPATH": str(ROOT / "Bindings/Python/src")}
    env["BGJOBS_LIBRARY"] = str(BUILD / "libbgjobs.so")
    done = subprocess.run(
        [EXAMPLES / name], cwd=project.path, env=env, capture_output=True, text=True
    )
    assert done.returncode == (1 if name.endswith(".py") else 2) and "usage" in done.stderr


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
