"""Where libbgjobs is."""

import ctypes
import ctypes.util
import os
from typing import Optional

_NAME = "libbgjobs.so.0"


def _candidates() -> "list[str]":
    named = os.environ.get("BGJOBS_LIBRARY")
    if named:
        return [named]
    # In a wheel the library lies here, and no other may take its place.
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libbgjobs.so")
    if os.path.exists(inside):
        return [inside]
    found: Optional[str] = ctypes.util.find_library("bgjobs")
    return [found, _NAME] if found and found != _NAME else [_NAME]


def load() -> ctypes.CDLL:
    problems = []
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError as problem:
            problems.append(str(problem))
    raise ImportError(
        "bgjobs needs libbgjobs, which cannot be loaded: "
        + "; ".join(problems)
        + ". Install it, or name it with the environment variable BGJOBS_LIBRARY."
    )
