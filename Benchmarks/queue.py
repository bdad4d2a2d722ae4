#!/usr/bin/env python3
"""The queue at the sizes that its limits are promised for: `make bench-queue`.

    queue.py [--build DIRECTORY] [--minutes N] [--seed N]

Ends with 1 if a figure is outside of its limits.

limit: six processes of one provider and six of another report a request each 5 ms. One of the first
hears that it shall come again in five seconds. What do the others of its provider still send, and
what do those of the other provider lose?

rate: 20 processes send to one counting server, under one rate of 600 a minute. One of them is
killed every five seconds, and another one started. The server counts in every window of a minute.
"""

import argparse
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROCESSES, COUNT, PERIOD = 20, 600, 60.0
BURST = COUNT // 60
# In seconds: how long a limit lasts, and how long the processes work.
WAIT, SPAN = 5, 16


def load(build):
    os.environ["BGJOBS_LIBRARY"] = str(build / "libbgjobs.so")
    sys.path.insert(0, str(ROOT / "Bindings/Python/src"))
    import bgjobs

    return bgjobs


def send(build, project, port):
    """One of the processes: asks for a permit, waits, sends; until it is killed."""
    bgjobs = load(Path(build))
    with bgjobs.JobManager(project) as manager:
        while True:
            manager.permit("server")
            with socket.create_connection(("127.0.0.1", int(port))) as connection:
                connection.recv(1)


class Server:
    """Answers each connection with a byte, and knows when each of them came."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.times = []

    def serve(self, until):
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return
            connection, _ = self.socket.accept()
            self.times.append(time.monotonic())
            connection.send(b".")
            connection.close()


def rate(options):
    bgjobs = load(options.build)
    dice, server, kills = random.Random(options.seed), Server(), 0
    with tempfile.TemporaryDirectory() as project:
        with bgjobs.JobManager(project) as manager:
            manager.rate("server", COUNT, per=PERIOD)
        words = [sys.executable, __file__, "--send", str(options.build), project, str(server.port)]
        workers = [subprocess.Popen(words) for _ in range(PROCESSES)]
        try:
            begin = time.monotonic()
            end = begin + options.minutes * 60
            while time.monotonic() < end:
                server.serve(min(end, time.monotonic() + 5))
                place = dice.randrange(PROCESSES)
                workers[place].kill()
                workers[place].wait()
                workers[place] = subprocess.Popen(words)
                kills += 1
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    times, last, most = server.times, 0, 0
    for first, at in enumerate(times):
        while last < len(times) and times[last] < at + PERIOD:
            last += 1
        most = max(most, last - first)
    used = len(times) / (COUNT * options.minutes * 60 / PERIOD)
    print(
        f"rate: {PROCESSES} processes, {kills} kills, {options.minutes} min: {len(times)} requests,"
        f" at most {most} in a minute (at most {COUNT + BURST}), {used:.1%} used (at least 97 %)"
    )
    return most <= COUNT + BURST and used >= 0.97


def work(build, project, key, provider, limited):
    """One of the processes: a request each 5 ms. It tells when it made each, and was limited."""
    bgjobs = load(Path(build))
    with bgjobs.JobManager(project) as manager:
        job = manager.ensure("sync", key=key, config={"provider": provider})
        job.start()
        begin, limited, count = time.monotonic(), float(limited), 0
        while time.monotonic() < begin + SPAN:
            now = time.monotonic()
            print(f"sent {now}")
            if limited and now >= begin + limited:
                limited = 0
                job.rate_limited(provider, WAIT)
                print(f"limited {time.monotonic()}", flush=True)
            if job.done(f"item-{count}") is bgjobs.Outcome.PAUSED:
                job.wait_resumed()
            count += 1
            time.sleep(max(0, now + 0.005 - time.monotonic()))


def limit(options):
    with tempfile.TemporaryDirectory() as project:
        workers = []
        for number in range(12):
            provider = "github" if number < 6 else "gitlab"
            limited = "5" if number == 0 else "0"
            words = [sys.executable, __file__, "--work", str(options.build), project]
            words += [str(number), provider, limited]
            workers.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        told = [worker.communicate()[0].splitlines() for worker in workers]
    (at,) = (float(line.split()[1]) for line in told[0] if line.startswith("limited"))
    sent = [[float(line.split()[1]) for line in one if line.startswith("sent")] for one in told]
    late = max(t - at for one in sent[:6] for t in one if t < at + WAIT)
    first = [min(t - at for t in one if t > at + 1) for one in sent[:6]]
    before = sum(1 for one in sent[6:] for t in one if at - 4 <= t < at)
    during = sum(1 for one in sent[6:] for t in one if at <= t < at + 4)
    lost = 1 - during / before
    ends = ", ".join(f"{t:.2f}" for t in sorted(first))
    print(
        f"limit: the last request {late * 1000:.0f} ms after it (at most 100), then none for "
        f"{min(first):.2f} s (at least {WAIT}); they go on after {ends} s; "
        f"the others lose {lost:.1%} (at most 2 %)"
    )
    return late <= 0.1 and min(first) >= WAIT - 0.01 and lost <= 0.02


def main():
    for name, role in (("--send", send), ("--work", work)):
        if sys.argv[1:2] == [name]:
            return role(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.build = options.build.resolve()
    found = [limit(options), rate(options)]
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
