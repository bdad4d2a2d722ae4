"""Why a loop was left: Python tells a generator only that it was."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Iterator, List, Optional

from ._call import Outcome
from .errors import BgjobsError
from .info import JobStatus
from .job import Job, describe

LEFT = "the loop was left"


def leave(job: Job, frame: Optional[FrameType]) -> None:
    """Leaves the job, for the reason for which the loop in this frame is being left."""
    leaving = _Leaving(frame)
    job.interrupt(leaving.why)
    leaving.tell_at_exit(job)


class _Leaving:
    """What was seen while the loop in a frame was being left."""

    def __init__(self, frame: Optional[FrameType]) -> None:
        self.traceback = None if frame is None else _traceback_in(frame)
        self.error = None if self.traceback is None else _exception_of(self.traceback)

    @property
    def why(self) -> str:
        if self.error is not None:
            return describe(self.error)
        if self.traceback is None:
            return LEFT
        code = self.traceback.tb_frame.f_code
        return f"an exception in {os.path.basename(code.co_filename)}:{self.traceback.tb_lineno}"

    def tell_at_exit(self, job: Job) -> None:
        """Tells the job the exception once Python does, if it then ends the program."""
        traceback = self.traceback
        if traceback is None or self.error is not None:
            return
        project, id, pid = job.manager.project, job.id, os.getpid()

        def tell() -> None:
            last = getattr(sys, "last_traceback", None)
            if os.getpid() == pid and any(one is traceback for one in _chain(last)):
                with suppress(BgjobsError, OSError):
                    _amend(project, id, describe(sys.last_value))  # type: ignore[arg-type]

        atexit.register(tell)


def _traceback_in(frame: FrameType) -> Optional[TracebackType]:
    """That of an exception on its way out of the frame, which nobody has caught yet.

    It is so new that the collector has it among its youngest objects, of which there are few.
    """
    for generation in (0, 1):
        for one in gc.get_objects(generation=generation):
            if (
                type(one) is TracebackType
                and one.tb_frame is frame
                and one.tb_lasti == frame.f_lasti
            ):
                return one
    return None


def _exception_of(traceback: TracebackType) -> Optional[BaseException]:
    """The exception itself; None: up to Python 3.11, one raised in C does not exist yet."""
    inner = set(map(id, _chain(traceback)))
    unseen: List[BaseException] = []
    for generation in (1, 0):
        for one in gc.get_objects(generation=generation):
            if _is_exception(one) and type(one) is not GeneratorExit:
                error: BaseException = one
                if id(error.__traceback__) in inner:
                    return error
                if error.__traceback__ is None:
                    unseen.append(error)
    if sys.version_info >= (3, 12):
        # It is older than what was looked at: made once, and raised again and again.
        unseen = [one for one in gc.get_referrers(traceback) if _is_exception(one)]
        return unseen[0] if unseen else None
    # There an exception learns of its traceback where it is caught. What is under way is the newest
    # of those that nobody has put anywhere.
    while unseen:
        error = unseen.pop()
        if all(type(it) is FrameType for it in gc.get_referrers(error)):
            return error
    return None


def _is_exception(one: Any) -> bool:
    return issubclass(type(one), BaseException)  # isinstance() would ask proxies for their class


def _chain(traceback: Optional[TracebackType]) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _amend(project: str, id: str, why: str) -> None:
    from .manager import JobManager

    with JobManager(project) as manager:
        job = manager.find(id)
        info = job.info()
        is_left = info.status is JobStatus.PAUSED and info.reason == "interrupted"
        if is_left and job.start(anyway=True) is Outcome.OK:
            job.interrupt(why)
