"""A job for as long as one loop, or one map, works on it."""

import os
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Optional, Union

from .job import Job, describe
from .manager import JobManager

Project = Union[str, "os.PathLike[str]"]


@contextmanager
def session(
    manager: JobManager,
    type: str,
    key: str,
    config: Optional[Mapping[str, Any]],
    total: Optional[int],
) -> Iterator[Job]:
    """The job, found or made, and started; completed in the end, or left as interrupted."""
    job = manager.ensure(type, key, config, total=total)
    job.__enter__()
    try:
        if total:
            job.set_total(total)
        yield job
        job.complete()
    except BaseException as error:
        job.interrupt(describe(error))
        raise
