"""Our side: the command in a project, and workers of ours that are killed and started again."""

import contextlib
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("BGJOBS_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "cli" / "bgjobs"
PYTHON = "/usr/bin/python3"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "BGJOBS_PROJECT"},
    "PYTHONPATH": str(ROOT / "Bindings/Python/src"),
    "BGJOBS_LIBRARY": str(BUILD / "libbgjobs.so"),
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
}


class Project:
    def __init__(self, path):
        self.path = Path(path)
        self.file = self.path / ".specweave/state/background-jobs.json"

    def bgjobs(self, *words, before=(), **options):
        return subprocess.run(
            [*before, PROGRAM, *map(str, words)],
            cwd=self.path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def out(self, *words):
        return self.bgjobs(*words).stdout.strip()

    def load(self):
        return json.loads(self.file.read_bytes())

    def jobs(self):
        try:
            return json.loads(self.out("list", "--json"))["jobs"]
        except ValueError:
            return []

    def show(self, id):
        """The job as a reader of ours sees it, or None."""
        try:
            return json.loads(self.out("show", "--json", id))["job"]
        except ValueError:
            return None

    def info(self, id):
        return json.loads(self.out("show", "--json", id))["info"]

    def publish(self):
        """By a transition that waits for nothing and that nobody has asked for before."""
        self.bgjobs("list")
        id = self.out("create", "publisher")
        done = self.bgjobs("cancel", id)
        # At once, or a second later: on a slow disk they have published often enough.
        await_true(lambda: any(job.get("status") == "failed" for job in self.ours(id)))
        return done

    def ours(self, id):
        """What the file has under this id. Another tool may just be writing it."""
        try:
            return [job for job in self.load()["jobs"] if job.get("id") == id]
        except (ValueError, KeyError, OSError):
            return []


def compile_host(directory):
    """A host in C, built against the header and the library."""
    host = Path(directory) / "host"
    include = ["-I", ROOT / "Include", HERE / "host.c"]
    linked = ["-L", BUILD, "-lbgjobs", f"-Wl,-rpath,{BUILD}"]
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", *include, "-o", host, *linked], check=True)
    return host


def descendants(pid):
    """Of a process, itself first: (pid, name)."""
    found = []
    pending = [pid]
    while pending:
        pid = pending.pop()
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        found.append((pid, name))
        pending += map(int, children)
    return found


def kill(pid, is_victim, number=signal.SIGKILL):
    """Signals a process if it still is what was meant: a pid may be another's by now."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not is_victim():
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


class Worker:
    """A worker of ours that is started again when it ends, until it is stopped."""

    def __init__(self, project, kind, directory, command, between_ms, job_seconds, slow_ms=0):
        self.log = directory / f"{kind}.log"
        self.stop = directory / "stop"
        self.errors = open(directory / f"{kind}.err", "ab")  # noqa: SIM115
        self.slow = slow(slow_ms)
        words = [project.path, kind, self.log, between_ms, job_seconds, self.stop]
        is_shell = command[0] == "bash"
        self.command = [*([] if is_shell else self.slow), *map(str, [*command, *words])]
        program = " ".join(map(str, [*self.slow, PROGRAM]))
        self.environment = {**ENVIRONMENT, "BGJOBS": program}
        self.process = None
        self.lives = 0

    def start(self):
        self.process = spawn(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.errors,
            stderr=self.errors,
        )
        self.lives += 1

    def keep_up(self):
        if self.process is None or self.process.poll() is not None:
            self.start()

    def victims(self):
        """Processes that hold our files: hosts and commands, and the shells that call them."""
        if self.process is None or self.process.poll() is not None:
            return []
        # A runner that lost its shell would go on, unseen.
        names = ("bgjobs", "host", "python3", "" if self.log.stem == "run" else "bash")
        return [pid for pid, name in descendants(self.process.pid) if name in names]

    def kill_one(self, chance: random.Random):
        victims = self.victims()
        if not victims:
            return False
        pid = chance.choice(victims)
        return kill(pid, lambda: pid in self.victims())

    def end(self, seconds):
        """After `stop` is there: waits, and ends what does not."""
        if self.process is None:
            return True
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(min(seconds, 15))
            if self.log.stem == "run":
                for pid in self.victims():  # it has thousands of items before it: to be paused
                    kill(pid, lambda pid=pid: pid in self.victims(), signal.SIGTERM)
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False
        finally:
            self.errors.close()


def slow(milliseconds):
    """The words before a command whose disk is slow."""
    if not milliseconds:
        return []
    words = ["strace", "-f", "-qqq", "-o", "/dev/null", "--seccomp-bpf", "-e"]
    delay = f"inject=fsync,fdatasync:delay_enter={milliseconds * 1000}"
    return [*words, "trace=fsync,fdatasync", "-e", delay]


def can_trace():
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


def four(project, directory, host, between_ms, job_seconds, slow_ms=0):
    """A C host, a Python host, a loop of single commands, and `bgjobs run`."""
    kinds = {
        "c": [host],
        "python": [PYTHON, HERE / "host.py"],
        "script": ["bash", HERE / "loop.sh"],
        "run": ["bash", HERE / "run.sh"],
    }
    return [
        Worker(project, kind, directory, command, between_ms, job_seconds, slow_ms)
        for kind, command in kinds.items()
    ]


started = []


def spawn(words, **options):
    """A process in a session of its own, which does not outlive the scratch directory."""
    process = subprocess.Popen(list(map(str, words)), start_new_session=True, **options)
    started.append(process)
    return process


@contextlib.contextmanager
def scratch():
    """A directory; at its end it goes, and what was started in it, whatever has happened."""
    before = len(started)
    with tempfile.TemporaryDirectory(
        prefix="bgjobs-neighbours.", ignore_cleanup_errors=True
    ) as name:
        try:
            yield name
        finally:
            for process in started[before:]:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            del started[before:]


def await_true(question, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = question()
        if found:
            return found
        time.sleep(0.02)
    return question()
