"""Cuts the power under workers of ours, and looks at what is left.

cuts.py KIND [--cuts N] [--seed N] [--go-on] [--build DIRECTORY]

KIND is ext4 or xfs. Ends with 77 if this machine cannot do it, after a word about what is missing.
If anything is lost that was promised, these stay, in a directory for each such cut: the image, the
files as they were found after the cut (found), what each worker said (ROLE.told), and the faults.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import disk
from verdict import Line, Verdict, compare_published

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROLES = ("fast", "slow", "roller", "commands", "helper", "control", "lives", "configs", "publish")
CUTS_OF_A_STORE = 10
SKIPPED = 77


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


class Run:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, Path(scratch)
        self.chance = random.Random(options.seed)
        self.disk = disk.Disk(options.kind, scratch)
        self.verdict, self.faults = None, []
        self.cuts = self.kept = self.lost = self.calls = 0
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "Bindings/Python/src"),
            "BGJOBS_LIBRARY": str(options.build / "libbgjobs.so"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def look(self, how):
        done = subprocess.run(
            [sys.executable, HERE / "look.py", self.disk.path, how],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            self.verdict.fault(f"the store does not open ({how}): {done.stderr.strip()[-2000:]}")
            return None
        return json.loads(done.stdout)

    def fresh(self):
        self.disk.make()
        self.verdict = Verdict()

    def cut(self):
        """One life of the machine. True if all is there."""
        chance, verdict = self.chance, self.verdict
        roles = ROLES if chance.random() < 0.5 else chance.sample(ROLES, chance.randint(2, 5))
        delay = chance.uniform(0, 0.6) if chance.random() < 0.6 else chance.uniform(0.6, 3)
        seeds = [chance.randrange(1 << 31) for _ in roles]
        workers = []
        try:
            for role, seed in zip(roles, seeds):
                place = verdict.place(role)
                workers.append(Worker(self.options.worker, role, self.disk.path, place, seed))
            time.sleep(delay)
            before = time.monotonic_ns()
            self.disk.cut()
        finally:
            deadline = time.monotonic() + 0.5
            heard = {worker.role: worker.end(deadline) for worker in workers}
        self.disk.unmount()
        self.disk.mount()
        verdict.phase = "at work"
        for role, (lines, status, errors) in heard.items():
            self.check_end(role, lines, status, errors, before)
        told = {role: lines for role, (lines, _, _) in heard.items()}
        for line in itertools.chain(*told.values()):
            line.late = line.end >= before
        self.calls += sum(len(lines) for lines in told.values())
        for how in ("read", "write"):
            found = self.look(how) if not verdict.faults else None
            if found is None:
                break
            if how == "read":
                self.keep_files()
            verdict.judge(told, found, how == "read")
            if how == "write":
                verdict.faults += compare_published(found)
        self.cuts += 1
        if verdict.faults:
            self.keep(told, f"{before}, after {delay:.3f} s")
        return not verdict.faults

    def check_end(self, role, lines, status, errors, before):
        if status not in (3, -signal.SIGKILL) or errors:
            self.verdict.fault(f"worker {role} ended with {status}: {errors}")
        for line in lines:
            # A write that the cut ends in its middle is short, as on a full disk.
            is_due = line.end >= before and line.rest[:1] in (["BGJ_IO"], ["BGJ_NO_SPACE"])
            if line.word == "!" and not is_due:
                when = "before" if line.end < before else "after"
                self.verdict.fault(f"worker {role}, {when} the cut: {' '.join(line.rest)}")

    def keep_files(self):
        """As they are found, before they are mended."""
        found = self.scratch / "found"
        shutil.rmtree(found, ignore_errors=True)
        if (self.disk.path / ".specweave").exists():
            shutil.copytree(self.disk.path / ".specweave", found / ".specweave")

    def keep(self, told, when):
        """Everything that tells how it came about."""
        self.disk.unmount()
        directory = self.scratch / f"cut-{self.cuts}"
        directory.mkdir()
        for path in (self.disk.image, self.scratch / "found"):
            if path.exists():
                path.rename(directory / path.name)
        for role, lines in told.items():
            text = "".join(
                f"{line.begin} {line.end} {line.word} {' '.join(line.rest)}\n" for line in lines
            )
            (directory / f"{role}.told").write_text(text)
        places = json.dumps(self.verdict.places)
        (directory / "faults").write_text(
            "\n".join([*self.verdict.faults, f"cut at {when}; goes on at {places}", ""])
        )

    def all(self):
        began = time.monotonic()
        with self.disk:
            while self.cuts < self.options.cuts:
                if self.cuts % CUTS_OF_A_STORE == 0:
                    self.count()
                    self.fresh()
                if self.cut():
                    continue
                self.count()
                self.faults.append((self.cuts, self.verdict.faults))
                if not self.options.go_on:
                    break
                self.fresh()
            self.count()
        print(
            f"power cuts, {self.options.kind}: {self.cuts}, of {self.calls} acknowledged calls "
            f"{self.lost} reports of the last second lost, {self.kept} kept; "
            f"{len(self.faults)} of the cuts with faults; {time.monotonic() - began:.0f} s, "
            f"seed {self.options.seed}"
        )
        return self.faults

    def count(self):
        if self.verdict:
            self.lost += self.verdict.lost
            self.kept += self.verdict.kept
            self.verdict.lost = self.verdict.kept = 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=disk.KINDS)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--go-on", action="store_true", help="after a fault, with a new store")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.worker = options.build / "Tests/PowerCuts/power_worker"
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


def skip(why):
    print(f"power cuts: skipped: {why}")
    return SKIPPED


def main():
    options = arguments()
    if os.geteuid() != 0:
        return skip("needs root, for a loop device")
    if not options.inside:
        return outside(options)
    scratch = tempfile.mkdtemp(prefix="bgjobs-power-")
    faults = []
    try:
        disk.probe(options.kind, scratch)
        faults = Run(options, scratch).all()
    except disk.Missing as missing:
        return skip(missing)
    finally:
        if not faults:
            shutil.rmtree(scratch)
    if faults:
        for number, texts in faults:
            print("\n".join([f"cut {number}:", *texts]))
        print(f"kept: {scratch}")
    return 1 if faults else 0


def outside(options):
    """All mounts are made in a mount namespace of its own: they end with it, however it ends."""
    inside = ["unshare", "--mount", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        return skip("no mount namespace can be made here")
    sys.stdout.flush()
    words = [sys.executable, __file__, options.kind, "--inside"]
    words += ["--cuts", options.cuts, "--seed", options.seed, "--build", options.build]
    words += ["--go-on"] * options.go_on
    os.execvp(inside[0], [*inside, *map(str, words)])


if __name__ == "__main__":
    sys.exit(main())
