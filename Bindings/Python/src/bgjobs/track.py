"""The loop that survives: `for item in bgjobs.track(items, "import-issues"):`."""

import operator
import os
from itertools import islice
from time import monotonic
from typing import Any, Callable, Generic, Iterable, Iterator, Mapping, Optional, TypeVar, Union

from .job import Job, describe
from .manager import JobManager

Item = TypeVar("Item")


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
        self._failed: Optional[str] = None
        #: The job, while the loop runs and after it.
        self.job: Optional[Job] = None

    def failed(self, item: Item, why: Optional[str] = None) -> None:
        """Marks the item that the loop is at as failed: it will not be marked done."""
        if self.job is None:
            raise RuntimeError("the loop has not begun")
        name = self._name(item)
        self.job.failed(name, why)
        self._failed = name

    def __iter__(self) -> Iterator[Item]:
        with JobManager(self._project) as manager:
            job = manager.ensure(self._type, self._key, self._config, total=self._total)
            self.job = job
            job.__enter__()
            try:
                if self._total:
                    job.set_total(self._total)
                if self._every is None:
                    yield from self._one_by_one(job)
                else:
                    yield from self._in_batches(job, self._every)
                job.complete()
            except GeneratorExit:
                job.interrupt("the loop was left")
                raise
            except BaseException as error:
                job.interrupt(describe(error))
                raise

    def _one_by_one(self, job: Job) -> Iterator[Item]:
        before = job.info()
        some_done = before.items_completed > 0
        # Behind a run with `every`, what its position says.
        for item in islice(self._items, _position(job), None):
            name = self._name(item)
            if some_done and job.is_done(name):
                continue
            if job.update(current_item=name):
                job.wait_resumed()
            self._failed = None
            yield item
            if self._failed == name:
                continue
            if job.done(name):
                job.wait_resumed()

    def _in_batches(self, job: Job, every: float) -> Iterator[Item]:
        position = _position(job)
        now = monotonic
        due = now() + every
        items = islice(self._items, position, None)
        if job.info().items_completed:
            items = (item for item in items if not job.is_done(self._name(item)))
        try:
            for item in items:
                yield item
                position += 1
                if now() >= due:
                    self._report(job, position)
                    due = now() + every
        finally:
            self._report(job, position)

    def _report(self, job: Job, position: int) -> None:
        # The cursor first: after a kill between the two, current is behind and not ahead.
        job.set_cursor({"track": position})
        if job.update(current=position):
            job.wait_resumed()


def _position(job: Job) -> int:
    cursor = job.cursor
    position = cursor.get("track") if isinstance(cursor, dict) else None
    return position if isinstance(position, int) and position > 0 else 0


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
    begins with that item. A cancelled job ends the loop with JobFinished. What failed(item) named
    is tried again by a next run, unless this one completes.

    name: what an item is called; items that are str, int or paths need none.

    every: None reports each item: after a crash at most the item at hand is repeated. Else a number
    of seconds: the position is reported when an item ends and so much time has passed since the
    last report, which makes the loop nearly free. After a crash everything behind the last report
    is repeated: up to that many seconds of work, and the item at hand. The items must then come in
    the same order in every run, because what is kept is their number and not their names.
    """
    return Track(items, type, key, project, config, total, name, every)
