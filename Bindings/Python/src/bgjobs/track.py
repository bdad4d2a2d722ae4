"""The loop that survives: `for item in bgjobs.track(items, "import-issues"):`."""

import operator
import sys
import threading
from collections.abc import Collection
from contextlib import contextmanager, suppress
from ctypes import c_int64
from itertools import chain
from time import monotonic, sleep
from typing import (
    Any,
    Callable,
    Generic,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
)

from . import _ffi
from ._call import Outcome, text
from ._crew import Items, Through
from ._guard import driver, refuse_pool
from ._leaving import leave
from ._names import name_of
from ._position import Position, count, failures_of, may_repeat
from ._session import Project, session
from .errors import BgjobsError, Invalid
from .job import Job
from .manager import JobManager

Item = TypeVar("Item")

_update = _ffi.bare_update
_NOT_SAID = c_int64(-1)
_NAP = 0.1
_EMPTY = "an item's name is empty"


class Track(Generic[Item]):
    """What track() gives: an iterable, for one loop."""

    def __init__(
        self,
        items: Iterable[Item],
        type: str,
        key: str,
        project: Project,
        config: Optional[Mapping[str, Any]],
        total: Optional[int],
        name: Callable[[Item], str],
        every: Optional[float],
        again: bool,
        shared: bool,
    ) -> None:
        self._items = items
        self._type = type
        self._key = key
        self._project = project
        self._config = config
        self._total = operator.length_hint(items) if total is None else total
        self._name = name
        self._every = every
        self._again = again
        self._shared = shared
        self._maker = threading.get_ident()
        #: What the loop's body has marked as failed, for the loop to see.
        self._failed: List[str] = []
        #: How many items there are, and how many of them the loop will give.
        self._counts: Optional[Tuple[int, int]] = None
        #: The job, while the loop runs. Its manager is closed after it.
        self.job: Optional[Job] = None

    def failed(self, item: Item, why: Optional[str] = None) -> None:
        """Marks the item that the loop is at as failed: it will not be marked done."""
        if self.job is None:
            raise RuntimeError("the loop has not begun")
        name = self._name(item)
        self.job.failed(name, why)
        self._failed.append(name)

    def __reduce__(self) -> Any:
        raise TypeError("a Track cannot be sent to another process: call track() there")

    # ---- For a bar around the loop --------------------------------------------------------------

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        """How many items the loop will give: those that no earlier run has done."""
        len(self._items)  # type: ignore[arg-type]  # TypeError where they have none
        return self._count()[1]

    def __length_hint__(self) -> int:
        return self._count()[1]

    @property
    def initial(self) -> int:
        """How many items earlier runs have done: `tqdm(…, initial=loop.initial)`."""
        total, open = self._count()
        return total - open

    @property
    def total(self) -> Optional[int]:
        """How many items there are, the done ones too: `tqdm(…, total=loop.total)`."""
        return self._count()[0] or None

    def _count(self) -> Tuple[int, int]:
        if self._counts is None:
            self._counts = count(
                self._items,
                self._total,
                self._name,
                by_name=self._every is None,
                job=(self._project, self._type, self._key, self._again),
            )
        return self._counts

    # ---- The loop -------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Item]:
        if self._shared:
            return self._beside_others()
        return self._one_by_one() if self._every is None else self._in_batches(self._every)

    def _source(self) -> Iterator[Item]:
        """The items. What has no name is an error before there is a job."""
        items = iter(self._items)
        for first in items:
            if not text(self._name(first), "the item"):
                raise Invalid(_EMPTY)
            return chain((first,), items)
        return items

    @contextmanager
    def _session(self) -> Iterator[Job]:
        with JobManager(self._project) as manager:
            total = self._total
            with session(
                manager, self._type, self._key, self._config, total, self._again, self._shared
            ) as job:
                self.job = job
                if self._counts is None:
                    done = max(Position(job).at, job.info().items_completed)
                    self._counts = (total, max(0, total - done))
                try:
                    yield job
                finally:
                    self._counts = None

    # Both are generators by themselves: handing items on from another one would cost.

    def _one_by_one(self) -> Iterator[Item]:
        refuse_pool(sys._getframe().f_back, self._maker)
        to_check = 2  # more items: who takes one by hand may give the rest to a pool
        # Where the next item is at hand, one report says both: that is done, this is begun. Where
        # it may take its time to come, what is done is said before.
        at_once = not isinstance(self._items, Collection)
        name, failed = self._name, self._failed
        is_plain = name is name_of
        seen: Optional[Set[str]] = set() if may_repeat(self._items, name) else None
        total = self._total
        done: Optional[bytes] = None
        source = self._source()
        with self._session() as job:
            some_done = job.info().items_completed > 0
            # A report like Job.update, without what costs time.
            pointer, error = job._pointer, job._error
            try:
                # Behind a run with `every`, what its position says.
                for item in Position(job).rest(source):
                    called: Any = item if is_plain and item.__class__ is str else name(item)
                    if seen is not None:
                        if called in seen:
                            # Two of one name are one: after a kill, no run could tell them apart.
                            if total:
                                total -= 1
                                job.set_total(total)
                            continue
                        seen.add(called)
                    if some_done and job.is_done(called):
                        continue
                    try:
                        data = text(called, "the item") if "\0" in called else called.encode()
                    except (AttributeError, TypeError, UnicodeEncodeError):
                        data = text(called, "the item")  # says it better
                    if not data:
                        raise Invalid(_EMPTY)
                    if (status := _update(pointer, _NOT_SAID, data, done, None, error)) and (
                        job._heed(status, _update, _NOT_SAID, data, done, None)
                    ):
                        job.wait_resumed()
                    done = None
                    yield item
                    if to_check:
                        to_check -= 1
                        refuse_pool(sys._getframe().f_back, self._maker)
                    if failed:
                        is_failed = called in failed
                        failed.clear()
                        if is_failed:
                            continue
                    if not at_once:
                        done = data
                    elif job.done(called):
                        job.wait_resumed()
            except GeneratorExit:
                leave(job, driver(sys._getframe().f_back))
                raise
            finally:
                if done is not None:
                    job.update(current_item="", done=done.decode())

    def _beside_others(self) -> Iterator[Item]:
        refuse_pool(sys._getframe().f_back, self._maker)
        items = Items(self._items, self._name)
        with suppress(Through):
            yield from self._share(items)

    def _share(self, items: "Items") -> Iterator[Item]:
        with self._session() as job:
            items.plan(job)
            try:
                while True:
                    what, name, _, item = items.next(job)
                    if name is not None:
                        yield item
                        failed, self._failed[:] = name in self._failed, []
                        if not failed and job.done(name):
                            job.wait_resumed()
                    elif what is Outcome.PAUSED:
                        job.wait_resumed()
                    elif what is Outcome.WAITING:
                        sleep(_NAP)
                    else:
                        items.end(job)
                        return
            except GeneratorExit:
                leave(job, driver(sys._getframe().f_back))
                raise

    def _in_batches(self, every: float) -> Iterator[Item]:
        refuse_pool(sys._getframe().f_back, self._maker)
        now, failed = monotonic, self._failed
        source = iter(self._items)
        with self._session() as job:
            # A failure is kept at once, the position behind it not yet: after a crash an item that
            # has failed may be done.
            failures = failures_of(job)
            some_done = job.info().items_completed > 0
            position = Position(job)
            at = position.at
            due = now() + every
            try:
                for index, item in position.failed_in(source):
                    if some_done and job.is_done(self._name(item)):
                        position.failed.discard(index)
                        continue
                    yield item
                    self._end_again(job, item, index, position, failures)
                for item in source:
                    if some_done and job.is_done(self._name(item)):
                        at += 1
                        continue
                    yield item
                    if failed or failures:
                        self._end_again(job, item, at, position, failures)
                    at += 1
                    if now() >= due:
                        refuse_pool(sys._getframe().f_back, self._maker)
                        position.at = at
                        if position.report(job):
                            job.wait_resumed()
                        due = now() + every
            except BaseException as error:
                position.at = at
                with suppress(BgjobsError):
                    position.report(job)
                if isinstance(error, GeneratorExit):
                    leave(job, driver(sys._getframe().f_back))
                raise
            position.at = at
            position.report(job)

    def _end_again(
        self, job: Job, item: Item, index: int, position: "Position", failures: Set[str]
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


def track(
    items: Iterable[Item],
    type: str,
    key: str = "all",
    *,
    project: Project = ".",
    config: Optional[Mapping[str, Any]] = None,
    total: Optional[int] = None,
    name: Callable[[Item], str] = name_of,
    every: Optional[float] = None,
    again: bool = False,
    shared: bool = False,
) -> Track[Item]:
    """Loops over items, as a job of this type and key that survives kill -9.

    The job is found or created, what it has done is skipped, an item is done when the next one is
    asked for, a pause makes the loop wait, and at the end the job is complete. A `break`, or an
    exception in the loop's body, leaves it interrupted, the item at hand not done: the next run
    begins with that item. A cancelled job ends the loop with JobFinished.

    The work on an item must be over when the next one is asked for. A pool asks ahead of the work:
    use map() instead. What can be seen to feed a pool is refused with TakenAhead.

    To mark an item failed: `loop = track(…)`, `for item in loop:`, `loop.failed(item, "why")`. The
    next run tries it again, also when this one came to its end: what is done is not repeated then.
    again=True: after a run that came to its end, all of it is done anew.

    name: what an item is called. Texts, integers, paths, dates, members of enums, rows of pandas'
    iterrows() and tuples of such need none. Names are the same in every run, and two items of one
    name are one.

    every: None reports each item: after a crash at most the item at hand is repeated. Else a number
    of seconds: the position is reported when an item ends and so much time has passed since the
    last report, which makes the loop nearly free. After a crash everything behind the last report
    is repeated: up to that many seconds of work, and the item at hand. The items must then come in
    the same order in every run, because what is kept is their number and not their names.

    shared: the same loop in other processes, too: each item is for one of them, and what a killed
    one had goes to the others. All items are read first. Who comes when the others are through has
    nothing to do.
    """
    if every is not None and not every >= 0:
        raise Invalid(f"every is {every}; it must be 0 or more seconds")
    if shared and every is not None:
        raise Invalid("shared and every exclude each other")
    return Track(items, type, key, project, config, total, name, every, again, shared)
