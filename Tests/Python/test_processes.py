"""Threads, asyncio, fork, multiprocessing."""

import asyncio
import gc
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import bgjobs
from bgjobs import JobStatus, Outcome
from conftest import await_that


def test_threads_share_a_plan(manager, job):
    items = [f"item-{i}" for i in range(2000)]
    job.plan(items)
    given = [[] for _ in range(8)]

    def work(mine):
        for item in job.remaining():
            mine.append(item)
            job.done(item)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item for mine in given for item in mine) == sorted(items)
    assert job.info().items_completed == 2000


def test_errors_of_threads_do_not_mix(manager, job):
    wrong = []

    def work(mine):
        for _ in range(300):
            try:
                manager.find(mine)
            except bgjobs.NotFound as error:
                if not error.message.endswith(mine):
                    wrong.append(error.message)

    threads = [threading.Thread(target=work, args=(f"no-{i:03d}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_close_waits_for_the_calls_of_other_threads(project):
    """A manager that is freed under a call would crash."""
    for _ in range(50):
        manager = bgjobs.JobManager(project)
        job = manager.ensure("x", "all")
        ended = []

        def work(manager=manager, job=job, ended=ended):
            try:
                while True:
                    manager.list()
                    job.info()
            except bgjobs.Invalid as error:
                ended.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        manager.close()
        for thread in threads:
            thread.join()
        assert len(ended) == 4


def test_close_does_not_free_what_is_in_use(project):
    manager = bgjobs.JobManager(project)
    closing = threading.Thread(target=manager.close)
    with manager._use():
        closing.start()
        closing.join(0.1)
        assert closing.is_alive()
    closing.join(30)
    assert not closing.is_alive() and manager.closed


def test_a_waiting_thread_does_not_stop_others(manager, job):
    job.pause()
    waiting = threading.Thread(target=job.wait_resumed)
    waiting.start()
    begin = time.monotonic()
    for i in range(100):
        assert job.done(str(i)) is Outcome.PAUSED
    assert time.monotonic() - begin < 5
    job.resume()
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_signal_handler_may_report(project, manager, job):
    """It gets an error of its own, wherever it comes in between."""

    def handler(*_):
        job.advance(1)
        with pytest.raises(bgjobs.NotFound, match="from-handler"):
            manager.find("from-handler")

    former = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            with pytest.raises(bgjobs.NotFound, match="from-loop"):
                manager.find("from-loop")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert job.info().current > 10


def test_aremaining_waits_without_blocking_the_loop(project):
    beats = []

    async def heart():
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.005)

    async def work(job, other):
        task = asyncio.create_task(heart())
        given = []
        async with job:
            async for item in job.aremaining():
                given.append(item)
                job.done(item)
                if item == "b":
                    other.pause()
                    asyncio.get_running_loop().call_later(0.5, other.resume)
                    await asyncio.sleep(0.05)
        task.cancel()
        return given

    with bgjobs.JobManager(project) as manager, bgjobs.JobManager(project) as second:
        job = manager.create("x")
        job.plan(list("abcd"))
        assert asyncio.run(work(job, second.find(job.id))) == list("abcd")
        assert job.info().status is JobStatus.COMPLETED
    assert len(beats) > 40
    assert max(b - a for a, b in zip(beats, beats[1:])) < 0.2


def test_await_resumed(manager, job):
    async def main():
        job.rate_limited(seconds=1)
        await job.await_resumed()
        job.pause()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job.await_resumed(), 0.3)
        job.cancel()
        with pytest.raises(bgjobs.JobFinished):
            await job.await_resumed()

    asyncio.run(main())


def test_async_with_marks_interrupted(manager):
    job = manager.create("x")

    async def main():
        async with job:
            raise OSError("gone")

    with pytest.raises(OSError):
        asyncio.run(main())
    assert job.info().error == "OSError: gone"


def test_a_forked_child_is_told(project, manager, job):
    job.plan(list("ab"))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = 0
        calls = [
            lambda: job.done("a"),
            lambda: job.is_done("a"),
            job.info,
            job.next,
            lambda: next(job.remaining()),
            manager.list,
            manager.sync,
            lambda: manager.find(job.id),
        ]
        try:
            for call in calls:
                try:
                    call()
                except bgjobs.Forked as error:
                    told += "child" in str(error)
            manager.close()  # frees only
            with bgjobs.JobManager(project) as own:
                own.find(job.id).done("b")
            os.write(writer, b"%d of %d" % (told, len(calls)))
        finally:
            os._exit(0)
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reader, 100) == b"8 of 8"
    os.close(reader)
    assert job.done("a") is Outcome.OK
    assert job.info().owned and job.info().items_completed == 2


def square(item):
    return int(item) ** 2


def report(project, id, item):
    with bgjobs.JobManager(project) as manager:
        manager.find(id).done(item)


METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])


@METHODS
def test_the_parent_reports_for_a_pool(manager, method):
    job = manager.create("x")
    job.plan(str(i) for i in range(100))
    results = {}
    with job, ProcessPoolExecutor(3, multiprocessing.get_context(method)) as pool:
        for item, future in job.in_pool(pool, square, at_once=3):
            results[item] = future.result()
            job.done(item)
    assert results == {str(i): i * i for i in range(100)}
    info = job.info()
    assert (info.status, info.items_completed) == (JobStatus.COMPLETED, 100)


@METHODS
def test_workers_report_by_themselves(manager, job, method):
    context = multiprocessing.get_context(method)
    workers = [
        context.Process(target=report, args=(manager.project, job.id, str(i))) for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert job.info().items_completed == 3 and job.info().owned


def test_they_cannot_be_pickled(manager, job):
    for thing in (manager, job):
        with pytest.raises(TypeError, match="project"):
            pickle.dumps(thing)


def test_two_processes_see_each_other(project, manager, python):
    child = python(
        """
        import bgjobs
        job = bgjobs.JobManager(".").ensure("x", "all")
        job.start()
        job.done("a")
        job.wait(bgjobs.JobStatus.PAUSED)
        print("paused", flush=True)
        job.wait_resumed()
        job.complete({"by": "child"})
        """
    )
    await_that(lambda: manager.list(JobStatus.RUNNING))
    job = manager.find(manager.list()[0].id)
    await_that(lambda: job.is_done("a") or job.info().items_completed)
    job.pause()
    assert child.stdout.readline() == "paused\n"
    job.resume()
    assert job.wait(bgjobs.FINISHED, timeout=30) is JobStatus.COMPLETED
    assert job.json()["result"] == {"by": "child"}
    assert child.wait(timeout=10) == 0


def work(item):
    time.sleep(0.02)
    if item == "7":
        raise ValueError("no seven")
    return item * 2


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_pool_takes_no_more_than_a_pause_can_hold_back(manager, kind):
    job = manager.ensure("x", "all")
    job.plan(str(n) for n in range(40))
    results = {}
    with job, kind(3) as pool:
        for item, future in job.in_pool(pool, work, at_once=3):
            if future.exception():
                job.failed(item, str(future.exception()))
                continue
            results[item] = future.result()
            job.done(item)
            if len(results) == 10:
                job.pause()
                threading.Timer(0.5, job.resume).start()
            # Nothing was given out between the pause and the resume but what was under way.
            if job.info().status is JobStatus.PAUSED:
                assert len(results) <= 13
    assert results == {str(n): str(n) * 2 for n in range(40) if n != 7}
    info = job.info()
    assert (info.status, info.items_failed) == (JobStatus.COMPLETED, 1)


def test_a_pool_and_a_cancelled_job(manager):
    job = manager.ensure("x", "all")
    job.plan(str(n) for n in range(40))
    with pytest.raises(ValueError, match="at_once"):
        next(job.in_pool(ThreadPoolExecutor(1), work, at_once=0))
    with pytest.raises(bgjobs.JobFinished), job, ThreadPoolExecutor(2) as pool:
        for item, _ in job.in_pool(pool, work, at_once=2):
            job.done(item)
            job.cancel("enough")


def test_a_child_may_free_what_it_inherited_at_any_time(project, python):
    """Its own files have the numbers of those that were closed in it."""
    child = python(
        """
        import bgjobs, os
        manager = bgjobs.JobManager(".")
        job = manager.ensure("x", "all")
        job.start()
        pid = os.fork()
        if pid == 0:
            mine = bgjobs.JobManager(".")
            own = mine.ensure("y", "all")
            own.start()
            job = None
            manager.close()
            manager = None
            for n in range(50):
                own.done(str(n))
            own.complete()
            mine.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        job.done("parent")
        job.complete()
        manager.close()
        """
    )
    assert child.wait(timeout=30) == 0
    with bgjobs.JobManager(project) as manager:
        assert [(job.type, job.current) for job in manager.list()] == [("x", 1), ("y", 50)]


def test_a_look_that_fails_is_no_look(project, manager, job):
    """Where the store is gone, no report is acknowledged, however quickly they come."""
    job.done("a")
    shutil.rmtree(project / ".specweave/state/background-jobs.d")
    time.sleep(0.05)
    for n in range(200):
        with pytest.raises(bgjobs.IOFailure):
            job.done(str(n))


def test_close_in_a_signal_handler(project, python):
    """It comes into the middle of a call of its own thread, for which it must not wait."""
    child = python(
        """
        import bgjobs, os, signal, threading, time
        manager = bgjobs.JobManager(".")
        job = manager.ensure("x", "all")
        job.start()
        signal.signal(signal.SIGUSR1, lambda *_: manager.close())
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        try:
            while True:
                manager.list()
        except ValueError:
            print("closed")
        """
    )
    assert child.communicate(timeout=30)[0] == "closed\n"
    with bgjobs.JobManager(project) as manager:
        assert [job.reason for job in manager.list()] == ["interrupted"]


def test_ctrl_c_at_any_place_of_a_call(project, python):
    """Before each step of the interpreter in a call, in turn: what is left can be closed."""
    child = python(
        """
        import bgjobs, sys

        def interrupt(at):
            steps = 0
            def trace(frame, event, argument):
                nonlocal steps
                if "bgjobs" not in frame.f_code.co_filename:
                    return None
                frame.f_trace_opcodes = True
                if event == "opcode":
                    steps += 1
                    if steps == at:
                        sys.settrace(None)
                        raise KeyboardInterrupt
                return trace
            return trace

        interrupted = 0
        for at in range(1, 400):
            try:
                with bgjobs.JobManager(".") as manager:
                    sys.settrace(interrupt(at))
                    manager.sync()
                    sys.settrace(None)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                sys.settrace(None)
        print(interrupted > 50)
        """
    )
    assert child.communicate(timeout=60)[0] == "True\n"


def test_a_pool_also_takes_what_its_loop_plans(manager):
    job = manager.ensure("x", "all")
    job.plan(["a"])
    with job, ThreadPoolExecutor(2) as pool:
        for item, _ in job.in_pool(pool, work, at_once=2):
            if len(item) < 4:
                job.plan([item + "a"])
            job.done(item)
    assert job.info().items_completed == 4


def test_an_exception_that_cannot_be_told(manager):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

    job = manager.ensure("x", "all")
    with pytest.raises(Mute), job:
        raise Mute
    assert (job.info().reason, job.info().error) == ("interrupted", "Mute")


def test_ctrl_c_in_a_close_that_waits_leaves_it_to_be_closed(manager, project):
    job = manager.ensure("x", "all")
    job.start()
    begun, end = threading.Event(), threading.Event()

    def call():
        with manager._use():
            begun.set()
            end.wait()

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    other = threading.Thread(target=call)
    other.start()
    try:
        begun.wait()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            manager.close()
    finally:
        signal.signal(signal.SIGALRM, before)
        end.set()
        other.join()
    assert not manager.closed
    manager.close()
    state = json.loads((project / ".specweave/state/background-jobs.json").read_text())
    assert state["jobs"][0]["status"] == "paused"


@pytest.mark.parametrize("way", ("an exception", "SystemExit", "a paused job"))
def test_each_way_out_of_a_manager_publishes(project, way):
    with pytest.raises((RuntimeError, SystemExit)), bgjobs.JobManager(project) as manager:
        job = manager.create("x", total=30)
        job.start()
        if way == "a paused job":
            job.pause()
        for n in range(20):
            job.done(f"item-{n}")
        raise SystemExit(8) if way == "SystemExit" else RuntimeError(way)
    state = json.loads((project / ".specweave/state/background-jobs.json").read_text())
    assert len(state["jobs"][0]["progress"]["itemsCompleted"]) == 20


def test_a_loop_that_is_left_publishes(project):
    with pytest.raises(RuntimeError):
        for n in bgjobs.track(range(30), "x", project=project):
            if n == 20:
                raise RuntimeError("the body")
    gc.collect()  # the loop's generator is in the traceback
    state = json.loads((project / ".specweave/state/background-jobs.json").read_text())
    assert len(state["jobs"][0]["progress"]["itemsCompleted"]) == 20
