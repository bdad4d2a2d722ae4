"""Why a call did nothing: one exception for each status of Include/bgjobs.h from 10 up.

Each also is the builtin that fits, so `except TimeoutError` or `except OSError` work as expected.
"""

import io
from typing import Any, ClassVar, Dict, List, Tuple, Type

from . import _ffi


class BgjobsError(Exception):
    """What all exceptions of this package are. Nothing was changed when one is raised."""

    #: The number of the status in bgjobs.h; 0: one that this version does not know.
    status: ClassVar[int] = 0

    def __init__(self, message: str, os_error: int = 0) -> None:
        super().__init__(message)
        #: One sentence: what, where, and what to do if that is known.
        self.message = message
        #: errno of the system call that failed, else 0.
        self.os_error = os_error
        itself: Any = self
        if isinstance(itself, OSError):
            itself.errno = os_error or None
            itself.strerror = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Any, ...]:
        # OSError has its own idea; workers send their exceptions to the parent by this.
        return type(self), (self.message, self.os_error), self.__dict__


class JobFinished(BgjobsError, RuntimeError):
    """The job is completed or failed (or cancelled, or removed): it takes no more."""

    status = _ffi.BGJ_FINISHED


class Invalid(BgjobsError, ValueError):
    """An argument is out of its range, or the manager is closed."""

    status = _ffi.BGJ_INVALID


class NotFound(BgjobsError, LookupError):
    """No such job; or it was removed meanwhile."""

    status = _ffi.BGJ_NOT_FOUND


class ProjectNotFound(NotFound, FileNotFoundError):
    """There is no directory of the project's name."""


class Ambiguous(BgjobsError, LookupError):
    """The id is the beginning of several ids."""

    status = _ffi.BGJ_AMBIGUOUS


class IllegalTransition(BgjobsError, RuntimeError):
    """The job's status does not allow this; the message names job, status and what was tried."""

    status = _ffi.BGJ_ILLEGAL_TRANSITION


class Busy(BgjobsError, RuntimeError):
    """Another live process owns the job or holds the writer lock; the message names it."""

    status = _ffi.BGJ_BUSY


class WaitTimeout(BgjobsError, TimeoutError):
    """The time given to a wait has passed."""

    status = _ffi.BGJ_TIMEOUT


class Damaged(BgjobsError, OSError):
    """A file of the state is damaged; the message names file and place. Nothing was overwritten."""

    status = _ffi.BGJ_DAMAGED
    #: Of JobManager.check: a line per file and finding.
    report: str = ""


class IOFailure(BgjobsError, OSError):
    """The operating system refused; errno says why."""

    status = _ffi.BGJ_IO


class NoSpace(BgjobsError, OSError):
    """Disk full, quota exceeded, or RLIMIT_FSIZE reached. The call may be repeated."""

    status = _ffi.BGJ_NO_SPACE


class NoMemory(BgjobsError, MemoryError):
    """A large buffer could not be had."""

    status = _ffi.BGJ_NO_MEMORY


class Unsupported(BgjobsError, io.UnsupportedOperation):
    """This file system, kernel, format version or (read-only) manager cannot do it."""

    status = _ffi.BGJ_UNSUPPORTED


class Forked(BgjobsError, RuntimeError):
    """The object came through fork(2). Open a JobManager in the child; see the README."""

    status = _ffi.BGJ_FORKED


# ---- Of this package alone ----------------------------------------------------------------------


class TakenAhead(BgjobsError, RuntimeError):
    """track() was asked for items by a pool, ahead of the work. Use map()."""


class NotPermitted(BgjobsError, RuntimeError):
    """permit(wait=False): too many requests to the provider are ahead. Nothing was taken."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests are ahead: ask again in {seconds:g} s")
        #: When to ask again.
        self.retry_after = seconds


class WorkerDied(BgjobsError, RuntimeError):
    """A worker process of map() ended (os._exit, a crash, no memory) while it was at an item."""


class ItemsFailed(BgjobsError, RuntimeError):
    """What map() raises in the end when items have failed; its cause is the first exception."""

    def __init__(self, message: str, os_error: int = 0) -> None:
        super().__init__(message, os_error)
        #: The exceptions, by the names of the items.
        self.failures: Dict[str, BaseException] = {}
        #: What map() would have returned: for each item its result, or its exception.
        self.results: List[Any] = []


BY_STATUS: Dict[int, Type[BgjobsError]] = {
    kind.status: kind
    for kind in (
        JobFinished,
        Invalid,
        NotFound,
        Ambiguous,
        IllegalTransition,
        Busy,
        WaitTimeout,
        Damaged,
        IOFailure,
        NoSpace,
        NoMemory,
        Unsupported,
        Forked,
    )
}
