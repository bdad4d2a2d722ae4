"""What is known of a job at one moment."""

import ctypes
import dataclasses
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any, FrozenSet, Iterable, List, NamedTuple, Optional, Union

from . import _ffi


class JobStatus(Enum):
    """Where a job stands."""

    PENDING = _ffi.BGJ_JOB_PENDING
    RUNNING = _ffi.BGJ_JOB_RUNNING
    PAUSED = _ffi.BGJ_JOB_PAUSED
    COMPLETED = _ffi.BGJ_JOB_COMPLETED
    FAILED = _ffi.BGJ_JOB_FAILED
    #: A status that only another tool knows; `JobInfo.status_name` has its text.
    OTHER = _ffi.BGJ_JOB_OTHER

    @classmethod
    def _missing_(cls, value: object) -> "JobStatus":
        return cls.OTHER  # one that a newer library added


#: Sets of statuses, for `JobManager.list` and `Job.wait`.
ACTIVE: FrozenSet[JobStatus] = frozenset({JobStatus.RUNNING, JobStatus.PAUSED})
FINISHED: FrozenSet[JobStatus] = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})

Statuses = Union[JobStatus, Iterable[JobStatus]]


def mask(statuses: Statuses) -> int:
    bits = 0
    for status in (statuses,) if isinstance(statuses, (JobStatus, str)) else statuses:
        if not isinstance(status, JobStatus):
            raise TypeError(f"a status is one of JobStatus, not {status!r}")
        bits |= 1 << status.value
    return bits


@dataclasses.dataclass(frozen=True)
class JobInfo:
    """What is known of a job at one moment. None: unknown, or it does not apply."""

    #: 8 hex digits for jobs of this library; other tools use any token.
    id: str
    type: str
    key: Optional[str]
    #: As every reader sees it: running with a dead owner is paused.
    status: JobStatus
    #: Its name, or another tool's word: `completed_with_warnings`, whose status is COMPLETED, say.
    status_name: str
    #: asked, rate-limit, interrupted, error, cancelled, or another.
    reason: Optional[str]
    #: The same in words.
    error: Optional[str]
    current: int
    total: Optional[int]
    #: 0 to 100, rounded down; 0 while the total is unknown.
    percentage: int
    current_item: Optional[str]
    items_completed: int
    items_failed: int
    #: Planned items that have not ended.
    items_open: int
    #: Items per second of work.
    rate: Optional[float]
    #: Seconds of work that remain, and their likely range.
    eta: Optional[int]
    eta_low: Optional[int]
    eta_high: Optional[int]
    #: How long the job has been worked on, pauses left out.
    active: timedelta
    created: Optional[datetime]
    started: Optional[datetime]
    updated: Optional[datetime]
    completed: Optional[datetime]
    #: Paused for a rate limit: when it may go on.
    resume_at: Optional[datetime]
    owner_pid: Optional[int]
    #: Does this manager own it?
    owned: bool
    #: Paused: has its owner seen it, or is there none?
    pause_acknowledged: bool
    #: 1, and one more with each retry.
    attempts: int
    #: Has nothing come for far longer than is usual for this job?
    stalled: bool
    #: Do rate and eta rest on finished jobs of this type, or in part?
    eta_from_history: bool
    #: How long it must wait until it may work: 0 while it runs.
    wait: Optional[timedelta]
    #: When it will likely be done, the wait included.
    finish: Optional[datetime]
    #: A status that another tool gave it in vain, as its owner lives, since its last start.
    refused_status: Optional[str]
    #: When that was.
    refused: Optional[datetime]
    #: Completed, but items have failed, or another tool ended it as completed_with_warnings.
    has_warnings: bool
    items_skipped: int
    #: Begun, and not ended yet, while somebody works on the job.
    items_under_way: int
    #: Was it put into the queue?
    enqueued: bool
    #: In the queue; else 0.
    priority: int
    #: In the queue: not to be started before.
    not_before: Optional[datetime]
    #: In the queue: whose limit it shares.
    lane: Optional[str]
    #: In the queue: how often it is tried in all; else 0.
    max_attempts: int
    #: In the queue: how many of these have failed.
    failures: int
    #: When it is tried again, after a failure.
    retry_at: Optional[datetime]
    #: Of a shared job: how many work on it.
    workers: int
    #: Items that they were given and have not ended.
    items_claimed: int

    @property
    def finished(self) -> bool:
        """Is it completed or failed?"""
        return self.status in FINISHED


class ItemState(Enum):
    """What became of an item."""

    #: Planned, and none of the others.
    OPEN = _ffi.BGJ_ITEM_OPEN
    #: Begun, and not ended yet.
    UNDER_WAY = _ffi.BGJ_ITEM_UNDER_WAY
    DONE = _ffi.BGJ_ITEM_DONE
    FAILED = _ffi.BGJ_ITEM_FAILED
    #: There was nothing to do.
    SKIPPED = _ffi.BGJ_ITEM_SKIPPED


ItemStates = Union[ItemState, Iterable[ItemState]]


@dataclasses.dataclass(frozen=True)
class JobItem:
    """An item of a job, and what became of it."""

    name: str
    state: ItemState
    #: Why it failed or was skipped; None: nobody said, or it is neither.
    why: Optional[str]
    #: How often it was begun, as far as that was said: 1 at least once it has ended.
    attempts: int


class Attempt(NamedTuple):
    """What begin() tells of an item."""

    #: Which attempt this is, from 1, over all runs.
    number: int
    #: How many of them, this one included, have not ended.
    unended: int


def item_mask(states: Optional[ItemStates]) -> int:
    if states is None:
        return _ffi.BGJ_ITEM_MASK_ALL  # and none that only a newer library knows
    bits = 0
    for state in (states,) if isinstance(states, (ItemState, str)) else states:
        if not isinstance(state, ItemState):
            raise TypeError(f"a state is one of ItemState, not {state!r}")
        bits |= 1 << state.value
    return bits


def read_items(list: Any) -> List[JobItem]:
    """A bgj_item_list, which is freed."""
    try:
        item = _ffi.BGJ_ITEM_INIT()
        place = ctypes.byref(item)
        found = []
        for index in range(_ffi.bgj_item_list_count(list)):
            _ffi.bgj_item_list_at(list, index, place, None)
            name, state = _text(item.name) or "", ItemState(item.state)
            found.append(JobItem(name, state, _text(item.why), item.attempts))
        return found
    finally:
        _ffi.bgj_item_list_free(list)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _time(milliseconds: int) -> Optional[datetime]:
    if milliseconds < 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # after the year 9999: another tool wrote it
        return datetime.max.replace(tzinfo=timezone.utc)


def _span(milliseconds: int) -> timedelta:
    try:
        return timedelta(milliseconds=milliseconds)
    except OverflowError:
        return timedelta.max


def _known(value: int) -> Optional[int]:
    return None if value < 0 else value


def _text(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode("utf-8", "replace")


class InfoBuffer:
    """A bgj_job_info and its memory."""

    def __init__(self) -> None:
        self.struct = _ffi.BGJ_JOB_INFO_INIT()
        self.pointer = ctypes.byref(self.struct)

    def __enter__(self) -> "InfoBuffer":
        return self

    def __exit__(self, *_: object) -> None:
        _ffi.bgj_job_info_clear(self.pointer)

    def read(self) -> JobInfo:
        c: Any = self.struct
        return JobInfo(
            id=_text(c.id) or "",
            type=_text(c.type) or "",
            key=_text(c.key),
            status=JobStatus(c.status),
            status_name=_text(c.status_name) or "",
            reason=_text(c.reason),
            error=_text(c.error),
            current=c.current,
            total=c.total or None,
            percentage=c.percentage,
            current_item=_text(c.current_item),
            items_completed=c.items_completed,
            items_failed=c.items_failed,
            items_open=c.items_open,
            rate=None if c.rate < 0 else c.rate,
            eta=_known(c.eta),
            eta_low=_known(c.eta_low),
            eta_high=_known(c.eta_high),
            active=_span(c.active_ms),
            created=_time(c.created_ms),
            started=_time(c.started_ms),
            updated=_time(c.updated_ms),
            completed=_time(c.completed_ms),
            resume_at=_time(c.resume_at_ms),
            owner_pid=c.owner_pid or None,
            owned=c.owned == 1,
            pause_acknowledged=c.pause_acknowledged == 1,
            attempts=c.attempts,
            stalled=c.stalled == 1,
            eta_from_history=c.eta_from_history == 1,
            wait=None if c.wait_ms < 0 else _span(c.wait_ms),
            finish=_time(c.finish_ms),
            refused_status=_text(c.refused_status),
            refused=_time(c.refused_ms),
            has_warnings=c.has_warnings == 1,
            items_skipped=c.items_skipped,
            items_under_way=c.items_under_way,
            enqueued=c.enqueued == 1,
            priority=c.priority,
            not_before=_time(c.not_before_ms),
            lane=_text(c.lane),
            max_attempts=c.max_attempts,
            failures=c.failures,
            retry_at=_time(c.retry_at_ms),
            workers=c.workers,
            items_claimed=c.items_claimed,
        )
