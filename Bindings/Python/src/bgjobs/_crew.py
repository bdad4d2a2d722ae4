"""The same loop in several processes, on purpose: each item is for one of them."""

import os
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ._call import Outcome, text
from .errors import Invalid
from .info import JobInfo, JobStatus
from .job import Job
from .manager import JobManager


class Items:
    """All items by their names: the job says which of them this process gets."""

    def __init__(self, items: Iterable[Any], name: Callable[[Any], str]) -> None:
        self._by_name: Dict[str, Tuple[int, Any]] = {}
        #: Of each one with the name of an earlier one: its number, and that one's.
        self.same: Dict[int, int] = {}
        for index, item in enumerate(items):
            called = name(item)
            if not text(called, "the item"):
                raise Invalid("an item's name is empty")
            first, _ = self._by_name.setdefault(called, (index, item))
            if first != index:
                self.same[index] = first

    def __len__(self) -> int:
        return len(self._by_name)

    def plan(self, job: Job) -> None:
        """The first process says what there is."""
        info = job.info()
        known = info.items_open + info.items_completed + info.items_failed + info.items_skipped
        if known < len(self):
            job.plan(self._by_name)

    def next(self, job: Job) -> Tuple[Outcome, Optional[str], int, Any]:
        """The next one for us: its name, its number and itself."""
        what, called = job.next()
        if called is None:
            return what, None, -1, None
        if called not in self._by_name:
            raise Invalid(f"job {job.id} has an item that is none of those given here: {called!r}")
        return (what, called, *self._by_name[called])

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


def _started() -> float:
    """When this process began, in seconds since 1970."""
    with open("/proc/self/stat", "rb") as stat:
        ticks = int(stat.read().rsplit(b")", 1)[1].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age
