"""The loop that survives."""

import signal
import time
from pathlib import Path

import pytest

import bgjobs
from bgjobs import JobStatus
from conftest import await_that

EVERY = pytest.mark.parametrize("every", [None, 0, 0.05])


def only(project):
    with bgjobs.JobManager(project, read_only=True) as manager:
        [info] = manager.list()
        return info


@EVERY
@pytest.mark.parametrize("items", [[], ["a"], list("abcdefghij"), range(1000)])
def test_all_items_once(project, items, every):
    assert list(bgjobs.track(items, "x", project=project, every=every)) == list(items)
    info = only(project)
    assert info.status is JobStatus.COMPLETED
    assert (info.current, info.total) == (len(items), len(items) or None)
    assert info.items_completed == (len(items) if every is None else 0)


@EVERY
def test_a_break_goes_on_with_the_item_at_hand(project, every):
    for items in (range(10), range(10)):
        for item in bgjobs.track(items, "x", project=project, every=every):
            if item == 4:
                break
        info = only(project)
        assert (info.status, info.reason, info.current) == (JobStatus.PAUSED, "interrupted", 4)
    assert list(bgjobs.track(range(10), "x", project=project, every=every)) == [4, 5, 6, 7, 8, 9]
    assert only(project).status is JobStatus.COMPLETED
    assert only(project).current == 10


@EVERY
def test_an_exception_in_the_body(project, every):
    with pytest.raises(ZeroDivisionError):
        for item in bgjobs.track(range(10), "x", project=project, every=every):
            1 / (4 - item)
    assert (only(project).reason, only(project).current) == ("interrupted", 4)
    assert next(iter(bgjobs.track(range(10), "x", project=project, every=every))) == 4


@EVERY
def test_an_exception_of_the_source(project, every):
    def source():
        yield from "abc"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        for _ in bgjobs.track(source(), "x", project=project, every=every):
            pass
    info = only(project)
    assert (info.current, info.error) == (3, "OSError: gone")
    assert list(bgjobs.track("abcd", "x", project=project, every=every)) == ["d"]


def test_an_item_is_done_before_a_slow_source_gives_the_next(project, manager):
    def source():
        yield "a"
        job = manager.list()[0]
        assert (job.items_completed, job.current_item) == (1, None)
        yield "b"

    assert list(bgjobs.track(source(), "x", project=project)) == ["a", "b"]


def test_the_item_at_hand_shows(project, manager):
    for item in bgjobs.track(["a", "b"], "x", project=project):
        [info] = manager.list()
        assert (info.current_item, info.current, info.total) == (item, ord(item) - ord("a"), 2)
    assert manager.list()[0].current_item is None


@EVERY
def test_failed(project, every):
    loop = bgjobs.track("abcd", "x", project=project, every=every)
    for item in loop:
        if item in "bd":
            loop.failed(item, "no")
    info = only(project)
    assert (info.status, info.current, info.items_failed) == (JobStatus.COMPLETED, 4, 2)
    with bgjobs.JobManager(project) as manager:
        assert manager.find(info.id).json()["progress"]["itemsFailed"] == ["b", "d"]


@EVERY
def test_failed_items_are_tried_again(project, every):
    def run(fail, stop=None):
        given = []
        loop = bgjobs.track("abcde", "x", project=project, every=every)
        for item in loop:
            given.append(item)
            if item in fail:
                loop.failed(item)
            if item == stop:
                break
        return "".join(given)

    assert run(fail="bc", stop="d") == "abcd"
    assert run(fail="c") == "bcde"
    info = only(project)
    assert (info.status, info.current, info.items_failed) == (JobStatus.COMPLETED, 5, 1)
    # It has come to its end: only what failed is repeated, in the same job.
    assert len(bgjobs.track("abcde", "x", project=project, every=every)) == 1
    assert run(fail="") == "c"
    info = only(project)
    assert (info.status, info.current, info.items_failed) == (JobStatus.COMPLETED, 5, 0)
    # Nothing has failed: the next run is a new one.
    assert run(fail="b") == "abcde"


def test_again_begins_anew(project):
    loop = bgjobs.track("abc", "x", project=project)
    for item in loop:
        loop.failed(item) if item == "b" else None
    loop = bgjobs.track("abc", "x", project=project, again=True)
    assert (len(loop), list(loop)) == (3, ["a", "b", "c"])
    with bgjobs.JobManager(project) as manager:
        assert [info.items_failed for info in manager.list()] == [1, 0]


@pytest.mark.parametrize("every", [None, 0.001])
def test_new_items_beside_those_that_failed(project, every):
    loop = bgjobs.track("abc", "x", project=project, every=every)
    for item in loop:
        if item == "b":
            loop.failed(item, "no")
    assert list(bgjobs.track("abcde", "x", project=project, every=every)) == ["b", "d", "e"]


def test_an_item_that_failed_before_a_crash_is_done_after_it(project, python):
    """With `every` its failure is kept, and the position behind it is not."""
    code = """
        import bgjobs, os, signal
        loop = bgjobs.track("abcd", "x", every=60)
        for item in loop:
            if item == "b":
                loop.failed(item, "no")
            if item == "c":
                os.kill(os.getpid(), signal.SIGKILL)
        """
    assert python(code).wait(timeout=30) == -signal.SIGKILL
    assert only(project).items_failed == 1
    assert list(bgjobs.track("abcd", "x", project=project, every=60)) == list("abcd")
    info = only(project)
    assert (info.status, info.current, info.items_failed) == (JobStatus.COMPLETED, 4, 0)


def test_items_after_a_run_in_batches_begin_with_those_that_failed(project):
    loop = bgjobs.track("abcde", "x", project=project, every=0)
    for item in loop:
        if item == "b":
            loop.failed(item)
        if item == "d":
            break
    assert list(bgjobs.track("abcde", "x", project=project)) == list("bde")
    assert list(bgjobs.track("abcde", "x", project=project)) == list("abcde")  # another job


def test_what_failed_in_a_batch_and_was_done_since_is_not_given_out_again(project):
    loop = bgjobs.track("abcd", "x", project=project, every=0)
    for item in loop:
        if item == "b":
            loop.failed(item)
        if item == "c":
            break
    for item in bgjobs.track("abcd", "x", project=project):
        if item == "d":
            break
    assert list(bgjobs.track("abcd", "x", project=project, every=0)) == ["d"]


def test_names_that_are_none(project):
    for item in ("", "\udce9", "a\0b"):
        with pytest.raises(ValueError):
            list(bgjobs.track(["a", item], "x", project=project))


def test_its_length_is_that_of_the_items(project):
    assert len(bgjobs.track("abc", "x", project=project)) == 3
    with pytest.raises(TypeError):
        len(bgjobs.track(iter("abc"), "x", project=project))


@pytest.mark.parametrize("every", [-1, float("nan"), "x"])
def test_every_is_a_time(project, every):
    with pytest.raises((ValueError, TypeError)):
        bgjobs.track("abc", "x", project=project, every=every)
    with bgjobs.JobManager(project) as manager:
        assert manager.list() == []


def test_names(project):
    items = [{"id": 1}, {"id": 2}]
    with pytest.raises(TypeError, match="name="):
        list(bgjobs.track(items, "x", project=project))
    loop = bgjobs.track(items, "x", project=project, name=lambda item: f"issue-{item['id']}")
    assert list(loop) == items
    with bgjobs.JobManager(project) as manager:
        done = manager.find(loop.job.id).json()["progress"]["itemsCompleted"]
    assert done == ["issue-1", "issue-2"]
    assert list(bgjobs.track([Path("a/b")], "y", project=project)) == [Path("a/b")]


def test_keys_and_types_are_jobs_of_their_own(project):
    for arguments in (("x",), ("x", "other"), ("y",)):
        for _ in bgjobs.track("ab", *arguments, project=project):
            break
    with bgjobs.JobManager(project) as manager:
        assert [(job.type, job.key) for job in manager.list()] == [
            ("x", "all"),
            ("x", "other"),
            ("y", "all"),
        ]


def test_batches_go_on_from_items_and_items_from_batches(project):
    def run(stop, every):
        given = []
        for item in bgjobs.track(range(20), "x", project=project, every=every):
            if item == stop:
                break
            given.append(item)
        return given

    assert run(3, None) == [0, 1, 2]
    assert run(8, 0) == [3, 4, 5, 6, 7]
    assert run(12, None) == [8, 9, 10, 11]
    assert run(15, 0) == [12, 13, 14]
    assert run(None, None) == [15, 16, 17, 18, 19]
    assert only(project).current == 20


@EVERY
def test_a_pause_makes_it_wait(project, python, every):
    child = python(
        """
        import bgjobs, sys, time
        every = eval(sys.argv[1])
        for item in bgjobs.track(range(100), "x", every=every):
            print(item, flush=True)
            time.sleep(0.01)
        """,
        every,
    )
    assert child.stdout.readline() == "0\n"
    with bgjobs.JobManager(project) as manager:
        job = manager.find(manager.list()[0].id)
        job.pause()
        await_that(lambda: job.info().pause_acknowledged)
        time.sleep(0.3)  # with `every` the position follows in a second report
        stopped = job.info().current
        time.sleep(0.3)
        assert job.info().current == stopped < 100
        job.resume()
        assert child.wait(timeout=30) == 0
        assert child.stdout.read().split() == [str(i) for i in range(1, 100)]
        assert job.info().status is JobStatus.COMPLETED


@EVERY
def test_a_cancelled_job_ends_it(project, every):
    with bgjobs.JobManager(project) as manager, pytest.raises(bgjobs.JobFinished):
        for item in bgjobs.track(range(10**9), "x", project=project, every=every):
            if item == 3:
                manager.find(manager.list()[0].id).cancel()
            if item > 3:
                time.sleep(0.01)
    assert only(project).reason == "cancelled"


@pytest.mark.parametrize("every", [None, 0.1])
def test_kill_9_and_run_again(project, python, every):
    code = """
        import bgjobs, os, sys, time
        every = eval(sys.argv[1])
        out = os.open("worked", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        for item in bgjobs.track([f"issue-{i}" for i in range(3000)], "import-issues", every=every):
            os.write(out, f"{item}\\n".encode())
            time.sleep(0.0003)
        """
    worked = project / "worked"

    def lines():
        return worked.read_text().split() if worked.exists() else []

    repeated = 0
    for kill in (200, 1000, 2500):
        child = python(code, every)
        await_that(lambda least=kill: len(lines()) >= least)
        child.send_signal(signal.SIGKILL)
        child.wait()
        before = lines()
        info = only(project)
        assert (info.status, info.reason) == (JobStatus.PAUSED, "interrupted")
        # What was acknowledged was worked on, and at most the last of it is missing.
        lost = len(set(before)) - info.current
        assert 0 <= lost <= (1 if every is None else 1000)
        repeated += lost
    child = python(code, every)
    assert child.wait(timeout=60) == 0
    info = only(project)
    assert info.status is JobStatus.COMPLETED and info.current == 3000
    assert set(lines()) == {f"issue-{i}" for i in range(3000)}
    assert len(lines()) - 3000 <= repeated + 3
    assert only(project).items_completed == (3000 if every is None else 0)


@EVERY
def test_ctrl_c_ends_a_waiting_loop(project, python, every):
    child = python(
        """
        import bgjobs, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for item in bgjobs.track(range(10**9), "x", every=eval(sys.argv[1])):
                time.sleep(0.001)
        except KeyboardInterrupt:
            print("interrupted")
        """,
        every,
    )
    with bgjobs.JobManager(project) as manager:
        await_that(lambda: manager.list(JobStatus.RUNNING))
        job = manager.find(manager.list()[0].id)
        job.pause()
        await_that(lambda: job.info().pause_acknowledged)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=10)[0] == "interrupted\n"
        assert job.info().owner_pid is None
