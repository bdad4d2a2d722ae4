"""Where a loop stands: what earlier runs have done, and what is left for this one."""

from collections.abc import Mapping, MappingView, Sequence
from collections.abc import Set as AnySet
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Set, Tuple, TypeVar

from ._call import Outcome
from ._names import name_of
from ._session import Project, last_run
from .errors import BgjobsError
from .job import Job
from .manager import JobManager

Item = TypeVar("Item")


class Position:
    """Where a run with `every` stands: a number, and the numbers of the items that failed."""

    #: More of them do not fit into a cursor. They are not tried again.
    most = 5000

    def __init__(self, job: Optional[Job]) -> None:
        cursor = None if job is None else job.cursor
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


def failures_of(job: Job) -> Set[str]:
    """The names of the items that have failed."""
    return set(job.json()["progress"]["itemsFailed"]) if job.info().items_failed else set()


def may_repeat(items: Iterable[Item], name: Callable[[Item], str]) -> bool:
    """May two items have one name? Looked at beforehand where that costs little."""
    if isinstance(items, range):
        return name is not name_of
    if name is not name_of or not isinstance(items, (Sequence, AnySet, Mapping, MappingView)):
        return True
    kinds = {type(item) for item in items}
    return not (kinds <= {str} or kinds <= {int}) or len(set(items)) < len(items)


def count(
    items: Iterable[Item],
    total: int,
    name: Callable[[Item], str],
    by_name: bool,
    job: Tuple[Project, str, str, bool],
) -> Tuple[int, int]:
    """How many items there are, and how many of them a run would begin with now.

    Exact for what can be looped over again (lists, ranges, dicts); else from the job's numbers.
    """
    with _unfinished(*job) as found:
        some_done = found is not None and found.info().items_completed > 0
        position = Position(found)
        if not isinstance(items, (Sequence, AnySet, Mapping, MappingView)):
            done = 0 if found is None else max(position.at, found.info().items_completed)
            return total, max(0, total - done)
        twice, left = 0, 0
        seen: Set[str] = set()
        for item in position.rest(items):
            called = name(item) if by_name or some_done else ""
            if by_name and called in seen:
                twice += 1
                continue
            seen.add(called)
            if found is None or not some_done or not found.is_done(called):
                left += 1
        return len(items) - twice, left


@contextmanager
def _unfinished(project: Project, type: str, key: str, again: bool) -> Iterator[Optional[Job]]:
    """The job that a run would go on with; writes nothing."""
    try:
        manager = JobManager(project, read_only=True)
    except BgjobsError:
        yield None
        return
    with manager:
        last = last_run(manager, type, key)
        if last is None or (again and last.finished):
            yield None
        else:
            yield manager.find(last.id)
