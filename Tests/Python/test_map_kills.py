"""bgjobs.map, killed with kill -9 again and again, and run to its end.

BGJOBS_MAP_ITEMS=20000 BGJOBS_MAP_KILLS=30 BGJOBS_SEED=1 makes it long.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest

import bgjobs
from bgjobs import JobStatus

ITEMS = int(os.environ.get("BGJOBS_MAP_ITEMS", "2000"))
KILLS = int(os.environ.get("BGJOBS_MAP_KILLS", "5"))
SEED = int(os.environ.get("BGJOBS_SEED", "0")) or random.randrange(1, 10**6)
WORKERS = 4

CODE = """
import bgjobs, os, sys, time
out = os.open("worked", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
def work(item):
    os.write(out, f"{item}\\n".encode())
    time.sleep(0.001)
bgjobs.map(work, [f"issue-{n}" for n in range(int(sys.argv[1]))], "import", workers=4)
"""


def test_kill_9_at_random_moments(project, python):
    chance = random.Random(SEED)
    print(f"BGJOBS_SEED={SEED}")
    worked = project / "worked"
    errors = project / "errors"

    def run():
        with errors.open("a") as file:
            return python(CODE, ITEMS, stderr=file)

    def lines():
        return worked.read_text().split() if worked.exists() else []

    killed = 0
    while killed < KILLS:
        before = len(lines())
        child = run()
        if chance.random() < 0.2:
            time.sleep(chance.uniform(0, 0.15))  # before it has begun, or right then
        else:
            least = before + chance.randrange(ITEMS // KILLS // 2)
            while len(lines()) < least and child.poll() is None:
                time.sleep(0.005)
        if child.poll() is not None:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed += 1
        with bgjobs.JobManager(project, read_only=True) as manager:
            for info in manager.list():
                reported = manager.find(info.id).json()["progress"]["itemsCompleted"]
                assert set(reported) <= set(lines()), "it reports done what was not"
            is_complete = manager.list(JobStatus.COMPLETED) != []
        if is_complete:
            break
    if killed == KILLS and not is_complete:
        assert run().wait(timeout=300) == 0
    assert errors.read_text() == ""
    counts = Counter(lines())
    assert set(counts) == {f"issue-{n}" for n in range(ITEMS)}
    twice = sum(counts.values()) - ITEMS
    print(f"{killed} kills, {twice} items done twice")
    assert twice <= WORKERS * killed
    with bgjobs.JobManager(project) as manager:
        [info] = manager.list()
        assert (info.status, info.items_completed) == (JobStatus.COMPLETED, ITEMS)


INTERRUPTED = """
import bgjobs, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
out = os.open("worked", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
def work(item):
    time.sleep(0.001)
    os.write(out, f"{item}\\n".encode())
try:
    print("begin", flush=True)
    bgjobs.map(work, range(10**9), "import", workers=4, executor=sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_ctrl_c_at_random_moments(project, python, executor):
    chance = random.Random(SEED)
    print(f"BGJOBS_SEED={SEED}")
    for _ in range(2 * KILLS):
        child = python(INTERRUPTED, executor, stderr=subprocess.PIPE, start_new_session=True)
        assert child.stdout.readline() == "begin\n"
        time.sleep(chance.uniform(0, 0.1))
        chance.choice((os.kill, os.killpg))(child.pid, signal.SIGINT)
        assert child.communicate(timeout=60) == ("interrupted\n", "")
        with pytest.raises(ProcessLookupError):
            os.killpg(child.pid, 0)  # nothing of it is left
        with bgjobs.JobManager(project, read_only=True) as manager:
            for info in manager.list():
                job = manager.find(info.id).json()["progress"]
                assert set(job["itemsCompleted"]) <= set((project / "worked").read_text().split())
                assert (info.reason, info.items_failed) in (("interrupted", 0), (None, 0))
