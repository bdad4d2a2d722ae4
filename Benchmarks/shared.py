"""Several processes on one job: what each gets, and what kills cost. `make bench-shared`."""

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

import bgjobs

WORKER = """
import os, sys, time
import bgjobs
project, id, told, seconds, mode = sys.argv[1:]
seconds = float(seconds)
said = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
with bgjobs.JobManager(project) as manager:
    job = manager.find(id)
    with job.shared() if mode == "shared" else job:
        for item in job.remaining():
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass
            if mode == "told":
                pass
            os.write(said, (item + "\\n").encode())
            job.done(item)
"""


def start(project, job, told, seconds, mode):
    arguments = [str(project), job.id, str(told), str(seconds), mode]
    return subprocess.Popen([sys.executable, "-c", WORKER, *arguments])


def shared(items, workers, seconds, every):
    """The seconds it took, the kills, and how often each item was done."""
    with tempfile.TemporaryDirectory() as directory:
        project, told = Path(directory), Path(directory) / "told"
        with bgjobs.JobManager(project) as manager:
            job = manager.create("t")
            job.plan(f"i{place}" for place in range(items))
            begin, kills = time.monotonic(), 0
            running = [start(project, job, told, seconds, "shared") for _ in range(workers)]
            while not job.info().finished:
                time.sleep(every or 0.05)
                for place, one in enumerate(running):
                    if one.poll() not in (None, 0):
                        running[place] = start(project, job, told, seconds, "shared")
                if every and not job.info().finished:
                    random.choice(running).send_signal(signal.SIGKILL)
                    kills += 1
            took = time.monotonic() - begin
            for one in running:
                one.wait()
            info = job.info()
            assert info.status is bgjobs.JobStatus.COMPLETED
            assert info.items_completed == items
            assert len(set(job.items().done)) == items if hasattr(job.items(), "done") else True
        return took, kills, Counter(told.read_text().split())


def exclusive(items, workers, seconds):
    """As many jobs as workers, each with its part of the items."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        with bgjobs.JobManager(project) as manager:
            jobs = [manager.create("t", {"n": place}) for place in range(workers)]
            for job in jobs:
                job.plan(f"i{place}" for place in range(items // workers))
            begin = time.monotonic()
            running = [start(project, job, project / "told", seconds, "alone") for job in jobs]
            for one in running:
                assert one.wait() == 0
            return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.0002, help="of work on an item")
    options = parser.parse_args()
    items, workers = options.items, options.workers
    alone = exclusive(items, workers, options.seconds)
    together, _, done = shared(items, workers, options.seconds, None)
    assert set(done.values()) == {1} and len(done) == items
    print(f"{workers} exclusive jobs: {alone:.2f} s; one shared job: {together:.2f} s")
    print(f"shared / exclusive: {alone / together:.2f}")
    took, kills, done = shared(items, workers, options.seconds, 0.2)
    twice = sum(done.values()) - items
    assert len(done) == items
    print(
        f"{kills} kills: {took:.2f} s, {twice} items done twice, {twice / max(1, kills):.1f} a kill"
    )
    assert twice <= kills * 64
    assert os.getpid()


if __name__ == "__main__":
    main()
