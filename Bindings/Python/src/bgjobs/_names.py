"""What an item is called in a job."""

import json
import operator
import os
from datetime import date
from enum import Enum
from typing import Any


def name_of(item: Any) -> str:
    """What an item is called in the job: the same in every run, or nothing could be skipped.

    A text is its own name, also one that is an enum. Numbers of any kind (numpy's, too) are
    written in digits, paths as they are, days and times by ISO 8601, members of an enum by their
    name. A row of pandas' iterrows() or itertuples() is called by its index. Other tuples are
    written as a JSON list of the names in them.
    """
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return str(item)
    if isinstance(item, int):
        return int.__repr__(item)  # str() of an IntEnum depends on Python's version
    if isinstance(item, float):
        return float.__repr__(item)
    if isinstance(item, os.PathLike):
        return str(os.fspath(item))
    if isinstance(item, Enum):
        return str(item.name or name_of(item.value))
    if isinstance(item, date):
        return item.isoformat()
    if isinstance(item, tuple):
        if _is_row(item):
            return name_of(item[0])
        return json.dumps([name_of(one) for one in item], ensure_ascii=False)
    try:
        return str(operator.index(item))
    except TypeError:
        kind = type(item)
        raise TypeError(
            f"a {kind.__module__}.{kind.__qualname__} has no name of its own, and the job keeps"
            " its items by name: tell it, as in name=lambda item: item.url"
        ) from None


def _is_row(item: Any) -> bool:
    """Is it of DataFrame.iterrows(), (index, Series), or of itertuples(), a namedtuple?"""
    if getattr(item, "_fields", ("",))[0:1] == ("Index",):
        return True
    kind = type(item[-1]) if item else str
    return len(item) == 2 and kind.__name__ == "Series" and kind.__module__.startswith("pandas")
