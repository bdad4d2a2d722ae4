"""A job for as long as one loop, or one map, works on it."""

import logging
import os
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator, Mapping, Optional, Union

from ._crew import Through, done_by_others, entrance, note_end
from .errors import Busy, IllegalTransition, JobFinished
from .info import JobInfo, JobStatus
from .job import Job, describe
from .manager import JobManager

Project = Union[str, "os.PathLike[str]"]

_log = logging.getLogger("bgjobs")


def last_run(manager: JobManager, type: str, key: str) -> Optional[JobInfo]:
    """The job with which a run goes on: an unfinished one, or one in which items have failed."""
    runs = [info for info in manager.list(type=type) if info.key == key]
    for info in runs:
        if not info.finished:
            return info
    last = max(runs, key=lambda info: info.created.timestamp() if info.created else 0, default=None)
    if last is not None and last.status is JobStatus.COMPLETED and last.items_failed:
        return last
    return None


@contextmanager
def session(
    manager: JobManager,
    type: str,
    key: str,
    config: Optional[Mapping[str, Any]],
    total: Optional[int],
    again: bool,
    shared: bool = False,
) -> Iterator[Job]:
    """The job, found or made, and started; completed in the end, or left as interrupted.

    Where the last run came to its end, but for items that failed, it is these items, unless all of
    it is to be done again. shared: beside others who do the same.
    """
    with entrance(manager) if shared else nullcontext():
        last = None if again else last_run(manager, type, key)
        if shared and last is not None and not last.finished:
            # If it ends before we begin, others have done it.
            job = manager.find(last.id)
        else:
            if shared and not again and done_by_others(manager, type, key):
                raise Through
            if last is not None and last.finished:
                try:
                    manager.find(last.id).retry()
                    _log.info("job %s again, with its %d failed items", last.id, last.items_failed)
                except (IllegalTransition, LookupError):
                    pass  # taken up, or removed, by another meanwhile
            job = manager.ensure(type, key, config, total=total)
    try:
        job._enter(shared)
    except JobFinished:
        if shared and job.info().status is JobStatus.COMPLETED:
            raise Through from None
        raise
    try:
        if total:
            job.set_total(total)
        try:
            yield job
        except JobFinished:
            # What it had was done by others, if it had anything.
            if not shared or job.info().status is not JobStatus.COMPLETED:
                raise
        try:
            job.complete()
        except Busy:
            if not shared:
                raise
            job.interrupt(None)  # others have the rest
        if shared:
            note_end(manager, type, key)
    except BaseException as error:
        job.interrupt(describe(error))
        raise
