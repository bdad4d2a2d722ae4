"""What a loop of track() says of itself: names, lengths, and why it was left."""

import datetime
import enum
import operator
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import bgjobs
from bgjobs import JobStatus

EVERY = pytest.mark.parametrize("every", [None, 0])


def only(project):
    with bgjobs.JobManager(project, read_only=True) as manager:
        [info] = manager.list()
        return info


def leave_at(project, items, stop, **options):
    for item in bgjobs.track(items, "x", project=project, **options):
        if item == stop:
            break


# ---- Names --------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Word(str, enum.Enum):
    A = "a"


class Index:
    """What numpy's integers are to Python."""

    def __index__(self):
        return 7


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ("a", "a"),
        (1, "1"),
        (True, "True"),
        (1.5, "1.5"),
        (Path("a/b"), "a/b"),
        (Colour.RED, "RED"),
        (Number.ONE, "1"),
        (Word.A, "a"),
        (Index(), "7"),
        (datetime.date(2026, 2, 3), "2026-02-03"),
        (("a", 1), '["a", "1"]'),
        ((0, ("ä", "b")), '["0", "[\\"ä\\", \\"b\\"]"]'),
    ],
)
@pytest.mark.parametrize("way", ["track", "map"])
def test_names(project, item, name, way):
    if way == "track":
        assert list(bgjobs.track([item], "x", project=project)) == [item]
    else:
        bgjobs.map(str, [item], "x", project=project, executor="thread")
    with bgjobs.JobManager(project) as manager:
        job = manager.find(manager.list()[0].id)
        assert job.json()["progress"]["itemsCompleted"] == [name]


@pytest.mark.parametrize("item", [{"id": 1}, b"a", None, ["a"], ("a", {})])
def test_what_has_no_name_is_one_clear_error_before_there_is_a_job(project, item):
    with pytest.raises(TypeError, match=r"no name of its own.*name=lambda item"):
        list(bgjobs.track([item], "x", project=project))
    with pytest.raises(TypeError, match=r"no name of its own.*name=lambda item"):
        bgjobs.map(str, [item], "x", project=project)
    with bgjobs.JobManager(project) as manager:
        assert manager.list() == []


def test_numpy(project):
    numpy = pytest.importorskip("numpy")
    for items in (numpy.arange(3), numpy.array(["a", "b"]), numpy.array([1.5])):
        assert len(list(bgjobs.track(items, "x", project=project))) == len(items)
        assert only(project).percentage == 100
        with bgjobs.JobManager(project) as manager:
            done = manager.find(manager.list()[0].id).json()["progress"]["itemsCompleted"]
            assert done == [str(item) for item in items]
            manager.cleanup(0)


def test_rows_of_pandas(project):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.5, None], "b": [{}, []]}, index=["x", "y"])
    for rows in (frame.iterrows, frame.itertuples):
        assert len(list(bgjobs.track(rows(), "x", project=project))) == 2
        with bgjobs.JobManager(project) as manager:
            done = manager.find(manager.list()[0].id).json()["progress"]["itemsCompleted"]
            assert done == ["x", "y"]
            manager.cleanup(0)


# ---- Two of one name ----------------------------------------------------------------------------


@pytest.mark.parametrize("items", [["a", "b", "a"], ["a", "a", "a"], [1, "1", 2]])
def test_two_of_one_name_are_one_item(project, items):
    loop = bgjobs.track(items, "x", project=project)
    given = len({str(item) for item in items})
    assert (len(loop), loop.initial, loop.total) == (given, 0, given)
    assert len(list(loop)) == given
    info = only(project)
    assert (info.percentage, info.current, info.total) == (100, given, given)


@EVERY
def test_duplicates_do_not_keep_it_from_a_hundred(project, every):
    leave_at(project, ["a", "b", "a", "c", "b"], "c", every=every)
    list(bgjobs.track(["a", "b", "a", "c", "b"], "x", project=project, every=every))
    info = only(project)
    assert (info.percentage, info.current) == (100, info.total)


# ---- Lengths ------------------------------------------------------------------------------------


class Sized:
    """Has a length, and can be looped over once."""

    def __init__(self, items):
        self.items = list(items)
        self.loops = 0

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        self.loops += 1
        assert self.loops == 1
        return iter(self.items)


@EVERY
@pytest.mark.parametrize("kind", [list, tuple, dict.fromkeys, Sized])
def test_lengths_after_a_resume(project, kind, every):
    leave_at(project, range(100), 55, every=every)
    loop = bgjobs.track(kind(range(100)), "x", project=project, every=every)
    assert (len(loop), loop.initial, loop.total) == (45, 55, 100)
    assert sum(1 for _ in loop) == 45


@EVERY
def test_lengths_while_the_loop_runs(project, every):
    leave_at(project, range(100), 55, every=every)
    loop = bgjobs.track(range(100), "x", project=project, every=every)
    for item in loop:
        assert (len(loop), loop.initial, loop.total) == (45, 55, 100)
        if item > 60:
            break


@EVERY
def test_an_iterator_has_no_length_but_a_hint(project, every):
    leave_at(project, range(100), 55, every=every)
    loop = bgjobs.track(iter(range(100)), "x", project=project, every=every)
    with pytest.raises(TypeError):
        len(loop)
    assert operator.length_hint(loop) == 45
    assert len(list(loop)) == 45


def test_failed_items_count_as_left(project):
    loop = bgjobs.track("abcd", "x", project=project)
    for item in loop:
        if item == "b":
            loop.failed(item)
        if item == "d":
            break
    loop = bgjobs.track("abcd", "x", project=project)
    assert (len(loop), loop.initial, loop.total) == (2, 2, 4)


def test_to_ask_for_a_length_makes_nothing(project):
    assert len(bgjobs.track("abc", "x", project=project)) == 3
    assert len(bgjobs.track("abc", "x", project=project / "none")) == 3
    assert list(project.iterdir()) == []


@EVERY
def test_tqdm_ends_at_a_hundred(project, every):
    tqdm = pytest.importorskip("tqdm").tqdm
    with open(os.devnull, "w") as nowhere:
        leave_at(project, range(100), 55, every=every)
        bar = tqdm(bgjobs.track(range(100), "x", project=project, every=every), file=nowhere)
        assert len(list(bar)) == 45
        assert (bar.n, bar.total) == (45, 45)
        leave_at(project, range(100), 55, every=every)
        loop = bgjobs.track(range(100), "x", project=project, every=every)
        bar = tqdm(loop, initial=loop.initial, total=loop.total, file=nowhere)
        assert len(list(bar)) == 45
        assert (bar.n, bar.total) == (100, 100)


# ---- Why a loop was left ------------------------------------------------------------------------


class Mine(Exception):
    pass


EARLY = ValueError("made long before")


def raise_it(error):
    raise error


def through_others(error):
    try:
        raise_it(error)
    finally:
        str(error)


@EVERY
@pytest.mark.parametrize("wrap", [iter, enumerate, lambda loop: (item for item in loop)])
@pytest.mark.parametrize("way", [raise_it, through_others])
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (lambda: ValueError("text"), "ValueError: text"),
        (lambda: Mine("several\nlines"), "Mine: several lines"),
        (lambda: KeyboardInterrupt(), "KeyboardInterrupt"),
        (lambda: OSError(28, "full"), "OSError: [Errno 28] full"),
    ],
)
def test_an_exception_in_the_loop_is_kept_as_its_text(project, every, wrap, way, error, why):
    with pytest.raises(BaseException):  # noqa: B017
        for _ in wrap(bgjobs.track("abc", "x", project=project, every=every)):
            way(error())
    info = only(project)
    assert (info.status, info.reason, info.error) == (JobStatus.PAUSED, "interrupted", why)


def test_an_exception_caught_in_the_same_function(project):
    try:
        for _ in bgjobs.track("abc", "x", project=project):
            raise ValueError("text")
    except ValueError:
        pass
    assert only(project).error == "ValueError: text"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="it does not exist until it is caught")
@pytest.mark.parametrize("way", [lambda: 1 // 0, lambda: raise_it(EARLY)])
def test_exceptions_that_are_hard_to_see(project, way):
    with pytest.raises(Exception) as it:
        for _ in bgjobs.track("abc", "x", project=project):
            way()
    assert only(project).error == f"{type(it.value).__name__}: {it.value}"


@pytest.mark.parametrize(
    "body", ["1 // 0", "int('x')", "raise ValueError('text')", "sys.exit('no')"]
)
def test_an_exception_that_ends_the_program(project, python, body):
    child = python(
        f"""
        import bgjobs, sys
        for item in bgjobs.track("abc", "x"):
            {body}
        """,
        stderr=subprocess.PIPE,
    )
    said = child.communicate(timeout=60)[1].splitlines()[-1]
    info = only(project)
    assert info.reason == "interrupted"
    if "exit" not in body:
        assert info.error == said
    elif sys.version_info >= (3, 12):
        assert info.error == "SystemExit: no"
    else:  # Python does not make one
        assert info.error == "an exception in <string>:4"
    assert info.owner_pid is None


def test_a_loop_that_is_left_for_the_end_of_the_program(project, python):
    child = python(
        """
        import bgjobs
        loop = iter(bgjobs.track("abc", "x"))
        print(next(loop))
        """,
        stderr=subprocess.PIPE,
    )
    assert child.communicate(timeout=60) == ("a\n", "")
    assert (only(project).reason, only(project).error) == ("interrupted", "the loop was left")


def test_exceptions_that_lie_about_are_not_taken_for_it(project):
    kept = [ValueError("kept")]
    with pytest.raises(ZeroDivisionError):
        for _ in bgjobs.track("abc", "x", project=project):
            kept.append(KeyError("kept, too"))
            1 // 0  # noqa: B018
    # Up to Python 3.11 there is only its place.
    assert only(project).error.startswith(("an exception in test_loops.py:", "ZeroDivisionError: "))


def test_a_break_is_no_exception(project):
    for _ in bgjobs.track("abc", "x", project=project):
        try:
            raise ValueError("caught")
        except ValueError as error:
            kept = error
        break
    assert str(kept) == "caught"
    assert only(project).error == "the loop was left"


# ---- The module ---------------------------------------------------------------------------------


def test_list_into_head_ends_quietly(project):
    with bgjobs.JobManager(project) as manager:
        for number in range(500):
            manager.ensure("x" * 200, str(number))
    script = textwrap.dedent(
        f"""
        set -o pipefail
        {sys.executable} -m bgjobs -C '{project}' list | head -n 1
        echo "${{PIPESTATUS[1]}}"
        """
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and done.stdout.splitlines()[-1] == "0"
