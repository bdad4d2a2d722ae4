"""bgjobs run --env: what of the environment a run keeps, and where."""

import os
import secrets

import pytest

from secret import TOKEN, await_true, check_private, command_lines, holding, looks, only

SCRIPT = 'echo "kept=$KEPT other=$OTHER" >>out; test -e go || kill -9 $PPID'


def run(project, *options, env, code=None):
    project.run("run", *options, "--", "sh", "-c", SCRIPT, env=env, code=code)
    return only(project)


def resume(project, id, env):
    await_true(lambda: project.info(id)["status"] == "paused")
    (project.path / "go").touch()
    project.run("resume", id, env=env)
    project.run("wait", id, "--timeout", "30")


@pytest.mark.parametrize("option", (["--env", "KEPT"], ["--env", "KEPT=1"], ["--env=KEPT=1"]))
def test_what_is_named_is_kept_and_all_else_is_the_resumers(project, option):
    id = run(project, *option, env={"KEPT": "1", "OTHER": "1"})
    resume(project, id, {"KEPT": "2", "OTHER": "2"})
    lines = (project.path / "out").read_text().splitlines()
    assert lines == ["kept=1 other=1", "kept=1 other=2"]


def test_a_path_is_kept_and_commands_are_found_by_it(project):
    tool = project.path / "tools" / "a-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho ran >>out; test -e go || kill -9 $PPID\n")
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}"
    project.run("run", "--env", "PATH", "--", "a-tool", env={"PATH": path}, code=None)
    resume(project, only(project), {})
    assert (project.path / "out").read_text().split() == ["ran", "ran"]
    project.run("run", "--env", f"PATH={path}", "--key", "2", "--", "a-tool")


@pytest.mark.parametrize("how", ("by name", "with its value"))
def test_values_stand_in_the_private_file_alone(project, how):
    option = "KEPT" if how == "by name" else f"KEPT={TOKEN}"
    id = run(project, "--env", option, env={"KEPT": TOKEN})
    (project.path / "out").unlink()
    check_private(project)
    assert TOKEN not in looks(project, id)
    assert project.job(id)["config"]["isRedacted"] is True
    project.run("cancel", id)
    project.run("cleanup", "--keep", "0", "--failed")
    assert holding(project) == []


@pytest.fixture
def token():
    """One that no other test has: what follows looks at every process of the machine."""
    return f"ownS3cr3t{secrets.token_hex(8)}"


def test_ps_does_not_show_a_value(project, token):
    script = "touch up; while ! test -e go; do sleep 0.01; done"
    for option in (["--env", f"HARMLESS={token}"], [f"--env=HARMLESS={token}"]):
        line = ["--key", f"k{len(option)}", *option, "--", "sh", "-c", script]
        id = project.out("run", "--detach", *line)
        await_true((project.path / "up").exists)
        assert not any(token.encode() in line for line in command_lines())
        (project.path / "go").touch()
        project.run("wait", id, "--timeout", "30")
        for name in ("up", "go"):
            (project.path / name).unlink()


def test_ps_does_not_show_a_value_in_the_foreground(project, token):
    project.run("run", "--env", f"HARMLESS={token}", "--", "sh", "-c", "ps -ewwo args >seen")
    assert "HARMLESS=" in (project.path / "seen").read_text()
    assert token not in (project.path / "seen").read_text()


def test_without_its_file_a_run_that_keeps_variables_is_not_resumed(project):
    id = run(project, "--env", "KEPT=1", env={})
    await_true(lambda: project.info(id)["status"] == "paused")
    for file in project.path.rglob("run.json"):
        file.unlink()
    assert "the same line again" in project.run("resume", id, code=1).stderr


@pytest.mark.parametrize(
    "option, word",
    [
        ("NOT_THERE_AT_ALL", "no such variable"),
        ("", "name"),
        ("=x", "name"),
        ("BGJOBS_JOB_ID=x", "ours"),
    ],
)
def test_2_what_cannot_be_kept(project, option, word):
    assert word in project.run("run", "--env", option, "--", "true", code=2).stderr
    assert project.jobs() == []


def test_a_value_that_is_empty_or_has_equal_signs(project):
    script = 'test "$A" = "b=c" && test "${B+set}" = set && test -z "$B"'
    project.run("run", "--env", "A=b=c", "--env", "B=", "--", "sh", "-c", script)


def test_nothing_is_stored_unless_it_is_named(project):
    run(project, env={"KEPT": TOKEN})
    (project.path / "out").unlink()
    assert holding(project) == []
