"""Help, manual pages, completions, version."""

import re
import subprocess

import pytest

from conftest import BUILD, PROGRAM, ROOT, commands

COMMANDS = commands()


def test_the_commands_are_these():
    assert sorted(COMMANDS) == sorted(
        [
            "add",
            "after",
            "cancel",
            "check",
            "claim",
            "cleanup",
            "complete",
            "create",
            "done",
            "enqueue",
            "ensure",
            "fail",
            "failed",
            "items",
            "limit",
            "list",
            "logs",
            "next",
            "pause",
            "permit",
            "plan",
            "priority",
            "queue",
            "rate",
            "rate-limited",
            "resume",
            "retry",
            "run",
            "set",
            "show",
            "skipped",
            "start",
            "update",
            "wait",
            "why",
            "work",
        ]
    )


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_says_what_and_with_which_options(project, name):
    text = project.out(name, "--help")
    assert " ".join(text.split()).startswith(f"OVERVIEW: {COMMANDS[name]['abstract']}")
    assert f"USAGE: bgjobs {name}" in text or f"bgjobs {name} [" in text
    for argument in COMMANDS[name]["arguments"]:
        if argument.get("shouldDisplay", True):
            assert argument.get("abstract"), f"{name}: {argument['valueName']} has no help"
            for option in argument.get("names", []):
                dashes = "--" if option["kind"] == "long" else "-"
                assert dashes + option["name"] in text
    assert project.out("help", name) == text
    assert max(map(len, text.splitlines())) <= 100


def test_root_help(project):
    text = project.out("--help")
    for name in COMMANDS:
        assert re.search(rf"^  {name}\s", text, re.M), name
    for code in (*range(10), 124):
        assert re.search(rf"\b{code}\b", text)
    assert "run-worker" not in text and "bare" not in text
    assert not (project.path / ".specweave").exists()


def test_version_is_that_of_the_header(project):
    header = (ROOT / "Include/bgjobs.h").read_text()
    numbers = re.findall(r"#define BGJ_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    assert project.out("--version") == ".".join(numbers)


def test_each_command_has_a_manual_page():
    manual = BUILD / "cli/man"
    assert {page.name for page in manual.iterdir()} == {"bgjobs.1"} | {
        f"bgjobs-{name}.1" for name in COMMANDS
    }
    for page in manual.iterdir():
        text = page.read_text()
        assert ".Sh DESCRIPTION" in text
        assert not re.search(r"run-worker|bgjobs\.\w", text), page.name


def test_bash_completes_commands_and_ids(project):
    id = project.out("create", "t")
    script = f"""
      source {PROGRAM.parent}/bgjobs.bash
      complete_words() {{
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}}
        $(complete -p bgjobs | sed 's/.*-F \\([^ ]*\\).*/\\1/') "$1" "${{@: -1}}" "${{@: -2:1}}"
        echo "${{COMPREPLY[@]}}"
      }}
      complete_words bgjobs sho
      complete_words bgjobs show {id[:3]}
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.path, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.split() == ["show", id], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_command(shell):
    text = (PROGRAM.parent / f"bgjobs.{shell}").read_text()
    for name in COMMANDS:
        assert name in text
