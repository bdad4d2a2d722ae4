"""The processes of a test: workers, and one that looks at what they have left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from verdict import Line

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROLES = ("fast", "slow", "roller", "commands", "helper", "control", "lives", "configs", "publish")


class Worker:
    """Its words go into memory, which no power cut here takes away, and wait for nobody."""

    def __init__(self, program, role, project, place, seed):
        self.role = role
        self.words = os.memfd_create(role)
        self.process = subprocess.Popen(
            [str(word) for word in (program, role, project, *place, seed)],
            stdin=subprocess.DEVNULL,
            stdout=self.words,
            stderr=subprocess.PIPE,
        )

    def end(self, deadline):
        """Most end by themselves, at their first call after the cut."""
        try:
            self.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
        errors = self.process.communicate()[1]
        size = os.fstat(self.words).st_size
        text = os.pread(self.words, size, 0) if size else b""
        while len(text) < size:
            text += os.pread(self.words, size - len(text), len(text))
        os.close(self.words)
        # A killed worker may have been about to say something.
        lines = text.decode().split("\n")[:-1]
        return [Line(line) for line in lines], self.process.returncode, errors.decode().strip()


def start(program, chance, project, verdict):
    """Some or all roles, each where it was at the last cut."""
    roles = ROLES if chance.random() < 0.5 else chance.sample(ROLES, chance.randint(2, 5))
    seeds = [chance.randrange(1 << 31) for _ in roles]
    return [
        Worker(program, role, project, verdict.place(role), seed)
        for role, seed in zip(roles, seeds)
    ]


def faults_of_end(role, lines, status, errors, cut):
    """What a worker says that nobody may see who loses power at the time `cut`."""
    if status not in (3, -signal.SIGKILL) or errors:
        yield f"worker {role} ended with {status}: {errors}"
    for line in lines:
        # A write that the cut ends in its middle is short, as on a full disk.
        is_due = line.end >= cut and line.rest[:1] in (["BGJ_IO"], ["BGJ_NO_SPACE"])
        if line.word == "!" and not is_due:
            when = "before" if line.end < cut else "after"
            yield f"worker {role}, {when} the cut: {' '.join(line.rest)}"


def look(project, how, build):
    """(what look.py finds, None) or (None, why the store does not open)."""
    done = subprocess.run(
        [sys.executable, HERE / "look.py", project, how],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "Bindings/Python/src"),
            "BGJOBS_LIBRARY": str(build / "libbgjobs.so"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        return None, f"the store does not open ({how}): {done.stderr.strip()[-2000:]}"
    return json.loads(done.stdout), None
