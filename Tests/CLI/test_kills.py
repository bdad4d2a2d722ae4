"""A run of 500 items is killed again and again, in every way, and loses nothing.

BGJOBS_KILLS: how often (9; the figure in the README is of 50).
"""

import json
import os
import pty
import random
import re
import signal
import subprocess
import time

from test_run import await_true, processes_of

ITEMS = [f"item-{n:03}" for n in range(500)]
KILLS = int(os.environ.get("BGJOBS_KILLS", "9"))

# Each leaves something that would go on for ever, some of it in a session of its own.
SCRIPT = """
echo "$1" >>begun
case $1 in *7) setsid sleep 300 & ;; *3) sleep 300 & ;; esac
echo "output of $1"
sleep 0.02
echo "$1" >>succeeded
"""


def lines(path):
    return path.read_text().split() if path.exists() else []


def test_every_way_to_be_killed(project):
    line = [
        "bgjobs",
        "run",
        "-j4",
        "--type",
        "t",
        "--each",
        *ITEMS,
        "--",
        "sh",
        "-c",
        SCRIPT,
        "sh",
        "{}",
    ]
    begun, succeeded = project.path / "begun", project.path / "succeeded"
    chance = random.Random(os.environ.get("BGJOBS_SEED", "1"))
    id = None
    kills = 0
    while kills < KILLS:
        before = len(lines(begun))
        acknowledged = set(project.job(id)["progress"]["itemsCompleted"]) if id else set()
        way = ("runner", "group", "terminal")[kills % 3]
        if id and project.info(id)["status"] == "completed":
            break
        if way == "runner" and id:
            project.run("resume", id)
            victim = project.info(id).get("ownerPid")
            if victim is None:
                break
            time.sleep(chance.uniform(0.01, 0.15))
            os.kill(victim, signal.SIGKILL)
        elif way == "terminal":
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(project.path)
                os.execvp(line[0], line)
            time.sleep(chance.uniform(0.03, 0.18))
            os.close(terminal)
            await_true(lambda pid=pid: os.waitpid(pid, os.WNOHANG)[0] == pid)
        else:
            run = subprocess.Popen(
                line, cwd=project.path, start_new_session=True, stderr=subprocess.DEVNULL
            )
            time.sleep(chance.uniform(0.03, 0.18))
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        kills += 1
        if id is None:
            # Killed too early, it has no items yet, and cannot be resumed.
            count = len(ITEMS)
            jobs = [one for one in project.jobs() if one["itemsOpen"] + one["current"] == count]
            if not jobs:
                continue
            id = jobs[0]["id"]
        await_true(lambda id=id: processes_of(id) == [], seconds=5)
        # Nothing that was acknowledged before this life was begun in it.
        assert not acknowledged & set(lines(begun)[before:]), way
        progress = project.job(id)["progress"]
        assert set(progress["itemsCompleted"]) <= set(lines(succeeded)), way
        assert acknowledged <= set(progress["itemsCompleted"]), way

    done = subprocess.run(line, cwd=project.path, capture_output=True, text=True, timeout=120)
    if done.returncode == 7:
        # What was under way at three kills may be what kills: it is left for another run.
        failed = project.job(id)["progress"]["itemsFailed"]
        reasons = json.loads(project.out("items", "--failed", "--json", id))["items"]
        assert [one["item"] for one in reasons] == failed
        assert all("its runner died 3 times" in one["reason"] for one in reasons), reasons
        assert all(lines(begun).count(item) >= 3 for item in failed)
        done = subprocess.run(line, cwd=project.path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (job,) = project.jobs()
    assert job["id"] == id and job["status"] == "completed"
    progress = project.job(id)["progress"]
    assert sorted(progress["itemsCompleted"]) == ITEMS and progress["itemsFailed"] == []
    assert set(lines(succeeded)) == set(ITEMS)
    await_true(lambda id=id: processes_of(id) == [], seconds=5)

    log = project.out("logs", id).split("\n")
    ended = set()
    for position, text in enumerate(log):
        if match := re.fullmatch(r"<== (.*): exit 0, .* s", text):
            item = match[1]
            assert log[position - 1] == f"output of {item}"
            # What a kill has interrupted runs again, behind the others.
            assert re.fullmatch(rf"==> {item}( \(attempt \d+\))?", log[position - 2])
            ended.add(item)
    assert ended == set(ITEMS)
    print(f"{kills} kills; {len(lines(begun))} commands begun for {len(ITEMS)} items")
