"""The waiting that does not block an event loop.

The library has no callback and no descriptor to watch, so a wait is a look every 50 ms. Each look
runs in a thread: it may meet another process that holds the writer lock.
"""

import asyncio
from typing import TYPE_CHECKING, AsyncGenerator, Optional, Sequence, Tuple

from ._call import Outcome
from .errors import WaitTimeout
from .info import JobStatus, Statuses, mask

if TYPE_CHECKING:
    from .job import Job
    from .manager import JobManager

_INTERVAL = 0.05


async def wait(job: "Job", statuses: Statuses) -> JobStatus:
    """Job.wait for a coroutine: a cancellation ends it at once."""
    bits = mask(statuses)
    while True:
        try:
            return await asyncio.to_thread(job._wait, bits, 0)
        except WaitTimeout:
            await asyncio.sleep(_INTERVAL)


async def claim(
    manager: "JobManager", types: Sequence[str], until_empty: bool, member: Optional[str]
) -> "Tuple[Outcome, Optional[Job]]":
    """A look of JobManager.claim. A cancellation meanwhile gives the job back."""
    call = asyncio.ensure_future(asyncio.to_thread(manager._claim, types, 0, until_empty, member))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        _, job = await call
        if job is not None:
            job.interrupt("the task that claimed it was cancelled")
        raise


async def pause() -> None:
    """Until the next look."""
    await asyncio.sleep(_INTERVAL)


async def remaining(job: "Job") -> AsyncGenerator[str, None]:
    while True:
        what, item = job.next()
        if item is not None:
            yield item
        elif what is Outcome.PAUSED:
            await wait(job, (JobStatus.RUNNING, JobStatus.PENDING))
        elif what is Outcome.WAITING:
            await pause()
        else:
            return
