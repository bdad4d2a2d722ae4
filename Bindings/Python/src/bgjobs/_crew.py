"""The same loop in several processes, on purpose: each item is for one of them."""

import fcntl
import os
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from ._call import Outcome, text
from .errors import Invalid
from .info import ItemState, JobInfo, JobStatus
from .job import Job
from .manager import JobManager


class FailedElsewhere(Exception):
    """Stands for what an item failed with in another process: its text is the reason."""


class Items:
    """All items by their names: the job says which of them this process gets."""

    def __init__(self, items: Iterable[Any], name: Callable[[Any], str]) -> None:
        self._by_name: Dict[str, Tuple[int, Any]] = {}
        self._strange: List[str] = []
        #: Of each one with the name of an earlier one: its number, and that one's.
        self.same: Dict[int, int] = {}
        for index, item in enumerate(items):
            called = name(item)
            if not text(called, "the item"):
                raise Invalid("an item's name is empty")
            first, _ = self._by_name.setdefault(called, (index, item))
            if first != index:
                self.same[index] = first

    def plan(self, job: Job) -> None:
        """Says what there is; what is known already is no news."""
        job.plan(self._by_name)

    def next(self, job: Job) -> Tuple[Outcome, Optional[str], int, Any]:
        """The next one for us: its name, its number and itself.

        One that is not among ours is put aside, and given back while others have something to do:
        one of them may know it.
        """
        while True:
            what, called = job.next()
            if called is None:
                if what is Outcome.WAITING:
                    while self._strange:
                        job.give_back(self._strange.pop())
                return what, None, -1, None
            if called in self._by_name:
                return (what, called, *self._by_name[called])
            self._strange.append(called)

    def end(self, job: Job) -> None:
        """What nobody else is there to know is in no list any more."""
        if self._strange and job.info().workers <= 1:
            for called in self._strange:
                job.skipped(called, "it is in no list any more")

    def failed_elsewhere(self, job: Job, mine: "List[int]") -> "Dict[int, Tuple[str, Exception]]":
        """Those that others have had, and that failed: their names, and why."""
        had = set(mine)
        found: Dict[int, Tuple[str, Exception]] = {}
        for item in job.items(ItemState.FAILED):
            index, _ = self._by_name.get(item.name, (-1, None))
            if index >= 0 and index not in had:
                error = FailedElsewhere(item.why or "no reason was given")
                found[index] = item.name, error
        return found

    def others(self, mine: "List[int]") -> "List[int]":
        """The numbers of those that were not for us."""
        had = set(mine)
        return [index for index, _ in self._by_name.values() if index not in had]


# When this process came to the end of such a loop: a later one in it is another run.
_ends: Dict[Tuple[str, str, str], float] = {}


def note_end(manager: JobManager, type: str, key: str) -> None:
    """The loop is over here."""
    _ends[os.path.abspath(manager.project), type, key] = time.time()


def done_by_others(manager: JobManager, type: str, key: str) -> Optional[JobInfo]:
    """A job that ended well since this process was started: the others were faster."""
    since = _ends.get((os.path.abspath(manager.project), type, key)) or _started()
    for info in manager.list(JobStatus.COMPLETED, type=type):
        if info.key == key and info.completed and info.completed.timestamp() >= since:
            return info
    return None


class Through(Exception):
    """Others have come to the end: there is nothing to do."""


@contextmanager
def entrance(manager: JobManager) -> Iterator[None]:
    """One at a time looks whether the others are through, and makes a job where they are not."""
    directory = os.open(manager.project, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _started() -> float:
    """When this process began, in seconds since 1970."""
    with open("/proc/self/stat", "rb") as stat:
        ticks = int(stat.read().rsplit(b")", 1)[1].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age
