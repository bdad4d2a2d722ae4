"""The workers of map() where they are an executor's: threads, or any Executor of the caller."""

import os
import queue
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
)
from concurrent.futures import wait as wait_for
from typing import Any, Callable, Dict, Iterator, List, Optional

from ._processes import Ended

# Nobody knows how far these items came: they are not done and have not failed.
_GIVEN_BACK = (BrokenExecutor, CancelledError, KeyboardInterrupt)


class Futures:
    """At most `most` items are with the executor, and not yet reported."""

    def __init__(
        self, function: Callable[[Any], Any], executor: Executor, most: int, ours: bool
    ) -> None:
        self._function = function
        self._executor = executor
        self._most = most
        self._ours = ours
        self._running: Dict[Future[Any], Any] = {}
        self._ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._problem: Optional[BaseException] = None
        self._pid = os.getpid()

    @property
    def has_room(self) -> bool:
        return len(self._running) < self._most

    @property
    def is_idle(self) -> bool:
        return not self._running

    def packed(self, item: Any) -> Any:
        return item

    def give(self, token: Any, item: Any) -> None:
        future = self._executor.submit(self._function, item)
        self._running[future] = token
        future.add_done_callback(self._ended.put)

    def wait(self, seconds: float) -> List[Ended]:
        """What has ended; waits for that."""
        if self._problem is not None:
            problem, self._problem = self._problem, None
            raise problem
        ended: List[Ended] = []
        try:
            future = self._ended.get(timeout=seconds)
            while True:
                token = self._running.pop(future)
                error = CancelledError() if future.cancelled() else future.exception()
                if isinstance(error, _GIVEN_BACK):
                    self._problem = error
                else:
                    result = future.result() if error is None else error
                    ended.append((token, result, error is None))
                future = self._ended.get_nowait()
        except queue.Empty:
            return ended

    def rest(self) -> Iterator[Ended]:
        """When the run breaks off: takes back what no worker has begun, waits for the others.

        Not by the queue: a Ctrl-C may have come when something was just taken from it.
        """
        for future in list(self._running):
            future.cancel()
        while self._running:
            for future in wait_for(list(self._running), return_when=FIRST_COMPLETED).done:
                token = self._running.pop(future)
                if not future.cancelled():
                    error = future.exception()
                    if not isinstance(error, _GIVEN_BACK):
                        result = future.result() if error is None else error
                        yield token, result, error is None

    def stop(self) -> None:
        if self._ours and os.getpid() == self._pid:
            self._executor.shutdown(wait=self.is_idle)


def default_workers(kind: str) -> int:
    """As many as concurrent.futures takes."""
    cores = len(os.sched_getaffinity(0))
    return cores if kind == "process" else min(32, cores + 4)
