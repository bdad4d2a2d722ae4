"""Long work that survives: progress, ETA, pause, resume and crash recovery.

    for item in bgjobs.track(items, "import-issues"):
        work(item)

    results = bgjobs.map(work, items, "import-issues", workers=4)

Kill it, run it again: it goes on where it was. See JobManager and Job for all the rest.
"""

from . import _ffi
from ._call import Outcome
from ._run import DONE_BEFORE
from ._version import __version__
from .errors import (
    Ambiguous,
    BgjobsError,
    Busy,
    Damaged,
    Forked,
    IllegalTransition,
    Invalid,
    IOFailure,
    ItemsFailed,
    JobFinished,
    NoMemory,
    NoSpace,
    NotFound,
    NotPermitted,
    ProjectNotFound,
    TakenAhead,
    Unsupported,
    WaitTimeout,
    WorkerDied,
)
from .info import ACTIVE, FINISHED, Attempt, ItemState, JobInfo, JobItem, JobStatus
from .job import Job
from .manager import Clock, JobManager
from .map import imap, map
from .track import Track, track


def library_version() -> str:
    """The version of libbgjobs."""
    version: bytes = _ffi.bgj_version()
    return version.decode()


__all__ = [
    "ACTIVE",
    "Ambiguous",
    "Attempt",
    "BgjobsError",
    "Busy",
    "Clock",
    "DONE_BEFORE",
    "Damaged",
    "FINISHED",
    "Forked",
    "IOFailure",
    "IllegalTransition",
    "Invalid",
    "ItemState",
    "ItemsFailed",
    "Job",
    "JobFinished",
    "JobInfo",
    "JobItem",
    "JobManager",
    "JobStatus",
    "NoMemory",
    "NoSpace",
    "NotFound",
    "NotPermitted",
    "Outcome",
    "ProjectNotFound",
    "TakenAhead",
    "Track",
    "Unsupported",
    "WaitTimeout",
    "WorkerDied",
    "__version__",
    "imap",
    "library_version",
    "map",
    "track",
]
