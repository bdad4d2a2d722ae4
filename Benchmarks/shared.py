"""Several processes on one job, some of them killed: `make bench-shared`.

What they do together is set against as many jobs of one process each, side by side in one run.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def load(build):
    """The package, on the library of this build."""
    os.environ["BGJOBS_LIBRARY"] = str(build / "libbgjobs.so")
    sys.path.insert(0, str(ROOT / "Bindings/Python/src"))
    import bgjobs

    return bgjobs


def work(build, project, id, told, seconds, is_shared):
    """One worker. It says each item before it reports it, so that no second time is missed."""
    bgjobs = load(Path(build))
    said = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with bgjobs.JobManager(project) as manager:
        job = manager.find(id)
        try:
            with job.shared() if is_shared == "True" else job:
                for item in job.remaining():
                    end = time.perf_counter() + float(seconds)
                    while time.perf_counter() < end:
                        pass
                    os.write(said, f"{item}\n".encode())
                    job.done(item)
        except bgjobs.JobFinished:
            pass  # it came when the others were through


class Scene:
    """A project, and its workers."""

    def __init__(self, bgjobs, options, directory):
        self.bgjobs, self.options, self.project = bgjobs, options, Path(directory)
        self.told = self.project / "told"
        self.manager = bgjobs.JobManager(self.project)

    def make(self, count):
        job = self.manager.create("t")
        job.plan(f"i{place}" for place in range(count))
        return job

    def start(self, job, is_shared):
        options = self.options
        words = [options.build, self.project, job.id, self.told, options.seconds, is_shared]
        return subprocess.Popen([sys.executable, __file__, "work", *map(str, words)])


def exclusive(scene):
    """The seconds that as many jobs as workers take."""
    workers = scene.options.workers
    jobs = [scene.make(scene.options.items // workers) for _ in range(workers)]
    begin = time.monotonic()
    for one in [scene.start(job, False) for job in jobs]:
        assert one.wait() == 0
    return time.monotonic() - begin


def shared(scene, every=None):
    """The seconds that the workers take together, the kills, and how often each item was done."""
    job, kills = scene.make(scene.options.items), 0
    begin = time.monotonic()
    running = [scene.start(job, True) for _ in range(scene.options.workers)]
    while not job.info().finished:
        time.sleep(every or 0.05)
        for place, one in enumerate(running):
            if one.poll() not in (None, 0):
                running[place] = scene.start(job, True)
        if every and not job.info().finished:
            random.choice(running).send_signal(signal.SIGKILL)
            kills += 1
    took = time.monotonic() - begin
    for one in running:
        one.wait()
    info = job.info()
    assert info.status is scene.bgjobs.JobStatus.COMPLETED
    assert info.items_completed == scene.options.items
    return took, kills, Counter(scene.told.read_text().split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.0002, help="of work on an item")
    options = parser.parse_args()
    options.build = options.build.resolve()
    bgjobs = load(options.build)

    def scene():
        return tempfile.TemporaryDirectory(prefix="bgjobs-shared-")

    with scene() as directory:
        alone = exclusive(Scene(bgjobs, options, directory))
    with scene() as directory:
        together, _, done = shared(Scene(bgjobs, options, directory))
    assert len(done) == options.items and set(done.values()) == {1}
    print(
        f"shared: {options.items} items, {options.workers} processes: {together:.2f} s,"
        f" {alone / together:.2f} of as many exclusive jobs"
    )
    with scene() as directory:
        took, kills, done = shared(Scene(bgjobs, options, directory), 0.2)
    twice = sum(done.values()) - options.items
    print(f"shared: the same with {kills} kills: {took:.2f} s, {twice} items done twice")
    return 0 if len(done) == options.items and twice <= kills * 64 else 1


if __name__ == "__main__":
    sys.exit(work(*sys.argv[2:]) if sys.argv[1:2] == ["work"] else main())
