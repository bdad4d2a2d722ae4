"""All commands together write the state file seldom, and what the last one owes is in it soon."""

import json
import os
import shutil
import subprocess
import time

from conftest import PROGRAM

# The promise is a second, or 20 times what it costs. The machine may be busy.
SOON = 20


def jobs_in(project) -> dict:
    """As other tools see them: what the state file says, without our program."""
    return {job["id"]: job for job in json.loads(project.state.read_text())["jobs"]}


def wait_until(holds, seconds=SOON):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def running_job(project) -> str:
    id = project.out("create", "t")
    project.run("start", id)
    return id


def exhaust(project, id):
    """Until a command leaves something to another process."""
    for number in range(1000):
        project.run("done", id, f"first-{number}")
        if project.waiting():
            return
    raise AssertionError("every report was published at once")


def test_many_reports_are_few_publications(project):
    id = running_job(project)
    files = []
    begin = time.monotonic()
    for number in range(200):
        project.run("done", id, f"item-{number}")
        files.append(project.state.stat().st_ino)
    changes = sum(a != b for a, b in zip(files, files[1:], strict=False))
    # Three at once, one a second, and those of transitions that nobody makes here.
    assert changes <= 10 + 3 * (time.monotonic() - begin)
    wait_until(lambda: len(jobs_in(project)[id]["progress"]["itemsCompleted"]) == 200)


def test_the_last_transition_of_many_is_in_the_file_soon(project):
    id = running_job(project)
    for _ in range(30):
        project.run("pause", id)
        project.run("resume", id)
    project.run("pause", id)
    wait_until(lambda: jobs_in(project)[id]["status"] == "paused")


def test_a_short_row_is_in_the_file_at_once(project):
    id = project.out("create", "t")
    project.run("start", id)
    project.run("pause", id)
    assert jobs_in(project)[id]["status"] == "paused"


def test_one_process_waits_and_ends(project):
    id = running_job(project)
    exhaust(project, id)
    for number in range(20):
        project.run("done", id, f"item-{number}")
        assert len(project.waiting()) <= 2  # one, and one that has let go already
    project.settle()
    assert len(jobs_in(project)[id]["progress"]["itemsCompleted"]) >= 20


def test_it_holds_back_no_shell(project):
    """Neither `$(…)` nor a pipe waits for it, also when a shell has given it a descriptor more."""
    id = running_job(project)
    exhaust(project, id)
    script = """
        exec 9>lock
        flock 9
        for n in 1 2 3 4 5 6 7 8 9 10; do out=$("$0" update "$1" --done "x-$n"); done
        exec 9>&-
        flock --nonblock lock true || echo held
    """
    done = subprocess.run(
        ["bash", "-c", script, PROGRAM, id],
        cwd=project.path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == b""
    for pid in project.waiting():
        try:
            names = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            session = os.getsid(pid)
        except OSError:
            continue  # it has ended
        private = str(project.state.parent / "background-jobs.d")
        assert set(names) <= {"/dev/null", private}
        assert session == pid
    wait_until(lambda: "x-10" in jobs_in(project)[id]["progress"]["itemsCompleted"])


def test_it_ends_when_the_state_is_gone_and_makes_nothing(project):
    id = running_job(project)
    exhaust(project, id)
    shutil.rmtree(project.path / ".specweave")
    project.settle()
    assert not (project.path / ".specweave").exists()


def test_it_ends_when_the_lock_stays_taken(project):
    """Ten seconds, as every command."""
    id = running_job(project)
    exhaust(project, id)
    holder = subprocess.Popen(
        [
            "/usr/bin/python3",
            "-c",
            "import fcntl, struct, sys, time\n"
            "file = open(sys.argv[1], 'r+b')\n"
            "lock = struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0)\n"
            "fcntl.fcntl(file, 37, lock)\n"  # F_OFD_SETLK
            "print('locked', flush=True)\n"
            "time.sleep(120)\n",
            project.state.parent / "background-jobs.d/journal",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"locked\n"
        project.settle()
    finally:
        holder.kill()
        holder.wait()
    # And whoever comes next publishes.
    time.sleep(1)
    project.run("done", id, "last")
    wait_until(lambda: "last" in jobs_in(project)[id]["progress"]["itemsCompleted"])


def test_what_a_killed_process_owed_is_published_by_the_next_command(project):
    id = running_job(project)
    exhaust(project, id)
    project.run("done", id, "owed")
    for pid in project.waiting():
        os.kill(pid, 9)
    project.settle()
    time.sleep(1.5)
    project.run("done", id, "owed")  # nothing new
    wait_until(lambda: "owed" in jobs_in(project)[id]["progress"]["itemsCompleted"])


def test_looking_leaves_no_process(project):
    id = running_job(project)
    exhaust(project, id)
    project.settle()
    for command in (["list"], ["show", id], ["items", id], ["check"]):
        project.run(*command)
        assert not project.waiting()
