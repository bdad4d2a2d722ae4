"""Users on one machine: the planter lays traps in a project of his, the victim works there."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conftest import BUILD, PROGRAM, ROOT

PLANTER, VICTIM, STRANGER = 61234, 61235, 61236

# As any host would call the library, in the project that is named.
CALLS = """
import sys, bgjobs
def attempt(call):
    try: return call()
    except bgjobs.BgjobsError as error: print(error)
manager = attempt(lambda: bgjobs.JobManager(sys.argv[1]))
if manager:
    for info in attempt(manager.list) or []: print(info)
    job = attempt(lambda: manager.create("clone", config={"of": "victim"}, total=2))
    if job:
        for call in (job.start, lambda: job.done("one"), job.pause, lambda: job.cancel("enough")):
            attempt(call)
    for call in (manager.check, manager.sync, manager.close): print(attempt(call))
"""


def user(uid, *groups):
    """What makes subprocess run as this user, with no other groups than these."""
    return {"user": uid, "group": uid, "extra_groups": groups}


def give(path, uid):
    os.chown(path, uid, uid, follow_symlinks=False)


def state_of(path):
    """All of a file or directory that must not change."""
    status = os.stat(path)
    what = sorted(os.listdir(path)) if os.path.isdir(path) else Path(path).read_bytes()
    return what, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns


class World:
    """A directory that all may enter, with a project of the planter and the victim's secrets."""

    def __init__(self, victim):
        self.victim = victim
        self.root = Path(tempfile.mkdtemp(prefix="bgjobs-planted-"))
        os.chmod(self.root, 0o755)
        # The victim may not be permitted to look where the build is.
        self.program = shutil.copy(PROGRAM, self.root / "bgjobs")
        self.library = shutil.copy(BUILD / "libbgjobs.so", self.root / "libbgjobs.so")
        shutil.copytree(ROOT / "Bindings/Python/src/bgjobs", self.root / "python/bgjobs")
        self.project = self.root / "project"
        self.id = "abc12345"
        self.make_directory(self.project)
        self.make_vault()

    def make_directory(self, path, uid=PLANTER, mode=None):
        """The planter's, where everyone may write if the victim is no root."""
        os.mkdir(path)
        os.chmod(path, mode or (0o755 if self.victim == 0 else 0o777))
        give(path, uid)

    @property
    def state(self):
        return self.project / ".specweave/state"

    @property
    def file(self):
        return self.state / "background-jobs.json"

    @property
    def private(self):
        return self.state / "background-jobs.d"

    @property
    def output(self):
        return next(path for path in (self.private / "jobs").iterdir())

    def make_state(self):
        for path in (self.project / ".specweave", self.state):
            self.make_directory(path)

    # ---- What nobody else may read ----

    def make_vault(self):
        # Letters, and few: what jansson would quote.
        self.token = "".join(secrets.choice("bcdfghjklm") for _ in range(16))
        self.vault = self.root / "vault"
        for path in (self.vault, self.vault / "state", self.vault / "1"):
            self.make_directory(path, self.victim, 0o700)
        self.text = self.vault / "shadow"
        self.json = self.vault / "state/background-jobs.json"
        job = {"id": "abc12345", "type": self.token, "status": "pending", "secret": self.token}
        texts = {
            self.text: f"{self.token}:$y$j9T${self.token}:19000:0:99999:7:::\n" * 3,
            self.json: json.dumps({"jobs": [job], self.token: self.token}),
            self.vault
            / "output.log": f"==> {self.token}\n{self.token}\n<== {self.token}: exit 0\n",
            self.vault / "running-1": f"{self.token}\n",
        }
        for path, text in texts.items():
            self.write(path, text, self.victim, 0o600)
        # Protected by its directory alone.
        self.write(self.vault / "notes", f"{self.token}\n", self.victim)
        self.before = {path: state_of(path) for path in [self.vault, *self.vault.rglob("*")]}

    def write(self, path, text, uid=PLANTER, mode=0o644):
        path.write_text(text)
        os.chmod(path, mode)
        give(path, uid)

    def move(self, secret, to):
        """The victim had left the file in a directory of the planter's."""
        os.rename(secret, to)
        self.before.pop(secret)
        os.utime(secret.parent, ns=(0, self.before[secret.parent][4]))
        state = list(self.before[secret.parent])
        state[0] = sorted(os.listdir(secret.parent))
        self.before[secret.parent] = tuple(state)
        self.moved = (os.open(to, os.O_RDONLY), state_of(to))

    moved = None

    def assert_unchanged(self):
        for path, state in self.before.items():
            assert state_of(path) == state, f"{path} was changed"
        if self.moved:
            descriptor, state = self.moved
            assert state_of(f"/proc/self/fd/{descriptor}") == state, "the moved file was changed"

    # ---- What the two do ----

    def run(self, *arguments, uid=None, groups=(), timeout=30):
        return subprocess.run(
            [self.program, *arguments], cwd=self.project, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=timeout,
            **user(self.victim if uid is None else uid, *groups),
        )  # fmt: skip

    def call(self):
        paths = {"PYTHONPATH": str(self.root / "python"), "BGJOBS_LIBRARY": str(self.library)}
        return subprocess.run(
            ["/usr/bin/python3", "-c", CALLS, str(self.project)], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=30,
            env={**os.environ, **paths}, **user(self.victim),
        )  # fmt: skip

    def work(self):
        """Everything that the victim may do there. Gives what each said.

        The planter looks before and after the removal of what was done.
        """
        told = {}
        for words in (
            "list", "list --json", "show ID", "show --json ID", "check", "logs ID",
            "logs --item one ID", "create t --total 2", "ensure t --key k", "done ID three",
            "pause ID", "resume ID", "wait ID --timeout 2s", "run -j2 --each a b -- echo",
            "cancel ID", "cleanup --keep 0", "--id ID", "--active",
        ):  # fmt: skip
            if words.startswith("cleanup"):
                assert self.found() == []
            told[words] = self.run(*words.replace("ID", self.id).split())
        told["the library"] = self.call()
        assert self.found() == []
        return told

    def plant_anew(self):
        """The planter puts an innocent file in the place of what he had planted."""
        script = f"""
cd {self.state} && test ! -L ../../.specweave && test ! -L ../state || exit 0
mv -T background-jobs.json {self.project}/later || true
echo '{{"jobs": []}}' >background-jobs.json; chmod 666 background-jobs.json
"""
        subprocess.run(["sh", "-c", script], stderr=subprocess.DEVNULL, **user(PLANTER))

    def found(self):
        """Where the planter finds the secret, after he permitted himself all that he can."""
        script = """
import os, sys
root, token = sys.argv[1], sys.argv[2].encode()
def permit(path):
    try: os.chmod(path, os.stat(path).st_mode | 0o700)
    except OSError: pass
for base, names, files in os.walk(root):
    for name in names: permit(os.path.join(base, name))
    for name in files:
        path = os.path.join(base, name)
        if os.path.islink(path) or not os.path.isfile(path): continue
        permit(path)
        try: text = open(path, "rb").read()
        except OSError: continue
        if token in text: print(path)
"""
        done = subprocess.run(
            [sys.executable if os.access(sys.executable, os.X_OK) else "python3", "-c", script,
             str(self.project), self.token],
            capture_output=True, text=True, check=True, **user(PLANTER),
        )  # fmt: skip
        return done.stdout.split()

    def remove(self):
        if self.moved:
            os.close(self.moved[0])
        shutil.rmtree(self.root, ignore_errors=True)


def make_run(world):
    """A run of two commands that was killed in the midst of them: an open log, and output."""
    uid = PLANTER if world.victim == 0 else world.victim
    if world.victim != 0:
        world.make_state()
    go = world.root / "go"
    script = f"echo begun; while [ ! -e {go} ]; do sleep 0.05; done; echo ended"
    runner = subprocess.Popen(
        [world.program, "run", "-j2", "--each", "one", "two", "--", "sh", "-c", script],
        cwd=world.project, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user(uid),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(world.project.rglob("running-2")) and time.monotonic() < deadline:
        time.sleep(0.02)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    world.id = json.loads(world.run("list", "--json", uid=uid).stdout)["jobs"][0]["id"]
    go.touch()
