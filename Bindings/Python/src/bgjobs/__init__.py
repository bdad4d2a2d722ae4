"""Long work that survives: progress, ETA, pause, resume and crash recovery.

    for item in bgjobs.track(items, "import-issues"):
        work(item)

Kill it, run it again: it goes on where it was. See JobManager and Job for all the rest.
"""

from . import _ffi
from ._call import Outcome
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
    JobFinished,
    NoMemory,
    NoSpace,
    NotFound,
    ProjectNotFound,
    Unsupported,
    WaitTimeout,
)
from .info import ACTIVE, FINISHED, JobInfo, JobStatus
from .job import Job
from .manager import Clock, JobManager
from .track import Track, track


def library_version() -> str:
    """The version of libbgjobs."""
    version: bytes = _ffi.bgj_version()
    return version.decode()


__all__ = [
    "ACTIVE",
    "Ambiguous",
    "BgjobsError",
    "Busy",
    "Clock",
    "Damaged",
    "FINISHED",
    "Forked",
    "IOFailure",
    "IllegalTransition",
    "Invalid",
    "Job",
    "JobFinished",
    "JobInfo",
    "JobManager",
    "JobStatus",
    "NoMemory",
    "NoSpace",
    "NotFound",
    "Outcome",
    "ProjectNotFound",
    "Track",
    "Unsupported",
    "WaitTimeout",
    "__version__",
    "library_version",
    "track",
]
