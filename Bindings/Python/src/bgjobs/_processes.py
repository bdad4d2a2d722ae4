"""The worker processes of map(): one pipe each, and no thread between them and the parent.

ProcessPoolExecutor has all its workers at one queue. So it does not know which item a worker that
died was at, gives up all of them, and cannot stop what has begun.
"""

import multiprocessing
import os
import pickle
import select
import signal
import time
from multiprocessing import util
from multiprocessing.connection import Connection
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from . import _worker
from .errors import WorkerDied

#: A token of the item, its result or its exception, and which of the two it is.
Ended = Tuple[Any, Any, bool]

_LOOK_S = 1.0


class Processes:
    """At most `most` worker processes, started when there is an item for them."""

    def __init__(self, function: Callable[[Any], Any], most: int) -> None:
        self._context: Any = multiprocessing.get_context()
        self._forks = self._context.get_start_method() == "fork"
        self._function = function
        self._most = most
        self._all: List[_Process] = []
        self._idle: List[_Process] = []
        self._busy: Dict[int, _Process] = {}
        self._poll = select.poll()
        if not self._forks:
            _worker.packed(function)  # says now that it cannot be sent
        # multiprocessing waits for its children when Python ends; ours end then.
        self._finalizer = util.Finalize(None, self.stop, exitpriority=100)
        self._pid = os.getpid()

    @property
    def has_room(self) -> bool:
        return len(self._busy) < self._most

    @property
    def is_idle(self) -> bool:
        return not self._busy

    def packed(self, item: Any) -> Any:
        """What give() takes. Raises what pickle does, where the item cannot be sent."""
        return _worker.packed(item)

    def give(self, token: Any, data: Any) -> None:
        while True:
            worker = self._idle.pop() if self._idle else self._start()
            try:
                worker.connection.send_bytes(data)
                break
            except OSError as problem:
                self._remove(worker)  # it was killed while it had nothing to do
                if not worker.is_ready:
                    raise WorkerDied(_no_start(worker.exit_code)) from problem
        worker.token = token
        self._busy[worker.connection.fileno()] = worker

    def wait(self, seconds: float) -> List[Ended]:
        """What has ended; waits for that."""
        found = self._poll.poll(min(seconds, _LOOK_S) * 1000)
        ended = []
        for descriptor, _ in found:
            worker = self._busy.get(descriptor)
            if worker is None:
                self._remove_idle(descriptor)
            elif (one := self._receive(worker)) is not None:
                ended.append(one)
        if not found:
            # A pipe that a grandchild holds open does not tell that the worker has ended.
            for worker in list(self._busy.values()):
                if not worker.process.is_alive() and not worker.connection.poll():
                    ended.append(self._lost(worker))
        return ended

    def _receive(self, worker: "_Process") -> Optional[Ended]:
        try:
            data = worker.connection.recv_bytes()
        except (EOFError, OSError):
            return self._lost(worker)
        try:
            what, value = pickle.loads(data)
        except Exception as problem:
            what, value = _worker.ERROR, (problem, "")
        if what == _worker.READY:
            worker.is_ready = True
            return None
        if what == _worker.INTERRUPTED:
            raise KeyboardInterrupt
        del self._busy[worker.connection.fileno()]
        self._idle.append(worker)
        if what == _worker.RESULT:
            return worker.token, value, True
        error, words = value
        if words:
            error.__cause__ = _worker.RemoteTraceback(words)
        return worker.token, error, False

    def _lost(self, worker: "_Process") -> Ended:
        del self._busy[worker.connection.fileno()]
        self._remove(worker)
        if not worker.is_ready:
            raise WorkerDied(_no_start(worker.exit_code))
        return worker.token, _worker.died(worker.exit_code), False

    def _remove_idle(self, descriptor: int) -> None:
        for worker in self._idle:
            if worker.connection.fileno() == descriptor:
                self._idle.remove(worker)
                try:
                    what, _ = pickle.loads(worker.connection.recv_bytes())
                except (EOFError, OSError):
                    self._remove(worker)
                    return
                worker.is_ready = worker.is_ready or what == _worker.READY
                self._idle.append(worker)
                return

    def _start(self) -> "_Process":
        ours, theirs = self._context.Pipe()
        others = (*(one.connection for one in self._all), ours) if self._forks else ()
        process = self._context.Process(
            target=_worker.main, args=(theirs, self._function, others), name="bgjobs"
        )
        # A Ctrl-C in the middle of this would lose the worker, and print a traceback in it.
        former = signal.pthread_sigmask(signal.SIG_BLOCK, _worker.SIGNALS)
        try:
            process.start()
            worker = _Process(process, ours)
            self._all.append(worker)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
        self._poll.register(ours.fileno(), select.POLLIN)
        return worker

    def _remove(self, worker: "_Process") -> None:
        self._poll.unregister(worker.connection.fileno())
        worker.end(time.monotonic() + _worker.GRACE)
        self._all.remove(worker)

    def rest(self) -> Iterable[Ended]:
        """When the run breaks off: what is under way is stopped, and not waited for."""
        self.stop()
        return ()

    def stop(self) -> None:
        """Ends all workers: those at an item have 5 s to tidy up."""
        self._finalizer.cancel()
        workers, self._all = self._all, []
        if os.getpid() != self._pid:
            return  # in a child that was forked meanwhile: they are not its workers
        for worker in workers:
            if worker not in self._idle:
                worker.process.terminate()
            worker.connection.close()
        end = time.monotonic() + _worker.GRACE
        try:
            for worker in workers:
                worker.end(end)
        except BaseException:  # a second Ctrl-C
            for worker in workers:
                worker.end(0)
            raise


class _Process:
    def __init__(self, process: Any, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.token: Any = None
        #: It has come so far that it can work.
        self.is_ready = False
        self.exit_code: Optional[int] = None

    def end(self, until: float) -> None:
        """Waits for its end until then, and kills it after that."""
        if self.exit_code is not None:
            return
        self.connection.close()
        self.process.join(max(0.0, until - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.exit_code = self.process.exitcode


def _no_start(exit_code: Optional[int]) -> str:
    return (
        f"a worker process ended before it could work (exit code {exit_code}): what it printed"
        ' says why; a program that calls map() needs `if __name__ == "__main__":`'
    )
