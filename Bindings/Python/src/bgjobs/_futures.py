"""The workers of map() where they are an executor's: threads, or any Executor of the caller."""

import _thread
import os
import queue
import time
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from ._processes import Ended

# Nobody knows how far these items came: they are not done and have not failed.
_GIVEN_BACK = (BrokenExecutor, CancelledError, KeyboardInterrupt)


class Futures:
    """At most `most` items are with the executor, and not yet reported.

    Only a thread of its own calls the executor. concurrent.futures is written in Python: a Ctrl-C
    that comes in the main thread when that has just taken a lock there leaves it taken for good.
    That cannot happen to the queues between the two, which are written in C.
    """

    def __init__(
        self, function: Callable[[Any], Any], executor: Executor, most: int, ours: bool
    ) -> None:
        self._function = function
        self._executor = executor
        self._most = most
        self._ours = ours
        #: The tokens of what is with the executor.
        self._given: Set[Any] = set()
        self._tasks: queue.SimpleQueue[Optional[Tuple[Any, Any]]] = queue.SimpleQueue()
        #: The tokens of what has ended; None behind all of them.
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        #: What became of it, until the caller has reported it.
        self._results: Dict[Any, Ended] = {}
        self._reported: List[Any] = []
        self._problem: Optional[BaseException] = None
        self._breaks_off = False
        self._is_stopped = False
        self._pid = os.getpid()
        # threading.Thread.start() takes such a lock.
        _thread.start_new_thread(self._feed, ())

    @property
    def has_room(self) -> bool:
        return len(self._given) < self._most

    @property
    def is_idle(self) -> bool:
        return not self._given

    def packed(self, item: Any) -> Any:
        return item

    def give(self, token: Any, item: Any) -> None:
        self._given.add(token)
        self._tasks.put((token, item))

    def wait(self, seconds: float) -> List[Ended]:
        """What has ended; waits for that. It counts as reported with the next call."""
        while self._reported:
            self._results.pop(self._reported.pop())
        if self._problem is not None:
            raise self._problem
        ended: List[Ended] = []
        with suppress(queue.Empty):
            token = self._ended.get(timeout=seconds)
            while True:
                self._given.discard(token)
                if token in self._results:
                    ended.append(self._results[token])
                    self._reported.append(token)
                token = self._ended.get_nowait()
        return ended

    def rest(self) -> Iterator[Ended]:
        """When the run breaks off: takes back what no worker has begun, waits for the others.

        Also gives what wait() has given last.
        """
        if not self._is_stopped and os.getpid() == self._pid:
            self._breaks_off = True
            self._await_end()
            yield from self._results.values()

    def stop(self) -> None:
        if not self._is_stopped and os.getpid() == self._pid and self.is_idle:
            self._await_end()

    def _await_end(self) -> None:
        self._is_stopped = True
        self._tasks.put(None)
        while self._ended.get() is not None:
            pass

    # ---- In the thread --------------------------------------------------------------------------

    def _feed(self) -> None:
        futures: Dict[Future[Any], Any] = {}

        def end(future: Future[Any]) -> None:
            error = CancelledError() if future.cancelled() else future.exception()
            self._end(futures[future], error, future)
            del futures[future]

        while (task := self._tasks.get()) is not None and not self._breaks_off:
            token, item = task
            try:
                future = self._executor.submit(self._function, item)
            except BaseException as error:
                self._problem = error
                self._ended.put(token)
                continue
            futures[future] = token
            future.add_done_callback(end)
        if self._breaks_off:
            for future in list(futures):
                future.cancel()
        wait_for(list(futures))
        while futures:
            time.sleep(0.001)  # its callback is under way
        if self._ours:
            self._executor.shutdown()
        self._ended.put(None)

    def _end(self, token: Any, error: Optional[BaseException], future: "Future[Any]") -> None:
        if isinstance(error, _GIVEN_BACK):
            self._problem = error
        else:
            result = future.result() if error is None else error
            self._results[token] = (token, result, error is None)
        self._ended.put(token)


def default_workers(kind: str) -> int:
    """As many as concurrent.futures takes."""
    cores = len(os.sched_getaffinity(0))
    return cores if kind == "process" else min(32, cores + 4)
