"""One run of map(): hands items out, reports what has ended."""

import operator
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from ctypes import c_int64
from itertools import chain
from time import sleep
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Union,
)

from . import _ffi
from ._call import Outcome, number, text
from ._crew import Items, Through
from ._futures import Futures, default_workers
from ._guard import driver
from ._leaving import leave
from ._processes import Ended, Processes
from ._session import Project, session
from .errors import BgjobsError, Invalid, WaitTimeout
from .info import JobStatus, mask
from .job import Job, describe
from .manager import JobManager

_update = _ffi.bare_update
_NOT_SAID = c_int64(-1)
_ERRORS = ("raise", "return", "stop")
_RUNNING = mask(JobStatus.RUNNING)
_TICK_S, _PAUSED_TICK_S = 1.0, 0.1


class DoneBefore:
    """Stands where the result of an item would, that an earlier run has done. There is one."""

    def __repr__(self) -> str:
        return "bgjobs.DONE_BEFORE"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "DONE_BEFORE"


DONE_BEFORE = DoneBefore()


class Run:
    """One run: hands items out, reports what has ended. Only here is it known that there are jobs.

    An item is with a worker, or ended and reported, and no more than the workers are with them: at
    whatever moment this process is killed, these are done twice, and none is lost.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        job: Tuple[str, str],
        workers: Optional[int],
        executor: Union[str, Executor],
        errors: str,
        project: Project,
        config: Optional[Mapping[str, Any]],
        total: Optional[int],
        name: Callable[[Any], str],
        again: bool,
        shared: bool,
    ) -> None:
        if errors not in _ERRORS:
            raise Invalid(f"errors is {errors!r}; it must be one of {', '.join(_ERRORS)}")
        if not callable(function):
            raise TypeError(f"the function cannot be called: {function!r}")
        self._function = function
        self._items = items
        self._type, self._key = job
        self._errors = errors
        # With "return", what failed is a result.
        self._again = again or errors == "return"
        self._shared = shared
        self._project = project
        self._config = config
        self._total = operator.length_hint(items) if total is None else total
        self._name = name
        self._executor = executor
        if isinstance(executor, Executor):
            most = getattr(executor, "_max_workers", None) or default_workers("process")
        elif executor in ("process", "thread"):
            most = default_workers(executor)
        else:
            raise Invalid(
                f"executor is {executor!r}; it must be 'process', 'thread' or an Executor of"
                " concurrent.futures"
            )
        self._most = most if workers is None else number(workers, "workers", 1, 10_000)
        self._seen: Dict[str, int] = {}
        #: Items that have the name of an earlier one, and which that is.
        self.same: Dict[int, int] = {}
        self.failures: Dict[str, BaseException] = {}
        #: What is under way, the oldest first: its name, as the library takes it.
        self._running: Dict[int, bytes] = {}
        self._shown = -1
        self._paused = False
        self._more = True

    def outcomes(self) -> Generator[Ended, None, None]:
        """The number of each item, its result or exception, and whether it is a result."""
        if self._shared:
            yield from self._beside_others()
            return
        source = self._source()
        with (
            self._workers() as pool,
            JobManager(self._project) as manager,
            session(manager, self._type, self._key, self._config, self._total, self._again) as job,
        ):
            yield from self._within(job, pool, self._work(job, pool, source))

    def _within(
        self, job: Job, pool: Union[Processes, Futures], work: Iterator[Ended]
    ) -> Iterator[Ended]:
        """However the work ends, what is under way is reported."""
        try:
            yield from work
        except GeneratorExit:
            self._finish(job, pool)
            leave(job, driver(sys._getframe().f_back))
            raise
        except BaseException:
            self._finish(job, pool)
            raise
        pool.stop()

    def _beside_others(self) -> Iterator[Ended]:
        """The same, with what this process gets of all items; the rest is done by others."""
        items = Items(self._items, self._name)
        self.same.update(items.same)
        mine: List[int] = []
        failed: Dict[int, Tuple[str, Exception]] = {}
        with (
            suppress(Through),
            self._workers() as pool,
            JobManager(self._project) as manager,
            session(manager, self._type, self._key, self._config, None, self._again, True) as job,
        ):
            items.plan(job)
            yield from self._within(job, pool, self._share(job, pool, items, mine))
            items.end(job)
            failed = items.failed_elsewhere(job, mine)
        for index in items.others(mine):
            if index in failed:
                name, error = failed[index]
                self.failures[name] = error
                yield index, error, False
            else:
                yield index, DONE_BEFORE, True

    def _share(
        self, job: Job, pool: Union[Processes, Futures], items: Items, mine: List[int]
    ) -> Iterator[Ended]:
        while True:
            what = Outcome.OK
            while self._more and not self._paused and pool.has_room:
                what, name, index, item = items.next(job)
                if name is None:
                    break
                mine.append(index)
                self._running[index] = name.encode()
                pool.give(index, pool.packed(item))
            self._paused = self._paused or what is Outcome.PAUSED
            if not pool.is_idle:
                for one in pool.wait(_PAUSED_TICK_S):
                    yield self._end(job, *one)
            elif self._paused:
                job.wait_resumed()
                self._paused = False
            elif what is Outcome.END or not self._more:
                break
            elif what is Outcome.WAITING:
                sleep(_PAUSED_TICK_S)
        if self._errors == "stop":
            for failure in self.failures.values():
                raise failure

    def _source(self) -> Iterator[Any]:
        """The items. What has no name is an error before there is a job."""
        items = iter(self._items)
        for first in items:
            text(self._name(first), "the item")
            return chain((first,), items)
        return items

    @contextmanager
    def _workers(self) -> Iterator[Union[Processes, Futures]]:
        pool: Union[Processes, Futures]
        if self._executor == "process":
            pool = Processes(self._function, self._most)
        elif self._executor == "thread":
            threads = ThreadPoolExecutor(self._most, thread_name_prefix="bgjobs")
            pool = Futures(self._function, threads, self._most, ours=True)
        else:
            assert isinstance(self._executor, Executor)
            pool = Futures(self._function, self._executor, self._most, ours=False)
        try:
            yield pool
        finally:
            pool.stop()

    def _work(self, job: Job, pool: Union[Processes, Futures], source: Iterator[Any]) -> Any:
        some_done = job.info().items_completed > 0
        entries = enumerate(source)
        ready: List[Ended] = []
        while True:
            while self._more and not self._paused and pool.has_room:
                index, item = next(entries, (-1, None))
                if index < 0:
                    self._more = False
                    break
                name = self._name(item)
                if not self._is_new(job, index, name) or (some_done and job.is_done(name)):
                    yield index, DONE_BEFORE, True
                    continue
                self._running[index] = self._encoded(name)
                try:
                    data = pool.packed(item)
                except Exception as error:
                    ready.append(self._end(job, index, error, False))
                    continue
                pool.give(index, data)
            # The workers have their next items: now there is time.
            yield from ready
            ready.clear()
            if not pool.is_idle:
                self._show(job)
                is_held = self._paused and self._more
                ended = pool.wait(_PAUSED_TICK_S if is_held else _TICK_S)
                ready += [self._end(job, *one) for one in ended]
                if not ended:
                    self._look(job)
            elif not self._more:
                break
            elif self._paused:
                job.wait_resumed()
                self._paused = False
        if self._errors == "stop":
            for failure in self.failures.values():
                raise failure

    def _is_new(self, job: Job, index: int, name: str) -> bool:
        first = self._seen.setdefault(name, index)
        if first == index:
            return True
        self.same[index] = first
        if self._total:
            self._total -= 1
            job.set_total(self._total)
        return False

    def _encoded(self, name: str) -> bytes:
        data = text(name, "the item")
        if not data:
            raise Invalid("an item's name is empty")
        return data

    # ---- Reports --------------------------------------------------------------------------------

    def _end(self, job: Job, index: int, value: Any, is_result: bool) -> Ended:
        """Reports an item that has ended."""
        data = self._running.pop(index)
        if is_result:
            current = None
            if index == self._shown and self._running:
                self._shown, current = next(iter(self._running.items()))
            arguments = (_NOT_SAID, current, data, None)
            status = _update(job._pointer, *arguments, job._error)
            news = job._heed(status, _update, *arguments) if status else Outcome.OK
        else:
            name = data.decode()
            self.failures[name] = value
            news = job.failed(name, describe(value))
            if self._errors == "stop":
                self._more = False
        self._paused = news is Outcome.PAUSED
        return index, value, is_result

    def _show(self, job: Job) -> None:
        """The oldest of what is under way is the current item."""
        if self._shown not in self._running and self._running:
            self._shown, data = next(iter(self._running.items()))
            self._paused = job.update(current_item=data.decode()) is Outcome.PAUSED

    def _look(self, job: Job) -> None:
        """Nothing has ended for a while: is the job paused, resumed, cancelled?"""
        if self._paused:
            with suppress(WaitTimeout):
                self._paused = job._wait(_RUNNING, 0) is not JobStatus.RUNNING
        else:
            shown = self._running.get(self._shown, b"").decode()
            self._paused = job.update(current_item=shown) is Outcome.PAUSED

    def _finish(self, job: Job, pool: Union[Processes, Futures]) -> None:
        """The run breaks off: what cannot be stopped is waited for, and reported."""
        for one in pool.rest():
            if one[0] in self._running:
                with suppress(BgjobsError):
                    self._end(job, *one)
