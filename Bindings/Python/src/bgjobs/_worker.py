"""What a worker process of map() does: items come in through a pipe, results go out."""

import ctypes
import io
import os
import pickle
import signal
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from types import FrameType
from typing import Any, Callable, Optional, Sequence

from .errors import WorkerDied
from .job import describe

READY, RESULT, ERROR, INTERRUPTED = range(4)

_PR_SET_PDEATHSIG = 1
# Nobody else uses it: a hang-up or a TERM may come for other reasons.
_PARENT_DIED = signal.SIGRTMIN + 7
# How long a function that was stopped may take to tidy up.
GRACE = 5

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stopped(BaseException):
    """So that `finally` and `with` of the function tidy up, and `except Exception` does not."""


class RemoteTraceback(Exception):
    """The cause of an exception that comes from a worker process: its traceback, as text."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


def main(connection: Connection, function: Callable[[Any], Any], others: Sequence[Any]) -> None:
    try:
        _work(connection, function, others)
        _be_deaf()
    except (_Stopped, KeyboardInterrupt):
        pass  # the handler has made us deaf


def _work(connection: Connection, function: Callable[[Any], Any], others: Sequence[Any]) -> None:
    _prepare()
    for other in others:  # the parent's ends, which fork has copied
        other.close()
    try:
        connection.send_bytes(pickle.dumps((READY, None)))
        while _one_item(connection, function):
            pass
    except (EOFError, OSError):
        pass  # the parent needs us no more, or has ended


def _one_item(connection: Connection, function: Callable[[Any], Any]) -> bool:
    data = connection.recv_bytes()
    try:
        answer = packed((RESULT, function(pickle.loads(data))))
    except _Stopped:
        raise
    except KeyboardInterrupt:
        connection.send_bytes(pickle.dumps((INTERRUPTED, None)))
        return False
    except BaseException as error:
        answer = _failure(error)
    connection.send_bytes(answer)
    return True


def packed(value: Any) -> bytes:
    """As multiprocessing does it, so that what only it can send can be sent."""
    buffer = io.BytesIO()
    ForkingPickler(buffer).dump(value)
    return buffer.getvalue()


def _failure(error: BaseException) -> bytes:
    words = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        data = pickle.dumps((ERROR, (error, words)))
        pickle.loads(data)  # some can be written and not be read
        return data
    except Exception:
        # Of these the parent gets the words.
        return pickle.dumps((ERROR, (RuntimeError(describe(error)), words)))


# ---- Signals ------------------------------------------------------------------------------------


def _prepare() -> None:
    parent = os.getppid()

    def stop(number: int, frame: Optional[FrameType]) -> None:
        if number == _PARENT_DIED and os.getppid() == parent:
            return  # only the thread that had started us has ended
        _be_deaf()  # the tidying up is not disturbed
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(GRACE)
        raise KeyboardInterrupt if number == signal.SIGINT else _Stopped

    for one in (*SIGNALS, _PARENT_DIED):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, stop)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(_PARENT_DIED), 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _be_deaf() -> None:
    for one in (*SIGNALS, _PARENT_DIED):
        signal.signal(one, _ignore)


def _ignore(number: int, frame: Optional[FrameType]) -> None:
    """Not SIG_IGN, which commands that the function starts would inherit."""


def died(exit_code: Optional[int]) -> WorkerDied:
    if exit_code is None:
        how = "it closed its pipe"
    elif exit_code < 0:
        try:
            how = f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            how = f"killed by signal {-exit_code}"
    else:
        how = f"exit {exit_code}"
    return WorkerDied(f"the worker process ended while it was at the item: {how}")
