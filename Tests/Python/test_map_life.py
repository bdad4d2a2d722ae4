"""bgjobs.map, paused, cancelled, interrupted and killed: what becomes of its workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import bgjobs
from bgjobs import JobStatus
from conftest import await_that

KINDS = pytest.mark.parametrize("executor", ["process", "thread"])


def only(project):
    with bgjobs.JobManager(project, read_only=True) as manager:
        [info] = manager.list()
        return info


def square(number):
    return number * number


MAP = """
import bgjobs, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
kind, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
def work(item):
    with open("begun", "a") as file:
        file.write(f"{os.getpid()} {item}\\n")
    try:
        time.sleep(seconds)
    finally:
        with open("tidied", "a") as file:
            file.write(f"{item}\\n")
try:
    bgjobs.map(work, range(count), "x", workers=3, executor=kind)
    print("all")
except KeyboardInterrupt:
    print("interrupted")
"""


def begun(project):
    path = project / "begun"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@KINDS
def test_a_pause_holds_back(project, manager, python, executor):
    child = python(MAP, executor, 60, 0.05)
    await_that(lambda: len(begun(project)) > 6)
    job = manager.find(manager.list()[0].id)
    job.pause()
    await_that(lambda: job.info().pause_acknowledged)
    # What was under way ends, and is kept.
    await_that(lambda: job.info().items_completed == len(begun(project)))
    count = len(begun(project))
    time.sleep(0.5)
    assert len(begun(project)) == count < 60
    job.resume()
    assert child.communicate(timeout=60)[0] == "all\n"
    assert len(begun(project)) == job.info().items_completed == 60


@KINDS
def test_a_pause_is_seen_while_nothing_ends(project, manager, python, executor):
    python(MAP, executor, 60, 20)
    await_that(lambda: len(begun(project)) == 3)
    job = manager.find(manager.list()[0].id)
    job.pause()
    await_that(lambda: job.info().pause_acknowledged)


def test_a_cancelled_job_stops_its_workers(project, manager, python):
    child = python(MAP, "process", 60, 600, stderr=subprocess.PIPE)
    await_that(lambda: len(begun(project)) == 3)
    manager.find(manager.list()[0].id).cancel("enough")
    assert "JobFinished" in child.communicate(timeout=60)[1]
    assert not any(is_alive(pid) for pid, _ in begun(project))


@pytest.mark.parametrize("to_all", [True, False])
def test_ctrl_c_stops_processes_and_leaves_the_job_clean(project, python, to_all):
    child = python(MAP, "process", 60, 600, start_new_session=True, stderr=subprocess.PIPE)
    await_that(lambda: len(begun(project)) == 3)
    (os.killpg if to_all else os.kill)(child.pid, signal.SIGINT)
    assert child.communicate(timeout=60) == ("interrupted\n", "")
    info = only(project)
    assert (info.status, info.reason) == (JobStatus.PAUSED, "interrupted")
    assert (info.items_completed, info.items_failed, info.owner_pid) == (0, 0, None)
    assert not any(is_alive(pid) for pid, _ in begun(project))
    assert len((project / "tidied").read_text().split()) == 3


def test_ctrl_c_waits_for_threads_and_keeps_what_they_do(project, python):
    child = python(MAP, "thread", 60, 1, start_new_session=True, stderr=subprocess.PIPE)
    await_that(lambda: len(begun(project)) == 3)
    os.killpg(child.pid, signal.SIGINT)
    assert child.communicate(timeout=60) == ("interrupted\n", "")
    info = only(project)
    assert (info.reason, info.items_failed) == ("interrupted", 0)
    assert info.items_completed in (2, 3)  # 2: it came while the third one was being given out


def test_workers_do_not_outlive_a_parent_that_is_killed(project, python):
    child = python(MAP, "process", 60, 600)
    await_that(lambda: len(begun(project)) == 3)
    child.kill()
    child.wait()
    await_that(lambda: not any(is_alive(pid) for pid, _ in begun(project)))
    assert len((project / "tidied").read_text().split()) == 3
    info = only(project)
    assert (info.reason, info.items_completed) == ("interrupted", 0)


def test_workers_outlive_the_thread_that_started_them(project):
    """The parent-death signal comes for each thread."""
    results = bgjobs.imap(square, range(100), "x", workers=2, project=project)
    thread = threading.Thread(target=next, args=(results,))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert list(results) == [square(n) for n in range(1, 100)]


def test_an_iterator_that_is_left_does_not_hang_the_end(project, python):
    child = python(
        """
        import bgjobs
        results = bgjobs.imap(abs, range(100), "x", workers=2)
        print(next(results))
        """
    )
    assert child.communicate(timeout=60)[0] == "0\n"
    assert only(project).reason == "interrupted"


def test_the_oldest_of_what_is_under_way_is_the_current_item(project, manager, python):
    child = python(MAP, "process", 3, 600)
    await_that(lambda: len(begun(project)) == 3)
    assert await_that(lambda: manager.list()[0].current_item) == "0"
    child.kill()


@pytest.mark.parametrize("own", [False, True])
def test_the_main_thread_takes_no_lock_of_python(project, own):
    """A Ctrl-C that comes there would leave it taken for good, and a worker waiting for it."""
    taken = set()

    def profile(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.endswith(("threading.py", "_base.py", "thread.py")):
            taken.add(code.co_name)

    with ThreadPoolExecutor(2) as pool:
        sys.setprofile(profile)
        try:
            bgjobs.map(str, range(20), "x", executor=pool if own else "thread", project=project)
        finally:
            sys.setprofile(None)
    # Those of threading.Condition, and what stands on it.
    assert taken & {"__enter__", "acquire", "wait", "notify", "start", "submit"} == set()
