"""What the tests of the command line share."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BGJOBS_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "cli" / "bgjobs"

# Nothing of the one who runs the tests may reach the program.
for name in ("BGJOBS_PROJECT", "BGJOBS_JOB_ID", "NO_COLOR", "COLUMNS"):
    os.environ.pop(name, None)
os.environ["PATH"] = f"{PROGRAM.parent}:{os.environ['PATH']}"
os.environ["LC_ALL"] = "C.UTF-8"
# As nohup, and a shell's background, leave them: then no test could end a process by them.
for number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


class Project:
    """A directory, and the command line in it."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def state(self) -> Path:
        return self.path / ".specweave/state/background-jobs.json"

    def run(self, *arguments, code=0, input=None, timeout=60, env=None, cwd=None):
        """Runs bgjobs, checks its exit code (None: any)."""
        done = subprocess.run(
            [PROGRAM, *map(os.fsencode, map(str, arguments))],
            cwd=cwd or self.path,
            env={**os.environ, **(env or {})},
            input=b"" if input is None else os.fsencode(input),
            capture_output=True,
            timeout=timeout,
        )
        done.stdout = os.fsdecode(done.stdout)
        done.stderr = os.fsdecode(done.stderr)
        if code is not None:
            assert done.returncode == code, f"{arguments}: {done.returncode}: {done.stderr}"
        return done

    def out(self, *arguments, **options) -> str:
        """Its output, without the newline at the end."""
        return self.run(*arguments, **options).stdout.rstrip("\n")

    def info(self, id: str) -> dict:
        return json.loads(self.out("show", "--json", id))["info"]

    def job(self, id: str) -> dict:
        return json.loads(self.out("show", "--json", id))["job"]

    def jobs(self, *arguments) -> list:
        return json.loads(self.out("list", "--json", *arguments))["jobs"]


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def commands() -> dict:
    """Every command that is shown, by name, as the program itself describes it."""
    text = subprocess.run([PROGRAM, "--experimental-dump-help"], capture_output=True, check=True)
    tree = json.loads(text.stdout)["command"]
    return {
        command["commandName"]: command
        for command in tree["subcommands"]
        if command.get("shouldDisplay", True) and command["commandName"] != "help"
    }
