"""What the tests of secrets share: a token, and where it is looked for."""

import os
import time

TOKEN = "s3cr3tT0kenOfMine99"
URL = f"https://user:{TOKEN}@host.example/x.git"


def content(path):
    """The bytes of a file of a store in use, where files come and go."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


def holding(project, text=TOKEN):
    """The files of the state that have it."""
    root = project.path / ".specweave"
    return [path for path in sorted(root.rglob("*")) if text.encode() in content(path)]


def store(project):
    return project.state.parent / "background-jobs.d"


def private_file(project, number="*"):
    (path,) = store(project).glob(f"jobs/{number}/run.json")
    return path


def looks(project, id):
    """All that the looking commands print."""
    said = ""
    for arguments in (
        ["list"],
        ["list", "--json"],
        ["show", id],
        ["show", "--json", id],
        ["logs", id],
        ["check"],
        ["check", "--json"],
        [],
        ["--id", id],
    ):
        done = project.run(*arguments, code=None)
        said += done.stdout + done.stderr
    return said


def only(project):
    (job,) = project.jobs()
    return job["id"]


def await_true(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def command_lines():
    """Of every process, as ps shows them."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found.append(file.read())
        except OSError:
            continue
    return found


def check_private(project):
    """Only the file of mode 0600 has it, in directories that nobody else enters."""
    assert holding(project) == [private_file(project)]
    assert private_file(project).stat().st_mode & 0o777 == 0o600
    for directory in (store(project), store(project) / "jobs", private_file(project).parent):
        assert directory.stat().st_mode & 0o777 == 0o700


def fnv(parts):
    number = 0xCBF29CE484222325
    for byte in "\0".join(parts).encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return f"run-{number:x}"
