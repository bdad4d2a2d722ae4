"""What the tests of the command line share."""

import json
import os
import signal
import subprocess
import time
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

    def waiting(self) -> list:
        """The processes that commands have left to write the state file."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"publish-owed" in words and os.fsencode(f"{self.path}/.") in words:
                found.append(int(name))
        return found

    def settle(self):
        """Until the state file has all that was said. The promise is a second or so."""
        end = time.monotonic() + 60
        while self.waiting():
            assert time.monotonic() < end
            time.sleep(0.02)


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
