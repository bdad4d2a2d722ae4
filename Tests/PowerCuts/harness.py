"""How the tests of this directory are called, when they are skipped, and what they leave."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import disk

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77


def arguments(about, counted):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("kind", choices=disk.KINDS)
    parser.add_argument(f"--{counted}", dest="count", type=int, default=20)
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


def main(title, about, counted, probe, run):
    """probe(kind, scratch) raises Missing if this machine cannot do it.

    run(options, scratch) gives (number, texts) of each cut with faults.
    """
    options = arguments(about, counted)

    def skip(why):
        print(f"{title}: skipped: {why}")
        return SKIPPED

    if os.geteuid() != 0:
        return skip("needs root, for a loop device")
    if not options.inside:
        return skip(outside(options))
    scratch = Path(tempfile.mkdtemp(prefix="bgjobs-power-"))
    faults = []
    try:
        probe(options.kind, scratch)
        faults = run(options, scratch)
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
        return "no mount namespace can be made here"
    sys.stdout.flush()
    words = [sys.executable, *sys.argv, "--inside", "--seed", str(options.seed)]
    return os.execvp(inside[0], [*inside, *words])
