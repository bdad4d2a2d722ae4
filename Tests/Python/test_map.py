"""A function over many items, in threads and processes, as a job that survives."""

import functools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import bgjobs
from bgjobs import DONE_BEFORE, JobStatus
from conftest import await_that

KINDS = pytest.mark.parametrize("executor", ["process", "thread"])


def only(project):
    with bgjobs.JobManager(project, read_only=True) as manager:
        [info] = manager.list()
        return info


def failures(project):
    """The items that have failed, and why."""
    with bgjobs.JobManager(project, read_only=True) as manager:
        return manager.find(only(project).id).json()["bgjobs"].get("failures", {})


def square(number):
    return number * number


def no_odd(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def noted(path, item):
    """Writes down that it was worked on."""
    with open(path, "a") as file:
        file.write(f"{item}\n")
    return item


class Odd(Exception):
    """Can be written by pickle, and not be read."""

    def __init__(self, number, kind):
        super().__init__(f"{number} is {kind}")


def odd_one(number):
    if number == 3:
        raise Odd(number, "odd")
    return number


@pytest.mark.parametrize("count", [0, 1, 5, 300])
@KINDS
def test_results_in_order(project, executor, count):
    results = bgjobs.map(square, range(count), "x", project=project, executor=executor)
    assert results == [square(n) for n in range(count)]
    info = only(project)
    assert (info.status, info.current, info.total) == (JobStatus.COMPLETED, count, count or None)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_of_the_caller_stays_open(project, kind):
    with kind(3) as executor:
        for name in ("x", "y"):
            assert bgjobs.map(square, range(50), name, project=project, executor=executor) == [
                square(n) for n in range(50)
            ]
        assert executor.submit(square, 3).result() == 9


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods(project, method):
    (project / "program.py").write_text(
        "import bgjobs, multiprocessing, sys\n"
        "def square(n): return n * n\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method(sys.argv[1])\n"
        "    print(bgjobs.map(square, range(20), 'x', workers=2))\n"
    )
    done = subprocess.run(
        [sys.executable, "program.py", method],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{[square(n) for n in range(20)]}\n", "")


def test_what_cannot_be_sent_is_an_error_before_there_is_a_job(project, python):
    child = python(
        """
        import bgjobs, multiprocessing
        multiprocessing.set_start_method("spawn")
        try:
            bgjobs.map(lambda item: item, range(9), "x")
        except Exception as error:
            print("lambda" in str(error), bgjobs.JobManager(".").list())
        """
    )
    assert child.communicate(timeout=60)[0] == "True []\n"


def test_items_and_results_that_cannot_be_sent_fail_alone(project):
    items = ["a", threading.Lock(), "b"]
    results = bgjobs.map(
        len, items, "x", project=project, name=lambda item: str(item)[:5], errors="return"
    )
    assert results[0] == results[2] == 1 and isinstance(results[1], TypeError)
    results = bgjobs.map(
        lambda n: threading.Lock() if n == 1 else n, range(3), "y", project=project, errors="return"
    )
    assert (results[0], results[2]) == (0, 2) and "cannot pickle" in str(results[1])


@pytest.mark.parametrize("ordered", [True, False])
@KINDS
def test_results_as_they_come(project, executor, ordered):
    go = project / "go"

    def first_waits(name):
        if name == "first":
            await_that(go.exists)
        elif ordered:
            go.touch()
        return name

    given = []
    for name in bgjobs.imap(
        first_waits,
        ["first", "second"],
        "x",
        ordered=ordered,
        workers=2,
        project=project,
        executor=executor,
    ):
        given.append(name)
        go.touch()
    assert given == (["first", "second"] if ordered else ["second", "first"])


@KINDS
def test_failures_are_kept_and_raised_in_the_end(project, executor):
    with pytest.raises(bgjobs.ItemsFailed, match="5 of 10 items failed; first 1: ValueError") as it:
        bgjobs.map(no_odd, range(10), "x", project=project, executor=executor, workers=1)
    assert isinstance(it.value.__cause__, ValueError)
    assert sorted(it.value.failures) == ["1", "3", "5", "7", "9"]
    assert it.value.results[::2] == [0, 2, 4, 6, 8] and str(it.value.results[3]) == "3 is odd"
    info = only(project)
    assert (info.status, info.items_failed, info.items_completed) == (JobStatus.COMPLETED, 5, 5)
    assert failures(project)["3"] == "ValueError: 3 is odd"


@KINDS
def test_the_next_run_tries_again_what_has_failed(project, executor, tmp_path):
    with pytest.raises(bgjobs.ItemsFailed):
        bgjobs.map(no_odd, range(6), "x", project=project, executor=executor)
    note = functools.partial(noted, tmp_path / "worked")
    results = bgjobs.map(note, range(6), "x", project=project, executor=executor)
    assert results == [DONE_BEFORE, 1, DONE_BEFORE, 3, DONE_BEFORE, 5]
    assert sorted((tmp_path / "worked").read_text().split()) == ["1", "3", "5"]
    info = only(project)
    assert (info.status, info.items_failed, info.items_completed) == (JobStatus.COMPLETED, 0, 6)
    assert bgjobs.map(square, range(6), "x", project=project, executor=executor)[1] == 1  # anew


@KINDS
def test_errors_that_are_returned(project, executor):
    for _ in range(2):  # the second run begins anew
        results = bgjobs.map(
            no_odd, range(4), "x", project=project, executor=executor, errors="return"
        )
        assert results[::2] == [0, 2] and [str(one) for one in results[1::2]] == [
            "1 is odd",
            "3 is odd",
        ]


@KINDS
def test_errors_that_stop(project, executor):
    with pytest.raises(ValueError, match="1 is odd"):
        bgjobs.map(
            no_odd,
            range(100),
            "x",
            project=project,
            executor=executor,
            errors="stop",
            workers=1,
        )
    info = only(project)
    assert (info.reason, info.error) == ("interrupted", "ValueError: 1 is odd")
    assert (info.items_completed, info.items_failed) == (1, 1)
    results = bgjobs.map(square, range(100), "x", project=project, executor=executor)
    assert results[:3] == [DONE_BEFORE, 1, 4]


def test_the_traceback_of_a_worker_is_told(project):
    [error] = bgjobs.map(no_odd, [1], "x", project=project, errors="return")
    assert 'raise ValueError(f"{number} is odd")' in str(error.__cause__)


def test_an_exception_that_cannot_be_read(project):
    results = bgjobs.map(odd_one, range(5), "x", project=project, errors="return")
    assert results[:3] == [0, 1, 2] and results[4] == 4
    assert "Odd: 3 is odd" in str(results[3]) and failures(project)["3"].endswith("3 is odd")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda: os._exit(7), "exit 7"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by SIGKILL"),
    ],
)
def test_a_worker_that_dies_fails_its_item_and_no_other(project, how, said):
    def work(number):
        if number == 5:
            how()
        return number

    with pytest.raises(bgjobs.ItemsFailed) as it:
        bgjobs.map(work, range(40), "x", workers=3, project=project)
    assert isinstance(it.value.__cause__, bgjobs.WorkerDied)
    assert [n for n, one in enumerate(it.value.results) if one != n] == [5]
    assert failures(project)["5"].endswith(said)


def test_a_pool_of_the_caller_that_breaks_gives_its_items_back(project):
    with ProcessPoolExecutor(2) as executor, pytest.raises(BrokenExecutor):
        bgjobs.map(os._exit, range(1, 9), "x", executor=executor, project=project)
    info = only(project)
    assert (info.reason, info.items_completed, info.items_failed) == ("interrupted", 0, 0)


def test_two_of_one_name_are_one_item(project, tmp_path):
    note = functools.partial(noted, tmp_path / "worked")
    assert bgjobs.map(note, "abacb", "x", project=project) == list("abacb")
    assert sorted((tmp_path / "worked").read_text().split()) == ["a", "b", "c"]
    info = only(project)
    assert (info.current, info.total, info.percentage) == (3, 3, 100)
    assert list(bgjobs.imap(square, [2, 2], "y", project=project)) == [4, DONE_BEFORE]
    assert list(bgjobs.imap(square, [2, 2], "y", ordered=False, project=project)) == [4]


@KINDS
def test_no_more_is_begun_than_there_are_workers(project, executor):
    """Also of a source that has no end."""
    taken = []

    def source():
        for number in range(10**9):
            taken.append(number)
            yield number

    results = bgjobs.imap(
        square, source(), "x", ordered=False, workers=3, project=project, executor=executor
    )
    for number, _ in enumerate(results):
        assert len(taken) <= number + 1 + 3 + 3  # 3 with the workers, and 3 that are reported
        if number == 50:
            break
    results.close()
    info = only(project)
    assert (info.reason, info.error) == ("interrupted", "the loop was left")
    assert 51 <= info.items_completed <= len(taken)


@KINDS
def test_an_exception_of_the_source(project, executor):
    def source():
        yield from range(3)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        bgjobs.map(square, source(), "x", project=project, executor=executor)
    assert only(project).error == "OSError: gone"


def test_what_is_wrong_is_said_before_there_is_a_job(project):
    for wrong, problem in (
        ({"executor": "fork"}, bgjobs.Invalid),
        ({"workers": 0}, bgjobs.Invalid),
        ({"errors": "ignore"}, bgjobs.Invalid),
        ({"items": [{}]}, TypeError),
        ({"function": None}, TypeError),
    ):
        arguments = {"function": square, "items": [1], **wrong}
        function, items = arguments.pop("function"), arguments.pop("items")
        with pytest.raises(problem):
            bgjobs.map(function, items, "x", project=project, **arguments)
    with bgjobs.JobManager(project) as manager:
        assert manager.list() == []
