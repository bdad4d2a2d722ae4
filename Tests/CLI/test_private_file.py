"""The file beside the output of a run: what resume and a second run take up."""

import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import PROGRAM
from secret import TOKEN, URL, await_true, check_private, fnv, holding, looks, only, private_file


def test_a_killed_run_goes_on_with_resume_from_the_private_file(project):
    out = project.path / "out"
    line = f'echo "$0" >>{out}; [ -e go ] || kill -9 $PPID; exit 0'
    project.run("run", "--", "sh", "-c", line, URL, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    check_private(project)
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert set(out.read_text().split()) == {URL}
    check_private(project)
    assert TOKEN not in looks(project, id)


def test_a_run_in_the_background(project):
    out = project.path / "out"
    id = project.out("run", "--detach", "--", "sh", "-c", f'echo "$0" >>{out}', URL)
    project.run("wait", id, "--timeout", "30")
    assert out.read_text() == f"{URL}\n"
    check_private(project)


def test_what_another_tool_writes_into_the_state_file_is_not_run(project):
    project.run("run", "--", "sh", "-c", "test -e go || kill -9 $PPID", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    document = json.loads(project.state.read_text())
    document["jobs"][0]["config"]["command"] = ["touch", "planted"]
    project.state.write_text(json.dumps(document))
    assert project.job(id)["config"]["command"] == ["touch", "planted"]
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert not (project.path / "planted").exists()


def old_job(project, command, items, has_items, key=None):
    """A job as the version before made it: all of it in the config."""
    spec = {
        "command": command,
        "directory": str(project.path),
        "hasItems": has_items,
        "items": len(items),
        "jobs": 1,
        "pauseMode": "finish",
        "rateLimitWait": 60,
        "retries": 0,
    }
    key = key or fnv([str(project.path), "", *(items if has_items else []), "--", *command])
    config = json.dumps(spec)
    id = project.out("ensure", "run", "--key", key, "--total", len(items), "--config", config)
    project.run("plan", id, *items)
    return id


@pytest.mark.parametrize("again", (False, True), ids=("resume", "the same line"))
def test_a_job_of_the_version_before_goes_on(project, again):
    out = project.path / "out"
    command = ["sh", "-c", f'echo "$0" >>{out}', URL]
    id = old_job(project, command, [" ".join(command)], False)
    if again:
        project.run("run", "--", *command)
    else:
        project.run("resume", id)
        project.run("wait", id, "--timeout", "30")
    assert out.read_text() == f"{URL}\n" and only(project) == id
    assert project.info(id)["itemsCompleted"] == 1
    assert TOKEN not in project.out("show", id) + project.out("logs", id)


def test_items_of_the_version_before_stay_the_same_items(project):
    items = [URL, "plain"]
    id = old_job(project, ["true", "{}"], items, True)
    done = project.run("run", "--each", *items, "--", "true", "{}")
    assert "credential" in done.stderr and TOKEN not in done.stderr
    assert sorted(project.job(id)["progress"]["itemsCompleted"]) == sorted(items)


def test_a_private_file_that_is_gone(project):
    line = ["run", "--", "sh", "-c", "test -e go || kill -9 $PPID", URL]
    project.run(*line, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    private_file(project).unlink()
    (project.path / "go").touch()
    done = project.run("resume", id, code=1)
    assert "run.json is missing" in done.stderr and "the same line again" in done.stderr
    project.run(*line)
    assert project.info(id)["status"] == "completed"
    check_private(project)


def test_without_secrets_a_private_file_that_is_gone_is_none_needed(project):
    line = ["run", "--", "sh", "-c", "test -e go || kill -9 $PPID"]
    project.run(*line, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    private_file(project).unlink()
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert project.info(id)["status"] == "completed"


@pytest.mark.parametrize("spoil", ("garbage", "others may write", "a link", "a FIFO"))
def test_a_private_file_that_is_not_to_be_trusted(project, spoil):
    project.run("run", "--", "sh", "-c", "kill -9 $PPID", URL, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    file = private_file(project)
    if spoil == "garbage":
        file.write_text("{")
    elif spoil == "others may write":
        file.chmod(0o666)
    elif spoil == "a link":
        file.rename(project.path / "elsewhere")
        file.symlink_to(project.path / "elsewhere")
    else:
        file.unlink()
        os.mkfifo(file)
    done = project.run("resume", id, code=1)
    assert "run.json" in done.stderr and "the same line again" in done.stderr
    assert TOKEN not in done.stderr
    file.unlink()


def test_the_private_file_goes_with_its_job(project):
    project.run("run", "--", "true", URL)
    project.run("cleanup", "--keep", "0")
    assert holding(project) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_belongs_to_the_owner_of_the_project(project):
    os.chown(project.path, 1000, 1000)
    project.run("run", "--", "true", URL)
    made = [path for path in project.path.rglob("*")]
    assert len(made) > 8 and {path.lstat().st_uid for path in made} == {1000}


def test_a_run_writes_the_private_file_once(project):
    items = [f"{URL}{n}" for n in range(30)]
    trace = project.path.parent / "trace"
    command = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=renameat,renameat2,rename"]
    try:
        subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no strace that works")
    subprocess.run(
        [*command, PROGRAM, "run", "--each", *items, "--", "true"], cwd=project.path, check=True
    )
    assert trace.read_text().count('"run.json"') == 1


def test_the_state_file_does_not_say_that_there_is_no_private_file(project):
    """Who can write it could else have his own command run."""
    project.run("run", "--", "sh", "-c", "test -e go || kill -9 $PPID", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    document = json.loads(project.state.read_text())
    config = document["jobs"][0]["config"]
    config["command"] = ["touch", str(project.path / "planted")]
    config.pop("isRedacted")
    project.state.write_text(json.dumps(document))
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert not (project.path / "planted").exists()


def test_a_copy_of_a_project_leaves_the_commands_of_the_original_alone(project, tmp_path_factory):
    pid_file = project.path / "pid"
    line = "echo $$ > pid.new; mv pid.new pid; exec sleep 60"
    runner = subprocess.Popen([PROGRAM, "run", "--", "sh", "-c", line], cwd=project.path)
    try:
        await_true(pid_file.exists)
        copy = tmp_path_factory.mktemp("copied") / "project"
        shutil.copytree(project.path, copy)
        project.run("resume", only(project), cwd=copy, code=None)
        time.sleep(1)
        os.kill(int(pid_file.read_text()), 0)
        assert runner.poll() is None
        project.run("cancel", only(project), cwd=copy)
    finally:
        runner.terminate()
        runner.wait()
