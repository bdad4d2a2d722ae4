"""One job: its life, its reports, and what is known of it."""

import ctypes
import datetime
import json
import math
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from . import _ffi, aio
from ._call import (
    OK,
    Outcome,
    call,
    new_error,
    number,
    optional_text,
    outcome,
    take_string,
    text,
    to_json,
    whole_seconds,
)
from ._place import POLICIES, Backoff, policy_of, queue_options
from .errors import (
    BgjobsError,
    Forked,
    IllegalTransition,
    Invalid,
    JobFinished,
    NotFound,
    WaitTimeout,
)
from .info import (
    Attempt,
    InfoBuffer,
    ItemStates,
    JobInfo,
    JobItem,
    JobStatus,
    Statuses,
    item_mask,
    mask,
    read_items,
)

if TYPE_CHECKING:
    from .manager import JobManager

Result = TypeVar("Result")

_done = _ffi.bare_item_done
_is_done = _ffi.bare_is_done

# Python handles signals between calls only, so a wait that Ctrl-C shall end is many short ones.
_SLICE_MS = 100

_MAY_START = JobStatus.PENDING  # stands for interrupted, too
_NOT_YET = (Outcome.PAUSED, Outcome.WAITING)


class Job:
    """One job. Comes from JobManager.ensure, create or find; keeps its manager open.

    As a context manager it is started on the way in (waiting while it is paused, or must wait for
    its place in the queue). On the way out it
    is completed if nothing remains: no planned item, and current not below the total, if that is
    known. Otherwise, and on an exception, it is left as interrupted; one that was claimed from the
    queue fails on an exception.
    """

    _handle: Any = None

    def __init__(self, manager: "JobManager", handle: Any, *, claimed: bool = False) -> None:
        self._manager = manager
        self._claimed = claimed
        self._handle = handle
        # For what loops call: the pointer ready to be passed, and an error that is not looked at.
        self._pointer = ctypes.c_void_p.from_param(ctypes.addressof(handle.contents))
        self._error = new_error()
        #: What finds the job again, also from another process.
        self.id: str = _ffi.bgj_job_id(handle).decode()

    def __del__(self, release: Any = _ffi.bgj_job_release) -> None:
        # Only here: as long as a call of any thread is under way, it holds a reference.
        if self._handle is not None:
            release(self._handle)

    def __repr__(self) -> str:
        return f"<bgjobs.Job {self.id}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Job cannot be sent to another process: send job.manager.project and job.id, and"
            " use JobManager(project).find(id) there"
        )

    @property
    def manager(self) -> "JobManager":
        return self._manager

    # ---- With -----------------------------------------------------------------------------------

    def __enter__(self) -> "Job":
        return self._enter(False)

    @contextmanager
    def shared(self) -> "Iterator[Job]":
        """As `with job:`, but others may work on it as well: `with job.shared():` in each process.

        Whoever comes to the end when all items have ended completes it; who does while others still
        have some leaves it to them.
        """
        self._enter(True)
        try:
            yield self
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        self.__exit__(None, None, None)

    def _enter(self, shared: bool) -> "Job":
        while (what := self.start(shared=shared)) in _NOT_YET:
            if what is Outcome.PAUSED:
                # Whom others work with runs again, then.
                self.wait((JobStatus.PENDING, JobStatus.RUNNING) if shared else _MAY_START)
            else:
                time.sleep(_SLICE_MS / 1000)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            self._end(error)
        except BgjobsError:
            # What went wrong inside says more.
            if error is None:
                raise

    async def __aenter__(self) -> "Job":
        while (what := self.start()) in _NOT_YET:
            if what is Outcome.PAUSED:
                await aio.wait(self, _MAY_START)
            else:
                await aio.pause()
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _end(self, error: Optional[BaseException]) -> None:
        now = self.info()
        if not now.owned:
            return  # ended or left inside
        remains = now.items_open > 0 or now.current < (now.total or 0)
        if error is None and not remains:
            self.complete()
        elif error is None and now.workers > 1:
            self.interrupt(None)  # others have the rest
        elif self._claimed and isinstance(error, Exception):
            # Left as interrupted, it would be the next one again.
            self.fail(describe(error))
        else:
            self.interrupt(None if error is None else describe(error))

    def interrupt(self, why: Optional[str]) -> None:
        """Leaves the job whatever happens to it meanwhile: it is not ours any more."""
        try:
            while self.leave(why) is Outcome.RESUMED:
                pass
        except (Forked, JobFinished, IllegalTransition, NotFound):
            pass

    # ---- Its life -------------------------------------------------------------------------------

    def start(
        self,
        *,
        detached: bool = False,
        owner_pid: Optional[int] = None,
        owner_fd: Optional[int] = None,
        anyway: bool = False,
        shared: bool = False,
    ) -> Outcome:
        """Takes the job and runs it: this manager becomes its owner. PAUSED: it was not started.

        detached: nobody owns it, everyone may report; it is interrupted when the process owner_pid
        ends, or the last one that has the file owner_fd open.

        WAITING: it was not started, as a limit is full or its time has not come; waits() tells
        which. anyway: it is started all the same.

        shared: besides others who start it so, in any process; each item of next() and remaining()
        is then for one of them.
        """
        if not (detached or owner_pid or owner_fd is not None or anyway or shared):
            return call(_ffi.bgj_job_start, self._handle, None)
        options = _ffi.BGJ_START_OPTIONS_INIT()
        if anyway:
            options.flags |= _ffi.BGJ_START_ANYWAY
        if shared:
            options.flags |= _ffi.BGJ_START_SHARED
        if detached:
            options.flags |= _ffi.BGJ_START_DETACHED
        if owner_pid is not None:
            options.owner_pid = number(owner_pid, "owner_pid", 1)
        if owner_fd is not None:
            options.flags |= _ffi.BGJ_START_OWNER_FD
            options.owner_fd = number(owner_fd, "owner_fd", 0, 2**31)
        return call(_ffi.bgj_job_start, self._handle, ctypes.byref(options))

    def enqueue(
        self,
        *,
        priority: Optional[int] = None,
        not_before: "Union[float, datetime.datetime, datetime.timedelta, None]" = None,
        lane: Optional[str] = None,
        attempts: Optional[int] = None,
        backoff: "Optional[Backoff]" = None,
    ) -> Outcome:
        """Puts it up for JobManager.claim, or changes how it stands there. None: as it is.

        priority: -1000 to 1000, higher first. not_before: a datetime, a timedelta from now, or
        seconds since 1970; 0: at any time. lane: jobs that share it share a limit; "": none.
        attempts: how often it is tried in all; with backoff, how long after its first failure (a
        second, if it is None): twice as long after each other one, up to an hour, or to the second
        number of a pair; half of that is random.
        """
        return self.put_up(queue_options(priority, not_before, lane, attempts, backoff))

    def put_up(self, options: Any) -> Outcome:
        """The same, with what queue_options() gave."""
        # Without a flag all members would be said.
        pointer = ctypes.byref(options) if options.flags else None
        return call(_ffi.bgj_job_enqueue, self._handle, pointer)

    def add_dependency(
        self, job: "Union[Job, str]", policy: str = "success", *, hold: bool = False
    ) -> Outcome:
        """It does not start before that job (or its id) has ended so.

        policy: success, clean (no item failed), end or failure; ":hold" behind it is hold. If that
        can no longer come, it fails, with the reason dependency, and is pending again when that job
        is retried; hold: it waits instead.
        """
        policy, holds = policy_of(policy)
        code = POLICIES[policy] | (_ffi.BGJ_AFTER_HOLD if hold or holds else 0)
        return call(_ffi.bgj_job_add_dependency, self._handle, _id(job), code)

    def remove_dependency(self, job: "Union[Job, str]") -> Outcome:
        """It does not need that job (or its id) any more."""
        return call(_ffi.bgj_job_remove_dependency, self._handle, _id(job))

    def waits(self) -> List[Dict[str, Any]]:
        """What it waits for, [] if for nothing: each with "for" and "text", a sentence.

        "for" is dependency, time, rate-limit, limit, pause, start or worker. "until": milliseconds
        since 1970; "scope": of a full limit; "provider"; "id": of a job that it needs.
        """
        string = ctypes.c_char_p()
        call(_ffi.bgj_job_get_waits, self._handle, ctypes.byref(string))
        value: List[Dict[str, Any]] = json.loads(take_string(string) or "[]")
        return value

    def leave(self, why: Optional[str] = None) -> Outcome:
        """Stops working on it. RESUMED: it was paused and is resumed: you still own it."""
        return call(_ffi.bgj_job_leave, self._handle, optional_text(why, "why"))

    def pause(self, reason: Optional[str] = None, *, retry_after: float = 0) -> Outcome:
        """Pauses it. reason: a word for programs. retry_after: seconds; 0: until resume()."""
        return call(
            _ffi.bgj_job_pause,
            self._handle,
            optional_text(reason, "the reason"),
            whole_seconds(retry_after, "retry_after"),
        )

    def rate_limited(
        self,
        provider: Optional[str] = None,
        seconds: float = 0,
        *,
        until: Union[str, float, datetime.datetime, None] = None,
    ) -> Outcome:
        """The worker was told to slow down: pauses for these seconds (0: 60). See wait_resumed.

        until, in place of seconds: what the server said, a Retry-After header or the like, as text;
        seconds since 1970; or a datetime, which is of local time where it has no zone.
        """
        if until is not None:
            if isinstance(until, datetime.datetime):
                until = until.timestamp()
            when = until if isinstance(until, str) else f"{until:.3f}"
            return call(
                _ffi.bgj_job_rate_limited_until,
                self._handle,
                optional_text(provider, "the provider"),
                text(when, "until"),
            )
        return call(
            _ffi.bgj_job_rate_limited,
            self._handle,
            optional_text(provider, "the provider"),
            whole_seconds(seconds, "seconds"),
        )

    def resume(self) -> Outcome:
        """Lifts a pause."""
        return call(_ffi.bgj_job_resume, self._handle)

    def wait(self, statuses: Statuses, timeout: Optional[float] = None) -> JobStatus:
        """Waits until the status is one of these; a signal (Ctrl-C) ends the wait.

        PENDING also stands for interrupted. Raises JobFinished when the job ended otherwise, and
        WaitTimeout, a TimeoutError, after timeout seconds.
        """
        bits = mask(statuses)
        if timeout is not None and not timeout >= 0:
            raise Invalid(f"timeout is {timeout}; it must be 0 or more seconds")
        end = None if timeout in (None, math.inf) else time.monotonic() + (timeout or 0)
        while True:
            left = _SLICE_MS
            if end is not None:
                left = max(0, min(left, int((end - time.monotonic()) * 1000)))
            try:
                return self._wait(bits, left)
            except WaitTimeout:
                if end is not None and time.monotonic() >= end:
                    raise

    def _wait(self, bits: int, milliseconds: int) -> JobStatus:
        status = ctypes.c_int()
        call(_ffi.bgj_job_wait, self._handle, bits, milliseconds, ctypes.byref(status))
        return JobStatus(status.value)

    def wait_resumed(self, timeout: Optional[float] = None) -> None:
        """For the owner, after PAUSED: returns when the job runs again. Ends a rate limit."""
        self.wait(JobStatus.RUNNING, timeout)

    def complete(self, result: Any = None) -> Outcome:
        """Ends it well. result: what JSON can hold, kept with it; None: nothing."""
        return call(
            _ffi.bgj_job_complete, self._handle, None if result is None else to_json(result)
        )

    def fail(self, why: Optional[str] = None) -> Outcome:
        """Ends it badly. RETRYING: it has attempts left in the queue, and is pending again."""
        return call(_ffi.bgj_job_fail, self._handle, optional_text(why, "why"))

    def cancel(self, why: Optional[str] = None) -> Outcome:
        """Ends it badly, because somebody wants it to."""
        return call(_ffi.bgj_job_cancel, self._handle, optional_text(why, "why"))

    def set_config(self, config: Mapping[str, Any]) -> Outcome:
        """Replaces the config of a job that has not ended.

        What another tool has put into it stays, unless it is named here.
        """
        return call(_ffi.bgj_job_set_config, self._handle, to_json(config))

    def retry(self, items: Optional[Iterable[str]] = None) -> Outcome:
        """Gives a job that failed, or has failed items, another try: it is pending again.

        items: only these failed ones are tried again, the others stay failed; None: all.
        """
        if items is None:
            return call(_ffi.bgj_job_retry, self._handle)
        array = _array(items, "retry")
        return call(_ffi.bgj_job_retry_items, self._handle, array, len(array))

    # ---- Reports --------------------------------------------------------------------------------

    # All of them: PAUSED means kept, but the job is paused; then wait_resumed() or leave().

    def done(self, item: str) -> Outcome:
        """Marks an item done."""
        # The shape of `call`, without what costs time: this is what loops do.
        try:
            data = text(item, "the item") if "\0" in item else item.encode()
        except (AttributeError, TypeError, UnicodeEncodeError):
            data = text(item, "the item")  # says it better
        if status := _done(self._pointer, data, self._error):
            return self._heed(status, _done, data)
        return OK

    def done_many(self, items: Iterable[str]) -> Outcome:
        """Marks items done, all of them or none, in one record: for work that ends many at a time.

        They have at most 4,000,000 bytes, one or two for the length of each included.
        """
        array = _array(items, "done_many")
        return call(_ffi.bgj_job_items_done, self._handle, array, len(array))

    def failed(self, item: str, why: Optional[str] = None) -> Outcome:
        """Marks an item failed, unless it is done or skipped already."""
        return call(
            _ffi.bgj_job_item_failed,
            self._handle,
            text(item, "the item"),
            optional_text(why, "why"),
        )

    def skipped(self, item: str, why: Optional[str] = None) -> Outcome:
        """Marks an item skipped, unless it is done already: there was nothing to do.

        It counts as finished, apart from those that are done, and never as failed.
        """
        return call(
            _ffi.bgj_job_item_skipped,
            self._handle,
            text(item, "the item"),
            optional_text(why, "why"),
        )

    def begin(self, item: str) -> Attempt:
        """Work on an item begins: it is the current item, and its attempts are counted.

        What was begun and did not end is given out behind all others, so that what kills its worker
        starves no other. attempt.unended above 1: whoever worked on it before has died.
        """
        count, unended = ctypes.c_int64(), ctypes.c_int64()
        call(
            _ffi.bgj_job_item_begin,
            self._handle,
            text(item, "the item"),
            ctypes.byref(count),
            ctypes.byref(unended),
        )
        return Attempt(count.value, unended.value)

    def give_back(self, item: str) -> Outcome:
        """An item that was begun was left for a good reason, a pause say: it is open again."""
        return call(_ffi.bgj_job_item_give_back, self._handle, text(item, "the item"))

    def update(
        self,
        *,
        current: Optional[int] = None,
        current_item: Optional[str] = None,
        done: Optional[str] = None,
        failed: Optional[str] = None,
    ) -> Outcome:
        """One report of several things, kept or lost together. current_item "": nothing."""
        return call(
            _ffi.bgj_job_update,
            self._handle,
            -1 if current is None else number(current, "current", 0),
            optional_text(current_item, "current_item"),
            optional_text(done, "the item"),
            optional_text(failed, "the item"),
        )

    def _heed(self, status: int, function: Any, *arguments: Any) -> Outcome:
        """What a call that was made with `_error` has to say.

        Where it failed, nothing has changed: so it is made again, with an error that no other
        thread fills meanwhile.
        """
        if status < _ffi.BGJ_FINISHED:
            return outcome(status, self._error)
        return call(function, self._pointer, *arguments)

    def advance(self, count: int = 1) -> Outcome:
        """Adds to current, for work whose items have no names."""
        return call(_ffi.bgj_job_advance, self._handle, number(count, "count"))

    def set_total(self, total: Optional[int]) -> Outcome:
        """Sets the number of items; None: unknown."""
        return call(_ffi.bgj_job_set_total, self._handle, number(total or 0, "total", 0))

    def set_cursor(self, value: Any) -> Outcome:
        """Keeps what JSON can hold, in order with the reports: the place for a page number."""
        return call(_ffi.bgj_job_set_cursor, self._handle, to_json(value))

    def plan(self, items: Iterable[str]) -> Outcome:
        """Names items in advance, in the order in which remaining() gives them out.

        Items that the job knows are skipped, so that a plan may be given on every run.
        """
        array = _array(items, "plan")
        return call(_ffi.bgj_job_plan, self._handle, array, len(array))

    def set_plan(self, items: Iterable[str]) -> int:
        """Makes these items the plan, in this order; gives how many open ones were withdrawn.

        What has ended stays, and a total that was the number of items follows.
        """
        array, withdrawn = _array(items, "set_plan"), ctypes.c_size_t()
        call(_ffi.bgj_job_set_plan, self._handle, array, len(array), ctypes.byref(withdrawn))
        return withdrawn.value

    # ---- Questions ------------------------------------------------------------------------------

    def is_done(self, item: str) -> bool:
        """Is the item done? Constant time. As of this manager's last look."""
        data = text(item, "the item")
        if _is_done(self._pointer, data):
            return True
        # It has no status to tell it by: a forked child would do everything again.
        self._manager.check_usable()
        return False

    def next(self) -> Tuple[Outcome, Optional[str]]:
        """The next planned item that has not ended. END: none; PAUSED: not now.

        Of a shared job, for this worker alone. WAITING: others have what is left; it may come back.
        """
        item = ctypes.c_char_p()
        what = call(_ffi.bgj_job_next, self._handle, ctypes.byref(item))
        return what, take_string(item)

    def remaining(self) -> Iterator[str]:
        """Gives out what remains of the plan; waits while the job is paused.

        Each item comes once per manager, however many threads ask; every other process that asks
        gets all of them. Of a shared job each worker gets items of its own, and waits while others
        have what is left. Raises JobFinished when the job ends meanwhile.
        """
        while True:
            what, item = self.next()
            if item is not None:
                yield item
            elif what is Outcome.PAUSED:
                self.wait((JobStatus.RUNNING, JobStatus.PENDING))
            elif what is Outcome.WAITING:
                time.sleep(_SLICE_MS / 1000)
            else:
                return

    def in_pool(
        self, pool: Executor, work: "Callable[[str], Result]", *, at_once: int
    ) -> "Iterator[Tuple[str, Future[Result]]]":
        """Gives what remains to a pool of concurrent.futures: `work(item)`, in its workers.

        Yields each item with its future once that is done; reporting it is left to the loop. Never
        more than at_once are under way: what a pool has taken, a pause cannot hold back. While the
        job is paused no item is given out. Raises JobFinished when the job ends meanwhile.
        """
        if at_once < 1:
            raise Invalid(f"at_once is {at_once}; it must be 1 or more")
        running: Dict[Future[Result], str] = {}
        while True:
            what, item = self.next() if len(running) < at_once else (OK, None)
            if item is not None:
                running[pool.submit(work, item)] = item
            elif running:
                for future in wait_for(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future
            elif what is Outcome.PAUSED:
                self.wait((JobStatus.RUNNING, JobStatus.PENDING))
            elif what is Outcome.WAITING:
                time.sleep(_SLICE_MS / 1000)
            else:
                return

    def aremaining(self) -> AsyncGenerator[str, None]:
        """remaining() for `async for`: while the job is paused, the loop goes on."""
        return aio.remaining(self)

    async def await_resumed(self) -> None:
        """wait_resumed() without blocking the loop."""
        await aio.wait(self, JobStatus.RUNNING)

    def info(self) -> JobInfo:
        """Looks at the files again. Rate and ETA follow from all reports until this moment."""
        with InfoBuffer() as buffer:
            call(_ffi.bgj_job_get_info, self._handle, buffer.pointer)
            return buffer.read()

    def items(self, state: Optional[ItemStates] = None) -> List[JobItem]:
        """The items of this state, or of these (None: all), with why they failed.

        Those that are done, skipped and failed, each in the order in which they became so, then
        the others in the order of the plan.
        """
        bits = item_mask(state)
        if not bits:
            return []
        found = ctypes.POINTER(_ffi.bgj_item_list)()
        call(_ffi.bgj_job_items, self._handle, bits, ctypes.byref(found))
        return read_items(found)

    @property
    def config(self) -> Dict[str, Any]:
        """What the job was created with."""
        value = self._get(_ffi.bgj_job_get_config)
        return value if isinstance(value, dict) else {}

    @property
    def cursor(self) -> Any:
        """What set_cursor was given last; None: nothing yet. May be assigned to."""
        return self._get(_ffi.bgj_job_get_cursor)

    @cursor.setter
    def cursor(self, value: Any) -> None:
        self.set_cursor(value)

    def json(self) -> Dict[str, Any]:
        """The whole job as it would stand in the state file."""
        value: Dict[str, Any] = json.loads(self._string(_ffi.bgj_job_get_json))
        return value

    def _get(self, function: Any) -> Any:
        try:
            return json.loads(self._string(function))
        except NotFound:
            self.info()  # raises if it is the job that is not there
            return None

    def _string(self, function: Any) -> str:
        string = ctypes.c_char_p()
        call(function, self._handle, ctypes.byref(string))
        return take_string(string) or "null"


def _id(job: "Union[Job, str]") -> bytes:
    return text(job.id if isinstance(job, Job) else job, "the id")


def _array(items: Iterable[str], what: str) -> Any:
    if isinstance(items, str):
        raise TypeError(f"{what} takes several items, not one str: {items!r}")
    names = [text(item, "an item") for item in items]
    return (ctypes.c_char_p * len(names))(*names)


def describe(error: BaseException) -> str:
    """An exception as a reason: one line, short enough, whatever is in it."""
    try:
        words = str(error)
    except Exception:
        words = ""
    line = " ".join(f"{type(error).__name__}: {words}".rstrip(": ").replace("\0", " ").split())
    return line.encode("utf-8", "replace")[:255].decode("utf-8", "ignore")
