"""The waiting that does not block an event loop.

The library has no callback and no descriptor to watch, so a wait is a look every 50 ms. Each look
runs in a thread: it may meet another process that holds the writer lock.
"""

import asyncio
from typing import TYPE_CHECKING, AsyncGenerator

from ._call import Outcome
from .errors import WaitTimeout
from .info import JobStatus, Statuses, mask

if TYPE_CHECKING:
    from .job import Job

_INTERVAL = 0.05


async def wait(job: "Job", statuses: Statuses) -> JobStatus:
    """Job.wait for a coroutine: a cancellation ends it at once."""
    bits = mask(statuses)
    while True:
        try:
            return await asyncio.to_thread(job._wait, bits, 0)
        except WaitTimeout:
            await asyncio.sleep(_INTERVAL)


async def remaining(job: "Job") -> AsyncGenerator[str, None]:
    while True:
        what, item = job.next()
        if item is not None:
            yield item
        elif what is Outcome.PAUSED:
            await wait(job, (JobStatus.RUNNING, JobStatus.PENDING))
        else:
            return
