"""The loop that survives: `for item in bgjobs.track(items, "import-issues"):`."""

import operator
import os
from collections.abc import Collection
from contextlib import contextmanager, suppress
from ctypes import c_int64
from itertools import chain, islice
from time import monotonic
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from . import _ffi
from ._call import Outcome, text
from .errors import BgjobsError, Invalid
from .job import Job, describe
from .manager import JobManager

Item = TypeVar("Item")

_update = _ffi.bare_update
_NOT_SAID = c_int64(-1)


def name_of(item: Any) -> str:
    """What an item is called in the job: the same in every run, or nothing could be skipped."""
    if isinstance(item, str):
        return item
    if isinstance(item, (int, os.PathLike)):
        return os.fspath(item) if isinstance(item, os.PathLike) else str(item)
    raise TypeError(f"how a {type(item).__name__} is called must be told: name=")


class Track(Generic[Item]):
    """What track() gives: an iterable, for one loop."""

    def __init__(
        self,
        items: Iterable[Item],
        type: str,
        key: str,
        project: "Union[str, os.PathLike[str]]",
        config: Optional[Mapping[str, Any]],
        total: Optional[int],
        name: Callable[[Item], str],
        every: Optional[float],
    ) -> None:
        self._items = items
        self._type = type
        self._key = key
        self._project = project
        self._config = config
        self._total = operator.length_hint(items) if total is None else total
        self._name = name
        self._every = every
        #: What the loop's body has marked as failed, for the loop to see.
        self._failed: List[str] = []
        #: The job, while the loop runs. Its manager is closed after it.
        self.job: Optional[Job] = None

    def failed(self, item: Item, why: Optional[str] = None) -> None:
        """Marks the item that the loop is at as failed: it will not be marked done."""
        if self.job is None:
            raise RuntimeError("the loop has not begun")
        name = self._name(item)
        self.job.failed(name, why)
        self._failed.append(name)

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        """Of the items, where they have one: for a bar around the loop."""
        return len(self._items)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Item]:
        return self._one_by_one() if self._every is None else self._in_batches(self._every)

    @contextmanager
    def _session(self) -> Iterator[Job]:
        """The job, started; completed in the end, or left as interrupted."""
        with JobManager(self._project) as manager:
            job = manager.ensure(self._type, self._key, self._config, total=self._total)
            self.job = job
            job.__enter__()
            try:
                if self._total:
                    job.set_total(self._total)
                yield job
                job.complete()
            except GeneratorExit:
                job.interrupt("the loop was left")
                raise
            except BaseException as error:
                job.interrupt(describe(error))
                raise

    # Both are generators by themselves: handing items on from another one would cost.

    def _one_by_one(self) -> Iterator[Item]:
        # Where the next item is at hand, one report says both: that is done, this is begun. Where
        # it may take its time to come, what is done is said before.
        at_once = not isinstance(self._items, Collection)
        name, failed = self._name, self._failed
        is_plain = name is name_of
        done: Optional[bytes] = None
        with self._session() as job:
            some_done = job.info().items_completed > 0
            # A report like Job.update, without what costs time.
            pointer, error = job._pointer, job._error
            try:
                # Behind a run with `every`, what its position says.
                for item in _Position(job).rest(self._items):
                    called: Any = item if is_plain and item.__class__ is str else name(item)
                    if some_done and job.is_done(called):
                        continue
                    try:
                        data = text(called, "the item") if "\0" in called else called.encode()
                    except (AttributeError, TypeError, UnicodeEncodeError):
                        data = text(called, "the item")  # says it better
                    if not data:
                        raise Invalid("an item's name is empty")
                    if (status := _update(pointer, _NOT_SAID, data, done, None, error)) and (
                        job._heed(status, _update, _NOT_SAID, data, done, None)
                    ):
                        job.wait_resumed()
                    done = None
                    yield item
                    if failed:
                        is_failed = called in failed
                        failed.clear()
                        if is_failed:
                            continue
                    if not at_once:
                        done = data
                    elif job.done(called):
                        job.wait_resumed()
            finally:
                if done is not None:
                    job.update(current_item="", done=done.decode())

    def _in_batches(self, every: float) -> Iterator[Item]:
        now, failed = monotonic, self._failed
        with self._session() as job:
            # A failure is kept at once, the position behind it not yet: after a crash an item that
            # has failed may be done.
            failures = _failures(job)
            some_done = job.info().items_completed > 0
            position = _Position(job)
            items = iter(self._items)
            at = position.at
            due = now() + every
            try:
                for index, item in position.failed_in(items):
                    if some_done and job.is_done(self._name(item)):
                        position.failed.discard(index)
                        continue
                    yield item
                    self._end_again(job, item, index, position, failures)
                for item in items:
                    if some_done and job.is_done(self._name(item)):
                        at += 1
                        continue
                    yield item
                    if failed or failures:
                        self._end_again(job, item, at, position, failures)
                    at += 1
                    if now() >= due:
                        position.at = at
                        if position.report(job):
                            job.wait_resumed()
                        due = now() + every
            except BaseException:
                position.at = at
                with suppress(BgjobsError):
                    position.report(job)
                raise
            position.at = at
            position.report(job)

    def _end_again(
        self, job: Job, item: Item, index: int, position: "_Position", failures: Set[str]
    ) -> None:
        """The end of an item that has failed, now or before."""
        name = self._name(item)
        if name in self._failed:
            position.failed.add(index)
        else:
            position.failed.discard(index)
            if name in failures:
                job.done(name)
        self._failed.clear()


class _Position:
    """Where a run with `every` stands: a number, and the numbers of the items that failed."""

    #: More of them do not fit into a cursor. They are not tried again.
    most = 5000

    def __init__(self, job: Job) -> None:
        cursor = job.cursor
        known = cursor if isinstance(cursor, dict) else {}
        at, failed = known.get("track"), known.get("failed")
        self.at = at if isinstance(at, int) and at > 0 else 0
        numbers = failed if isinstance(failed, list) else []
        self.failed = {one for one in numbers if isinstance(one, int)}

    def failed_in(self, items: Iterator[Item]) -> Iterator[Tuple[int, Item]]:
        """Takes the items up to the position; gives those that have failed."""
        again = frozenset(self.failed)
        for index, item in enumerate(islice(items, self.at)):
            if index in again:
                yield index, item

    def rest(self, items: Iterable[Item]) -> Iterator[Item]:
        if not self.at:
            return iter(items)
        every = iter(items)
        return chain((item for _, item in self.failed_in(every)), every)

    def report(self, job: Job) -> Outcome:
        # The cursor first: after a kill between the two, current is behind and not ahead.
        cursor: Dict[str, Any] = {"track": self.at}
        if self.failed:
            cursor["failed"] = sorted(self.failed)[: self.most]
        job.set_cursor(cursor)
        return job.update(current=self.at)


def _failures(job: Job) -> Set[str]:
    """The names of the items that have failed."""
    return set(job.json()["progress"]["itemsFailed"]) if job.info().items_failed else set()


def track(
    items: Iterable[Item],
    type: str,
    key: str = "all",
    *,
    project: "Union[str, os.PathLike[str]]" = ".",
    config: Optional[Mapping[str, Any]] = None,
    total: Optional[int] = None,
    name: Callable[[Item], str] = name_of,
    every: Optional[float] = None,
) -> Track[Item]:
    """Loops over items, as a job of this type and key that survives kill -9.

    The job is found or created, what it has done is skipped, an item is done when the next one is
    asked for, a pause makes the loop wait, and at the end the job is complete. A `break`, or an
    exception in the loop's body, leaves it interrupted, the item at hand not done: the next run
    begins with that item. A cancelled job ends the loop with JobFinished.

    To mark an item failed: `loop = track(…)`, `for item in loop:`, `loop.failed(item, "why")`. It
    is tried again when a run that was interrupted is run again.

    name: what an item is called; items that are str, int or paths need none. Names are the same in
    every run, and no two items have the same.

    every: None reports each item: after a crash at most the item at hand is repeated. Else a number
    of seconds: the position is reported when an item ends and so much time has passed since the
    last report, which makes the loop nearly free. After a crash everything behind the last report
    is repeated: up to that many seconds of work, and the item at hand. The items must then come in
    the same order in every run, because what is kept is their number and not their names.

    An exception in the loop's body is not known to this generator: the job's error then says that
    the loop was left.
    """
    if every is not None and not every >= 0:
        raise Invalid(f"every is {every}; it must be 0 or more seconds")
    return Track(items, type, key, project, config, total, name, every)
