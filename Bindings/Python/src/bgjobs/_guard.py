"""Sees that a loop feeds a pool, which would take items that nobody has worked on yet."""

import inspect
import threading
from types import FrameType
from typing import Optional

from .errors import TakenAhead

# What is asked from inside of these is asked ahead of the work.
_POOLS = (
    "concurrent.futures",
    "multiprocessing",
    "multiprocess",
    "billiard",
    "joblib",
    "loky",
    "dask",
    "distributed",
    "ray",
    "torch.utils.data",
    "asyncio.tasks",
)
_INSTEAD = (
    "track() takes an item for done when the next one is asked for, so it cannot feed a pool: use"
    " bgjobs.map(function, items, type, workers=4)"
)


def refuse_pool(frame: Optional[FrameType], maker: int) -> None:
    """Raises TakenAhead where the frame that asks for an item, or its thread, is a pool's."""
    pool = _pool_of(driver(frame))
    if pool is not None:
        raise TakenAhead(f"{pool} asks for items ahead of the work. {_INSTEAD}")
    if threading.get_ident() != maker:
        raise TakenAhead(
            f"another thread asks for items than the one that called track(). {_INSTEAD}; or call"
            " track() in the thread that has the loop"
        )


def driver(frame: Optional[FrameType]) -> Optional[FrameType]:
    """The frame that drives an iteration: generators in between (tqdm's, say) only hand it on."""
    while frame is not None and _hands_on(frame) and _pool_of(frame) is None:
        frame = frame.f_back
    return frame


def _hands_on(frame: FrameType) -> bool:
    code = frame.f_code
    return bool(code.co_flags & inspect.CO_GENERATOR) or code.co_name == "__next__"


def _pool_of(frame: Optional[FrameType]) -> Optional[str]:
    module = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    for pool in _POOLS:
        if module == pool or module.startswith(pool + "."):
            return pool
    return None
