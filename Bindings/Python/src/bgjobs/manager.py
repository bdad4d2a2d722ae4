"""An open state directory."""

import ctypes
import json
import math
import os
import re
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from enum import IntEnum
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
    cast,
)
from weakref import WeakSet

from . import _ffi, aio
from ._call import (
    Outcome,
    call,
    milliseconds,
    number,
    optional_text,
    outcome,
    take_error,
    take_string,
    text,
    to_json,
    whole_seconds,
)
from ._place import Backoff, policy_of, queue_options
from .errors import (
    BgjobsError,
    Damaged,
    Forked,
    Invalid,
    NotFound,
    NotPermitted,
    ProjectNotFound,
    WaitTimeout,
)
from .info import InfoBuffer, JobInfo, Statuses, mask
from .job import Job

#: A job that another one needs, or its id; or that with the policy.
After = Union[Job, str, Tuple[Union[Job, str], str]]

# Python handles signals between calls only.
_SLICE = 0.1


class Clock(IntEnum):
    """Which clock a clock function is asked for, in nanoseconds."""

    REALTIME = _ffi.BGJ_CLOCK_REALTIME
    MONOTONIC = _ffi.BGJ_CLOCK_MONOTONIC


class JobManager:
    """The jobs of a project directory, which must exist. Nothing is written by opening.

    The directory is taken as it is; the `bgjobs` command looks upwards for the nearest one that
    has a `.specweave`.

    A context manager; closing leaves all jobs that this manager owns (they become paused,
    interrupted). Any number of processes may hold one project, and any thread may use any manager
    and job. `clock` is for tests: it is called inside other calls and must not use this package.

    When a job completes, others are removed that completed without failed items, are not among the
    last `keep_completed` of those (10; negative: all stay), and ended more than `keep_for` ago (a
    day; seconds or a timedelta; negative: for ever).
    """

    _handle: Any = None

    def __init__(
        self,
        project: "Union[str, os.PathLike[str]]" = ".",
        *,
        read_only: bool = False,
        any_file_system: bool = False,
        lock_timeout: Optional[float] = None,
        keep_completed: Optional[int] = None,
        keep_for: "Union[float, timedelta, None]" = None,
        clock: Optional[Callable[[Clock], int]] = None,
    ) -> None:
        #: Absolute, so that a worker process can open the same, whatever its directory.
        given = os.fspath(project)
        # A URL is the library's to refuse.
        self.project = given if re.match("[A-Za-z]+://", given) else os.path.abspath(given)
        self._pid = os.getpid()
        # Not a Condition, which is written in Python: a Ctrl-C may leave that locked for good.
        self._lock = threading.RLock()
        # Calls under way. Weak: Ctrl-C may come before a call is taken off the list, and then it
        # goes with its frame.
        self._calls: WeakSet[_Call] = WeakSet()
        self._to_close: Any = None

        options = _ffi.BGJ_OPTIONS_INIT()
        if read_only:
            options.flags |= _ffi.BGJ_OPEN_READ_ONLY
        if any_file_system:
            options.flags |= _ffi.BGJ_OPEN_ANY_FILE_SYSTEM
        if lock_timeout is not None:
            # 0 means the default there; here it means not to wait.
            options.lock_timeout_ms = max(1, milliseconds(lock_timeout, "lock_timeout"))
        if keep_completed is not None:
            if keep_completed == 0:
                raise Invalid("keep_completed is 0; it must be 1 or more, or negative: all")
            options.keep_completed = number(keep_completed, "keep_completed", -(2**31), 2**31)
        if keep_for is not None:
            options.keep_for_s = _keep_for(keep_for)
        if clock is not None:
            asked = clock
            options.clock = _ffi.bgj_clock(lambda _, which: asked(Clock(which)))
        self._options = options  # the clock's thunk must outlive the manager

        handle = ctypes.POINTER(_ffi.bgj_manager)()
        try:
            path = os.fsencode(self.project)
            if 0 in path:
                raise Invalid(f"the project has a zero byte in it: {self.project!r}")
            call(
                _ffi.bgj_manager_open,
                path,
                ctypes.byref(options),
                ctypes.byref(handle),
            )
        except NotFound as problem:
            raise ProjectNotFound(problem.message, problem.os_error) from None
        self._handle = handle

    def __repr__(self) -> str:
        return f"<bgjobs.JobManager {self.project!r}{' closed' if self.closed else ''}>"

    def __enter__(self) -> "JobManager":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            self.close()
        except BgjobsError:
            # What went wrong inside says more; the manager is closed in any case.
            if error is None:
                raise

    def __del__(self) -> None:
        with suppress(BgjobsError):
            self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a JobManager cannot be sent to another process: send manager.project, and open a"
            " JobManager there"
        )

    @property
    def closed(self) -> bool:
        return self._handle is None

    def _use(self) -> "_Call":
        """A context with the handle, which is not closed under a call of another thread."""
        return _Call(self)

    def refuse_fork(self) -> None:
        """Raises Forked in a child process that inherited this manager."""
        if os.getpid() != self._pid:
            raise Forked("the manager came through a fork; a child opens a JobManager of its own")

    def check_usable(self) -> None:
        """Raises where a call would."""
        self.refuse_fork()
        if self._handle is None:
            raise Invalid("the manager is closed")

    def close(self) -> None:
        """Leaves all owned jobs, publishes and closes, whatever is raised. Again: nothing."""
        if self._handle is None:
            return
        if os.getpid() != self._pid:
            # A forked child only frees what it inherited.
            handle, self._handle = self._handle, None
            _ffi.bgj_manager_close(handle, None)
            return
        handle = None
        try:
            with self._lock:
                handle, self._handle = self._handle, None
            while self._is_in_use(handle):
                time.sleep(0.002)
        except BaseException:
            if handle is not None:
                self._handle = handle  # Ctrl-C: not closed yet, and somebody may call this again
            raise
        if handle is not None and self._to_close is None:
            call(_ffi.bgj_manager_close, handle)

    def _is_in_use(self, handle: Any) -> bool:
        """Whether there are calls of other threads under way.

        With calls of this one it is a signal handler: the call that it came into the middle of
        closes when it ends.
        """
        me = threading.get_ident()
        with self._lock:
            if any(one.thread != me for one in self._calls):
                return True
            if self._calls:
                self._to_close = handle
            return False

    def sync(self) -> None:
        """Makes all reports survive a power cut, and publishes. Say, before a long silence."""
        with self._use() as handle:
            call(_ffi.bgj_manager_sync, handle)

    def create(
        self,
        type: str,
        config: Optional[Mapping[str, Any]] = None,
        *,
        total: Optional[int] = None,
    ) -> Job:
        """Creates a pending job. Known types are clone-repos, import-issues and sync-external."""
        handle = ctypes.POINTER(_ffi.bgj_job)()
        with self._use() as manager:
            call(
                _ffi.bgj_manager_create,
                manager,
                text(type, "the type"),
                None if config is None else to_json(config),
                number(total or 0, "total"),
                ctypes.byref(handle),
            )
        return Job(self, handle)

    def ensure(
        self,
        type: str,
        key: str,
        config: Optional[Mapping[str, Any]] = None,
        *,
        total: Optional[int] = None,
    ) -> Job:
        """The unfinished job of this type and key, else a new one.

        That makes a program's first run and its next runs the same. config and total are used only
        for a new job.
        """
        handle = ctypes.POINTER(_ffi.bgj_job)()
        with self._use() as manager:
            call(
                _ffi.bgj_manager_ensure,
                manager,
                text(type, "the type"),
                text(key, "the key"),
                None if config is None else to_json(config),
                number(total or 0, "total"),
                ctypes.byref(handle),
            )
        return Job(self, handle)

    def find(self, id: str) -> Job:
        """The job of this id, or whose id alone begins so."""
        handle = ctypes.POINTER(_ffi.bgj_job)()
        with self._use() as manager:
            call(_ffi.bgj_manager_find, manager, text(id, "the id"), ctypes.byref(handle))
        return Job(self, handle)

    def list(
        self, statuses: Optional[Statuses] = None, *, type: Optional[str] = None
    ) -> List[JobInfo]:
        """The jobs of these statuses (None: all) and this type, in the state file's order."""
        bits = 0 if statuses is None else mask(statuses)
        if statuses is not None and bits == 0:
            return []
        found = ctypes.POINTER(_ffi.bgj_job_list)()
        with self._use() as manager:
            call(
                _ffi.bgj_manager_list,
                manager,
                bits,
                optional_text(type, "the type"),
                ctypes.byref(found),
            )
        return _read_jobs(found)

    def cleanup(self, keep: int = 10, *, failed: bool = False) -> int:
        """Removes jobs that completed without failed items, oldest first, until keep are left.

        failed: of all finished jobs, those that failed or have failed items too. Says how many
        went. What became of the last 100 is remembered, for who still waits for one or finds it.
        """
        return len(self._cleanup(keep, _ffi.BGJ_CLEANUP_FAILED if failed else 0))

    def removals(self, keep: int = 10, *, failed: bool = False) -> "List[JobInfo]":
        """The jobs that cleanup() would remove now, oldest first."""
        flags = _ffi.BGJ_CLEANUP_FAILED if failed else 0
        return self._cleanup(keep, flags | _ffi.BGJ_CLEANUP_DRY_RUN)

    def _cleanup(self, keep: int, flags: int) -> "List[JobInfo]":
        if keep < 0:
            raise Invalid(f"keep is {keep}; it must be 0 or more")
        found = ctypes.POINTER(_ffi.bgj_job_list)()
        with self._use() as manager:
            call(
                _ffi.bgj_manager_cleanup_with,
                manager,
                number(keep, "keep"),
                flags,
                ctypes.byref(found),
            )
        return _read_jobs(found)

    def check(self) -> str:
        """Compares all files with their checksums, mending nothing: a line per file and finding.

        Raises Damaged when something is; its `report` has the lines.
        """
        report = ctypes.c_char_p()
        error = take_error()
        with self._use() as manager:
            status = _ffi.bgj_manager_check(manager, ctypes.byref(report), error)
        lines = take_string(report) or ""
        try:
            outcome(status, error)
        except Damaged as problem:
            problem.report = lines
            raise
        return lines

    # ---- The queue ------------------------------------------------------------------------------

    def rate(self, provider: str, count: int, *, per: "float | timedelta" = 1) -> None:
        """At most count requests to a provider in per seconds, of all processes together.

        0: no limit any more. In no period are there more than count and what may come at once after
        a silence: a sixtieth of it, or as many as one call takes, if that is more.
        """
        seconds = per.total_seconds() if isinstance(per, timedelta) else per
        period = round(seconds * 1000)
        with self._use() as manager:
            call(
                _ffi.bgj_manager_set_rate,
                manager,
                text(provider, "the provider"),
                number(count, "count"),
                number(period, "per"),
            )

    def permit(self, provider: str, count: int = 1, *, wait: bool = True) -> float:
        """Takes count requests out of the budget of a provider, and waits until they may be made.

        Says how many seconds that takes. wait=False leaves the waiting to the caller. Then it
        raises NotPermitted, and takes nothing, if those ahead take longer than a period and a
        minute.
        """
        waited = 0.0
        while True:
            outcome, seconds = self._permit(provider, count)
            if outcome is Outcome.WAITING and not wait:
                raise NotPermitted(seconds)
            if seconds and wait:
                time.sleep(seconds)
            waited += seconds
            if outcome is not Outcome.WAITING:
                return waited

    def _permit(self, provider: str, count: int) -> "Tuple[Outcome, float]":
        milliseconds = ctypes.c_int64()
        with self._use() as manager:
            outcome = call(
                _ffi.bgj_manager_permit,
                manager,
                text(provider, "the provider"),
                number(count, "count"),
                ctypes.byref(milliseconds),
            )
        return outcome, milliseconds.value / 1000

    def rate_limited(self, provider: str, seconds: float = 0) -> None:
        """A provider asked somebody to slow down, for these seconds (0: 60): all its jobs pause.

        Its jobs are those whose config has the member "provider" with this name. permit() waits,
        too. Who has a job says it with Job.rate_limited.
        """
        self._limit(provider, whole_seconds(seconds, "seconds"))

    def rate_limit_over(self, provider: str) -> None:
        """The limit of a provider is over before its time: its jobs may go on."""
        self._limit(provider, -1)

    def _limit(self, provider: str, seconds: int) -> None:
        with self._use() as manager:
            name = text(provider, "the provider")
            call(_ffi.bgj_manager_rate_limited, manager, name, seconds)

    def enqueue(
        self,
        type: str,
        config: Optional[Mapping[str, Any]] = None,
        *,
        key: Optional[str] = None,
        items: Optional[Iterable[str]] = None,
        after: "Union[After, Iterable[After]]" = (),
        priority: Optional[int] = None,
        not_before: "Union[float, datetime, timedelta, None]" = None,
        lane: Optional[str] = None,
        attempts: Optional[int] = None,
        backoff: Optional[Backoff] = None,
    ) -> Job:
        """A job in the queue, for whoever claims it: a new one, or the unfinished one of this key.

        items: its plan. after: a job (or its id) that must have succeeded before, (job, policy) as
        of Job.add_dependency, or a list of these. The others are those of Job.enqueue.
        """
        # All that can be refused, before there is a job.
        needs = [
            (self.find(one if isinstance(one, str) else one.id), *policy_of(policy))
            for one, policy in _needs(after)
        ]
        options = queue_options(priority, not_before, lane, attempts, backoff)
        names = None if items is None else [*items]
        for name in names or ():
            if not 1 <= len(text(name, "an item")) <= 4096:
                raise Invalid(f"an item has 1 to 4096 bytes: {name[:40]!r}")
        job = self.create(type, config) if key is None else self.ensure(type, key, config)
        if names is not None:
            job.plan(names)
        # Before it is in the queue: nobody may claim it without them.
        for other, policy, hold in needs:
            job.add_dependency(other, policy, hold=hold)
        job.put_up(options)
        return job

    def claim(
        self,
        *types: str,
        wait: Union[bool, float] = False,
        until_empty: bool = False,
        config_member: Optional[str] = None,
    ) -> Optional[Job]:
        """The next ready job of the queue, started: it is this manager's. None: there is none.

        types: only these; none: any. wait: how long to wait for one, in seconds; True: for ever.
        until_empty: that wait ends when no such job is left, and none runs. config_member: only
        jobs whose config has it. A signal (Ctrl-C) ends the wait.
        """
        end = math.inf if wait is True else time.monotonic() + float(wait or 0)
        while True:
            left = max(0.0, min(_SLICE, end - time.monotonic()))
            what, job = self._claim(types, round(left * 1000), until_empty, config_member)
            if job is not None:
                return job
            if (what is Outcome.END and until_empty) or time.monotonic() >= end:
                return None
            if what is Outcome.END:
                time.sleep(min(_SLICE, max(0.0, end - time.monotonic())))

    def _claim(
        self, types: Sequence[str], milliseconds: int, until_empty: bool, member: Optional[str]
    ) -> "Tuple[Outcome, Optional[Job]]":
        options = _ffi.BGJ_CLAIM_OPTIONS_INIT()
        options.timeout_ms = milliseconds
        if until_empty:
            options.flags |= _ffi.BGJ_CLAIM_UNTIL_EMPTY
        names = [text(one, "a type") for one in types]
        if names:
            options.types = (ctypes.c_char_p * len(names))(*names)
            options.type_count = len(names)
        options.config_member = optional_text(member, "config_member")
        handle = ctypes.POINTER(_ffi.bgj_job)()
        with self._use() as manager:
            try:
                what = call(
                    _ffi.bgj_manager_claim, manager, ctypes.byref(options), ctypes.byref(handle)
                )
            except WaitTimeout:
                return Outcome.WAITING, None
        return what, Job(self, handle, claimed=True) if what is Outcome.OK else None

    def claims(
        self,
        *types: str,
        wait: Union[bool, float] = False,
        until_empty: bool = False,
        config_member: Optional[str] = None,
    ) -> Iterator[Job]:
        """Each job that claim() gives, until it gives none. Use each with `with job:`.

        An exception in there fails the job: left as interrupted, it would be the next one again.
        """
        while True:
            job = self.claim(
                *types, wait=wait, until_empty=until_empty, config_member=config_member
            )
            if job is None:
                return
            yield job

    async def aclaims(
        self,
        *types: str,
        wait: Union[bool, float] = False,
        until_empty: bool = False,
        config_member: Optional[str] = None,
    ) -> AsyncIterator[Job]:
        """claims() for a coroutine. Use each with `async with job:`."""
        while True:
            end = math.inf if wait is True else time.monotonic() + float(wait or 0)
            while True:
                what, job = await aio.claim(self, types, until_empty, config_member)
                if job is not None:
                    break
                if (what is Outcome.END and until_empty) or time.monotonic() >= end:
                    return
                await aio.pause()
            yield job

    def limit(self, scope: str, most: Optional[int]) -> None:
        """At most so many jobs of a scope run at once: "*", "type:T", "lane:L", "provider:P".

        0: none may start; None: no limit any more. Jobs that run go on.
        """
        most = -1 if most is None else number(most, "most", 0, 2**31)
        with self._use() as manager:
            call(_ffi.bgj_manager_set_limit, manager, text(scope, "the scope"), most)

    def priority_worth(self, seconds: Optional[float]) -> None:
        """What a level of priority is worth, in seconds of waiting: 600 at first. None: all."""
        ms = -1 if seconds is None else round(seconds * 1000)
        with self._use() as manager:
            call(_ffi.bgj_manager_set_priority_worth, manager, number(ms, "seconds", -1))

    def queue(self) -> Dict[str, Any]:
        """The queue: "jobs", the first one first; "limits"; "providers", each with its rate and how
        long to wait for it; "priorityWorthMs", -1: strict.
        """
        string = ctypes.c_char_p()
        with self._use() as manager:
            call(_ffi.bgj_manager_get_queue, manager, ctypes.byref(string))
        value: Dict[str, Any] = json.loads(take_string(string) or "{}")
        return value


def _read_jobs(list: Any) -> List[JobInfo]:
    """A bgj_job_list, which is freed."""
    try:
        with InfoBuffer() as info:
            jobs = []
            for index in range(_ffi.bgj_job_list_count(list)):
                call(_ffi.bgj_job_list_at, list, index, info.pointer)
                jobs.append(info.read())
            return jobs
    finally:
        _ffi.bgj_job_list_free(list)


def _needs(after: "Union[After, Iterable[After]]") -> "List[Tuple[Union[Job, str], str]]":
    if isinstance(after, (Job, str)):
        return [(after, "success")]
    if isinstance(after, tuple) and len(after) == 2 and isinstance(after[1], str):
        return [cast("Tuple[Union[Job, str], str]", after)]
    return [one if isinstance(one, tuple) else (one, "success") for one in after]


def _keep_for(time: "Union[float, timedelta]") -> int:
    """In whole seconds, rounded up. 0 means the default there; here it means not at all."""
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"keep_for is seconds or a timedelta, not {time!r}")
    if seconds < 0 or seconds > 2**53:
        return -1
    if seconds != seconds:
        raise Invalid("keep_for is not a number")
    return max(1, math.ceil(seconds))


class _Call:
    """One call of a manager under way."""

    def __init__(self, manager: JobManager) -> None:
        self.manager = manager
        self.thread = threading.get_ident()

    def __enter__(self) -> Any:
        manager = self.manager
        # Before the lock: the thread that held it might not exist in this process.
        manager.refuse_fork()
        with manager._lock:
            manager.check_usable()
            manager._calls.add(self)
            return manager._handle

    def __exit__(self, *_: object) -> None:
        manager = self.manager
        with manager._lock:
            manager._calls.discard(self)
            handle = None
            if not manager._calls:
                handle, manager._to_close = manager._to_close, None
        if handle is not None:
            with suppress(BgjobsError):
                call(_ffi.bgj_manager_close, handle)
