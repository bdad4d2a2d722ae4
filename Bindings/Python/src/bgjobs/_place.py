"""How a job is to stand in the queue, as the library wants it."""

import datetime
import math
import time
from typing import Any, Optional, Tuple, Union

from . import _ffi
from ._call import number, text
from .errors import Invalid

#: How another job is to end, for one to start.
POLICIES = {
    "success": _ffi.BGJ_AFTER_SUCCESS,
    "clean": _ffi.BGJ_AFTER_CLEAN,
    "end": _ffi.BGJ_AFTER_END,
    "failure": _ffi.BGJ_AFTER_FAILURE,
}

_Span = Union[float, datetime.timedelta]
#: From the first failure to the next attempt, or that and the longest such wait.
Backoff = Union[_Span, Tuple[_Span, _Span]]


def policy_of(policy: str) -> "Tuple[str, bool]":
    """A policy, and whether it holds."""
    word, _, hold = policy.partition(":")
    if word not in POLICIES or hold not in ("", "hold"):
        known = ", ".join(POLICIES)
        raise Invalid(f"policy is {policy!r}; it must be one of {known}, and may end with :hold")
    return word, hold == "hold"


def queue_options(
    priority: Optional[int],
    not_before: "Union[float, datetime.datetime, datetime.timedelta, None]",
    lane: Optional[str],
    attempts: Optional[int],
    backoff: Optional[Backoff],
) -> Any:
    """What is not None, as the library wants it."""
    options = _ffi.BGJ_QUEUE_OPTIONS_INIT()
    if priority is not None:
        options.flags |= _ffi.BGJ_QUEUE_PRIORITY
        options.priority = number(priority, "priority", -1000, 1001)
    if not_before is not None:
        options.flags |= _ffi.BGJ_QUEUE_NOT_BEFORE
        options.not_before_ms = _milliseconds(not_before)
    if lane is not None:
        options.flags |= _ffi.BGJ_QUEUE_LANE
        options.lane = text(lane, "the lane") or None
        if len(options.lane or b"") > 255:
            raise Invalid("the lane has more than 255 bytes")
    if attempts is not None:
        options.flags |= _ffi.BGJ_QUEUE_ATTEMPTS
        options.max_attempts = number(attempts, "attempts", 1, 1001)
        first, most = backoff if isinstance(backoff, tuple) else (backoff, None)
        if first is not None:
            options.backoff_ms = _wait(first)
            # Longer than the usual most, it is the most.
            options.backoff_max_ms = max(options.backoff_ms, 0 if most is None else _wait(most))
            if most is None and options.backoff_ms <= 3_600_000:
                options.backoff_max_ms = 0
    elif backoff is not None:
        raise Invalid("backoff is for attempts, and there are none")
    return options


def _wait(span: _Span) -> int:
    """In milliseconds; at least one, for 0 means what is usual."""
    seconds = span.total_seconds() if isinstance(span, datetime.timedelta) else span
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"backoff is seconds or a timedelta, not {type(span).__name__}: {span!r}")
    if not 0 <= seconds <= 31 * 86_400:
        raise Invalid(f"backoff is {span}; it must be 0 s to 31 days")
    return max(1, round(seconds * 1000))


def _milliseconds(moment: "Union[float, datetime.datetime, datetime.timedelta]") -> int:
    """Since 1970. A datetime without a zone is of local time."""
    if isinstance(moment, datetime.timedelta):
        moment = time.time() + moment.total_seconds()
    elif isinstance(moment, datetime.datetime):
        moment = moment.timestamp()
    if not isinstance(moment, (int, float)):
        kind = type(moment).__name__
        raise TypeError(f"not_before is a time, not {kind}: {moment!r}")
    # What is smaller was meant from now.
    if moment != 0 and not 1e9 <= moment <= 2**53 / 1000:
        raise Invalid(f"not_before is {moment}: seconds since 1970; from now it is a timedelta")
    return math.ceil(moment * 1000)
