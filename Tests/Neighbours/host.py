"""host.py PROJECT NAME LOG BETWEEN_MS JOB_SECONDS STOP: what host.c does, in Python."""

import os
import sys
import time

import bgjobs

project, name, log, between, job_seconds, stop = sys.argv[1:]
between, job_seconds = float(between) / 1000, float(job_seconds)


def count(word):
    try:
        with open(log) as lines:
            return sum(line.startswith(word) for line in lines)
    except FileNotFoundError:
        return 0


number, items = count("end ") + 1, count("item ")
log_file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)


def tell(*words):
    os.write(log_file, (" ".join(words) + "\n").encode())


def is_stopped():
    return os.path.exists(stop)


def start(job):
    while not is_stopped():
        try:
            if not job.start():
                return True
            job.wait("pending", timeout=0.5)
        except bgjobs.WaitTimeout:
            pass
        except bgjobs.Busy:
            time.sleep(0.02)
    return False


def work(job, key):
    global items
    end = time.monotonic() + job_seconds
    while not is_stopped() and time.monotonic() < end:
        time.sleep(between)
        items += 1
        item = f"{key}-{items}"
        outcome = job.done(item)
        tell("item", job.id, item)
        while outcome == bgjobs.Outcome.PAUSED and not is_stopped():
            try:
                job.wait("running", timeout=0.2)
                break
            except bgjobs.WaitTimeout:
                pass
    job.complete()
    tell("end", job.id, "completed")


with bgjobs.JobManager(project, keep_completed=-1) as manager:
    while not is_stopped():
        key = f"{name}-{number}"
        job = manager.ensure("ours-python", key)
        try:
            if start(job):
                work(job, key)
        except bgjobs.BgjobsError as error:
            print(f"host.py: {error}", file=sys.stderr)
            tell("refused", job.id, type(error).__name__)
        number += 1
