"""The plugin for /specweave:jobs: what it runs inline, in every situation that it may be in."""

import json
import os
import re
import subprocess

import pytest

from conftest import PROGRAM, ROOT

PLUGIN = ROOT / "Bindings/SlashCommand"
COMMAND = (PLUGIN / "commands/jobs.md").read_text()
INLINE = re.findall(r"!`([^`]*)`", COMMAND)


def run(line, project, path=None):
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=project.path,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
    )


@pytest.fixture(params=INLINE)
def line(request):
    return request.param


def test_the_layout_is_that_of_a_plugin():
    plugin = json.loads((PLUGIN / ".claude-plugin/plugin.json").read_text())
    assert plugin["name"] == "specweave"
    market = json.loads((PLUGIN / ".claude-plugin/marketplace.json").read_text())
    assert market["name"] and market["owner"]["name"]
    (entry,) = market["plugins"]
    assert (entry["name"], entry["source"]) == ("specweave", "./")
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.strip()
    assert plugin["version"] == version


def test_the_head_of_the_command():
    head, _, body = COMMAND.removeprefix("---\n").partition("\n---\n")
    members = dict(line.split(": ", 1) for line in head.splitlines())
    assert set(members) == {"description", "argument-hint", "allowed-tools"}
    for option in ("--active", "--all", "--id ID", "--resume ID"):
        assert option in members["argument-hint"] and f"`{option}`" in body
    assert "$ARGUMENTS" in body


def test_each_part_of_an_inline_line_is_allowed(line):
    """What is inline is not asked about: each command of it must be in allowed-tools."""
    allowed = re.findall(r"Bash\((\w+):\*\)", COMMAND)
    assert [part.split()[0] for part in re.split(r"\|\||&&|;|\|", line)] <= ["bgjobs", "echo"]
    assert set(allowed) == {"bgjobs", "echo"} and "$" not in line


def test_jobs(project, line):
    id = project.out("create", "clone-repos")
    done = run(line, project)
    assert done.returncode == 0 and json.loads(done.stdout)["jobs"][0]["id"] == id


def test_no_jobs(project, line):
    done = run(line, project)
    assert done.returncode == 0 and json.loads(done.stdout)["jobs"] == []
    assert "If `jobs` is empty" in COMMAND


def test_not_installed(project, line):
    done = run(line, project, path="/usr/bin:/bin")
    assert done.returncode == 0 and "not found" in done.stdout
    assert "bgjobs has failed" in done.stdout and "not installed" in COMMAND


def test_damaged(project, line):
    project.state.parent.mkdir(parents=True)
    project.state.write_text('{"jobs": [{]}')
    os.utime(project.state, (1, 1))
    done = run(line, project)
    assert done.returncode == 0
    assert "background-jobs.json" in done.stdout or "jobs" in done.stdout


@pytest.mark.parametrize("arguments", (["--all"], ["--active"], []))
def test_the_bare_forms(project, arguments):
    running, pending = project.out("create", "a"), project.out("create", "b")
    project.run("start", running)
    shown = {line.split("\t")[0] for line in project.out(*arguments).splitlines()}
    assert shown == ({running} if arguments == ["--active"] else {running, pending})


def test_all_and_active_exclude_each_other(project):
    assert "--all" in project.run("--all", "--active", code=2).stderr


def test_resume_says_whose_job_it_is(project):
    id = project.out("create", "import-issues", "--key", "acme/issues")
    project.run("pause", id)
    said = project.run("--resume", id).stderr
    assert "none of bgjobs run" in said and "import-issues" in said and "acme/issues" in said
    assert f"bgjobs start {id}" in said
    assert project.info(id)["status"] == "pending"


def set_status(project, id, status):
    """As another tool does it: reads, changes, writes in place."""
    document = json.loads(project.state.read_text())
    (job,) = [job for job in document["jobs"] if job["id"] == id]
    job["status"] = status
    job["updatedAt"] = "2999-01-01T00:00:00.000Z"
    project.state.write_text(json.dumps(document, indent=2))


def test_resume_of_a_job_that_another_tool_has_set_to_running_says_the_way_out(project):
    id = project.out("create", "import-issues", "--key", "k")
    project.run("pause", id)
    set_status(project, id, "running")
    assert project.info(id)["status"] == "running"
    said = project.run("resume", id).stderr
    assert f"bgjobs cancel {id} && bgjobs retry {id}" in said and "import-issues" in said
    project.run("cancel", id)
    project.run("retry", id)
    project.run("start", id, "--owner-pid", os.getpid())


@pytest.mark.parametrize("again", (False, True), ids=("resume", "the same line"))
def test_a_run_that_another_tool_has_set_to_running_goes_on(project, again):
    line = ["run", "--", "sh", "-c", "test -e go || kill -9 $PPID"]
    project.run(*line, code=None)
    (job,) = project.jobs()
    assert project.info(job["id"])["status"] == "paused"
    set_status(project, job["id"], "running")
    assert project.info(job["id"])["status"] == "running"
    (project.path / "go").touch()
    if again:
        project.run(*line)
    else:
        project.run("resume", job["id"])
        project.run("wait", job["id"], "--timeout", "30")
    assert project.info(job["id"])["status"] == "completed"
