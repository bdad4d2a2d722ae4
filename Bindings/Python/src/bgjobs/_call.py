"""How every call is made: text in, text out, statuses into outcomes and exceptions."""

import ctypes
import json
import math
import operator
from enum import IntEnum
from typing import Any, List, Optional, Tuple

from . import _ffi
from .errors import BY_STATUS, BgjobsError, Invalid


class Outcome(IntEnum):
    """What a successful call has to tell. OK is falsy; the others are news, not failures."""

    OK = _ffi.BGJ_OK
    #: Kept, but the job is paused: finish what is under way, then wait or leave.
    PAUSED = _ffi.BGJ_PAUSED
    #: Somebody resumed the job before it could be left: you still own it, go on.
    RESUMED = _ffi.BGJ_RESUMED
    #: There is no further item.
    END = _ffi.BGJ_END
    #: Not yet: something must come first.
    WAITING = _ffi.BGJ_WAITING
    #: This attempt has failed, and the job is in the queue again.
    RETRYING = _ffi.BGJ_RETRYING


OK = Outcome.OK
OUTCOMES: Tuple[Outcome, ...] = tuple(Outcome)

# One bgj_error for each call under way, whatever the thread. A signal handler may call us between
# a call and the reading of its error: it then gets another one. Making one would cost more than
# the call.
_errors: List[Any] = []
take_back = _errors.append


def new_error() -> Any:
    return ctypes.byref(_ffi.BGJ_ERROR_INIT())


def take_error() -> Any:
    try:
        return _errors.pop()
    except IndexError:
        return new_error()


def outcome(status: int, error: Any) -> Outcome:
    """The outcome of a call that returned this status; raises from 10 on."""
    if status < _ffi.BGJ_FINISHED:
        return OUTCOMES[status] if status < len(OUTCOMES) else OK
    detail = error._obj
    message = detail.message.decode("utf-8", "replace")
    os_error = detail.os_error
    raise BY_STATUS.get(status, BgjobsError)(message, os_error)


def call(function: Any, *arguments: Any) -> Outcome:
    """Calls a function whose last argument is the error."""
    error = take_error()
    try:
        return outcome(function(*arguments, error), error)
    finally:
        take_back(error)


def text(value: str, what: str) -> bytes:
    """C strings end with a zero byte, so one inside would cut the text off unseen."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}: {value!r}")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{what} cannot be written as UTF-8: {value!r}") from None
    if 0 in data:
        raise Invalid(f"{what} has a zero byte in it: {value!r}")
    return data


def optional_text(value: Optional[str], what: str) -> Optional[bytes]:
    return None if value is None else text(value, what)


def number(value: int, what: str, least: int = -(2**63), above: int = 2**63) -> int:
    """ctypes would cut a number to 64 bits, and has no word for what is none."""
    try:
        value = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{what} must be an int, not {kind}: {value!r}") from None
    if not least <= value < above:
        raise Invalid(f"{what} is {value}; it must be {least} to {above - 1}")
    return value


def milliseconds(seconds: float, what: str) -> int:
    """Up to a day, which is what a timeout of the library takes."""
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} must be a number, not {type(seconds).__name__}: {seconds!r}")
    if not 0 <= seconds <= 86400:
        raise Invalid(f"{what} is {seconds}; it must be 0 to 86400 seconds")
    return round(seconds * 1000)


def to_json(value: Any) -> bytes:
    """What the library gives back as it was; other numbers and texts it would have to change."""
    json_text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    _check_integers(value)  # behind what refuses circles
    try:
        return json_text.encode()
    except UnicodeEncodeError as problem:
        raise Invalid(f"JSON cannot hold half a character: {problem}") from None


def _check_integers(value: Any) -> None:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, int):
            if not -(2**63) <= one < 2**63:
                raise Invalid(f"an integer of JSON has 64 bits here: {one}")
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)


def take_string(string: ctypes.c_char_p) -> Optional[str]:
    """The text of a `char **` parameter, which is freed."""
    try:
        return None if string.value is None else string.value.decode("utf-8", "replace")
    finally:
        _ffi.bgj_string_free(string)


def whole_seconds(seconds: float, what: str) -> int:
    """Rounded up: who waits too short is told to wait again."""
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} must be a number, not {type(seconds).__name__}: {seconds!r}")
    try:
        return number(math.ceil(seconds) if seconds >= 0 else -1, what, 0)
    except (OverflowError, ValueError):
        raise Invalid(f"{what} is {seconds}; it must be 0 or more seconds") from None
