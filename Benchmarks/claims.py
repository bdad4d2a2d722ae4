#!/usr/bin/env python3
"""The queue at size, with kills: `make bench-queue`.

    claims.py [--build DIRECTORY] [--jobs N] [--processes N] [--seed N]

Ends with 1 if a promise is broken.

queue: so many processes claim 2,000 jobs of four lanes with the limits 1, 2, 3 and none, of random
priorities, with 3,000 edges. One of them is killed each 100 ms, and another one started. Each job
writes when it begins and ends, into one file. Does each of them come to its end, once at a time,
with its lane never too full and nothing begun before what it needs; and does all of it end by
itself?

claims: how many jobs a second are claimed and left again, by one process and by four, with 10 and
with 5,000 in the queue, beside what the syncs of that allow.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LIMITS = {"one": 1, "two": 2, "three": 3}
LANES = [*LIMITS, "any"]


def load(build):
    os.environ["BGJOBS_LIBRARY"] = str(build / "libbgjobs.so")
    sys.path.insert(0, str(ROOT / "Bindings/Python/src"))
    import bgjobs

    return bgjobs


def work(build, project, told):
    """One of the processes, until the queue is empty or it is killed."""
    bgjobs = load(Path(build))
    with (
        bgjobs.JobManager(project, keep_completed=-1) as manager,
        open(told, "ab", buffering=0) as log,
    ):

        def say(what, job):
            log.write(f"{time.monotonic_ns()} {what} {os.getpid()} {job.id}\n".encode())

        for job in manager.claims(wait=True, until_empty=True):
            say("start", job)
            time.sleep(0.002)
            say("end", job)
            job.complete()


def build_queue(manager, count, edges, chance):
    for lane, most in LIMITS.items():
        manager.limit(f"lane:{lane}", most)
    jobs, needs = [], {}
    for number in range(count):
        job = manager.create("t")
        jobs.append(job)
        # Of those just before: chains of hundreds would take as long as each of them one by one.
        wanted = edges * (number + 1) // count - edges * number // count
        recent = jobs[max(0, number - 200) : number]
        needed = chance.sample(recent, min(wanted, len(recent)))
        for other in needed:
            job.add_dependency(other)
        needs[job.id] = [other.id for other in needed]
    lanes = {}
    for job in jobs:
        lanes[job.id] = chance.choice(LANES)
        job.enqueue(priority=chance.randrange(-5, 6), lane=lanes[job.id])
    return lanes, needs


def judge(told, killed, lanes, needs):
    """What is wrong, from the stamps. killed: of each killed process, when that had happened."""
    faults, running, ended, lane_count = [], {}, set(), dict.fromkeys(LANES, 0)
    deaths = sorted((time, pid) for pid, time in killed.items())
    lines = sorted(
        (int(time), what, int(pid), id)
        for time, what, pid, id in (line.split() for line in told.read_text().splitlines())
    )

    def leave(id):
        lane_count[lanes[id]] -= 1
        del running[id]

    for time_ns, what, pid, id in lines:
        while deaths and deaths[0][0] <= time_ns:
            _, dead = deaths.pop(0)
            for one in [one for one, owner in running.items() if owner == dead]:
                leave(one)
        if what == "end":
            ended.add(id)
            if running.get(id) == pid:
                leave(id)
            continue
        # Whose owner was killed just now, and is not told yet, is free from the kill on.
        if id in running and running[id] in killed:
            leave(id)
        if id in running:
            faults.append(f"job {id} runs in {running[id]} and in {pid}")
            continue
        running[id] = pid
        lane_count[lanes[id]] += 1
        alive = sum(1 for one, owner in running.items() if lanes[one] == lanes[id])
        if alive > LIMITS.get(lanes[id], len(lanes)):
            dead = [one for one, owner in running.items() if owner in killed]
            if alive - len([one for one in dead if lanes[one] == lanes[id]]) > LIMITS[lanes[id]]:
                faults.append(f"lane {lanes[id]} is too full")
        if missing := [one for one in needs[id] if one not in ended]:
            faults.append(f"job {id} began before {missing[0]} had ended")
    if len(ended) != len(lanes):
        faults.append(f"{len(lanes) - len(ended)} jobs came to no end")
    return faults


def measure_queue(bgjobs, options, scratch):
    project = scratch / "queue"
    project.mkdir()
    told = scratch / "told"
    told.touch()
    chance = random.Random(options.seed)
    killed = {}
    with bgjobs.JobManager(project, keep_completed=-1) as manager:
        lanes, needs = build_queue(manager, options.jobs, options.jobs * 3 // 2, chance)

        def start():
            words = [sys.executable, __file__, "work", options.build, project, told]
            return subprocess.Popen(list(map(str, words)))

        began = time.monotonic()
        workers = [start() for _ in range(options.processes)]
        while any(one.poll() is None for one in workers):
            time.sleep(0.1)
            living = [place for place, one in enumerate(workers) if one.poll() is None]
            if len(living) == len(workers):
                place = chance.choice(living)
                workers[place].kill()
                workers[place].wait()
                killed[workers[place].pid] = time.monotonic_ns()
                workers[place] = start()
        took = time.monotonic() - began
        codes = {one.wait() for one in workers}
        left = [info for info in manager.list() if info.status is not bgjobs.JobStatus.COMPLETED]
    faults = judge(told, killed, lanes, needs)
    if codes != {0}:
        faults.append(f"workers ended with {codes}")
    if left:
        faults.append(f"{len(left)} jobs are not completed")
    edges = sum(map(len, needs.values()))
    print(
        f"queue: {options.processes} processes, {len(lanes)} jobs, {edges} edges, {len(killed)}"
        f" kills: {took:.0f} s, {len(faults)} faults, seed {options.seed}"
    )
    for fault in faults[:10]:
        print("  " + fault)
    return not faults


def drain(build, project, count):
    """Claims and leaves so many, after the first, which reads the queue. Says how long it took."""
    bgjobs = load(Path(build))
    with bgjobs.JobManager(project) as manager:
        manager.claim(wait=10).leave()
        began = time.monotonic()
        for _ in range(int(count)):
            manager.claim(wait=10).leave()
        print(time.monotonic() - began)


def measure_claims(options, scratch):
    bgjobs = load(options.build)
    for size in (10, 1000, 5000):
        project = scratch / f"claims-{size}"
        project.mkdir()
        with bgjobs.JobManager(project) as manager:
            for _ in range(size):
                manager.enqueue("t")
        for processes in (1, 4):
            words = [sys.executable, __file__, "drain", options.build, project, 200]
            all = [
                subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)
                for _ in range(processes)
            ]
            rate = sum(200 / float(one.communicate()[0]) for one in all)
            bare = syncs(scratch)
            print(
                f"claims: {size} jobs, {processes} processes: {rate:.0f}/s claimed and left,"
                f" {rate / bare:.2f} of the {bare:.0f}/s that their syncs allow"
            )


def syncs(scratch, rounds=300):
    """So often a second what a claim and a leaving sync: a file, its directory, two records."""
    directory = os.open(scratch, os.O_RDONLY)
    journal = os.open(scratch / "journal", os.O_CREAT | os.O_RDWR)
    began = time.monotonic()
    for number in range(rounds):
        name = scratch / f"log-{number}"
        log = os.open(name, os.O_CREAT | os.O_RDWR)
        os.write(log, b"x" * 100)
        os.fsync(log)
        os.fsync(directory)
        for _ in range(2):
            os.write(journal, b"x" * 100)
            os.fdatasync(journal)
        os.close(log)
        name.unlink()
    took = time.monotonic() - began
    os.close(journal)
    os.close(directory)
    return rounds / took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    options.build = options.build.resolve()
    bgjobs = load(options.build)
    with tempfile.TemporaryDirectory(prefix="bgjobs-claims-") as scratch:
        is_right = measure_queue(bgjobs, options, Path(scratch))
        measure_claims(options, Path(scratch))
    return 0 if is_right else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
    elif sys.argv[1:2] == ["drain"]:
        drain(*sys.argv[2:])
    else:
        sys.exit(main())
