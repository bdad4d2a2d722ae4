"""The C API as ctypes sees it, in the order of Include/bgjobs.h, which is its manual.

Nothing here is more than a declaration; Tests/Python/test_header.py compares each with the header
as clang reads it: names, arguments and their names, struct members, numbers, order.
"""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_uint,
    c_uint64,
    c_void_p,
)
from typing import Any

from ._library import load

library = load()


def _function(name: str, result: Any, /, **arguments: Any) -> Any:
    function: Any = library[name]
    function.restype = result
    function.argtypes = list(arguments.values())
    function.argument_names = list(arguments)
    return function


# ---- Types --------------------------------------------------------------------------------------

BGJ_VERSION_MAJOR = 0
BGJ_VERSION_MINOR = 2
BGJ_VERSION_PATCH = 0


class bgj_manager(Structure):
    pass


class bgj_job(Structure):
    pass


class bgj_job_list(Structure):
    pass


class bgj_item_list(Structure):
    pass


# An enum is an int: what a newer library says must not be an error here.
bgj_status = c_int
BGJ_OK = 0
BGJ_PAUSED = 1
BGJ_RESUMED = 2
BGJ_END = 3
BGJ_WAITING = 4
BGJ_RETRYING = 5
BGJ_FINISHED = 10
BGJ_INVALID = 11
BGJ_NOT_FOUND = 12
BGJ_AMBIGUOUS = 13
BGJ_ILLEGAL_TRANSITION = 14
BGJ_BUSY = 15
BGJ_TIMEOUT = 16
BGJ_DAMAGED = 17
BGJ_IO = 18
BGJ_NO_SPACE = 19
BGJ_NO_MEMORY = 20
BGJ_UNSUPPORTED = 21
BGJ_FORKED = 22

bgj_job_status = c_int
BGJ_JOB_PENDING = 1
BGJ_JOB_RUNNING = 2
BGJ_JOB_PAUSED = 3
BGJ_JOB_COMPLETED = 4
BGJ_JOB_FAILED = 5
BGJ_JOB_OTHER = 6

BGJ_MASK_PENDING = 0x02
BGJ_MASK_RUNNING = 0x04
BGJ_MASK_PAUSED = 0x08
BGJ_MASK_COMPLETED = 0x10
BGJ_MASK_FAILED = 0x20
BGJ_MASK_OTHER = 0x40
BGJ_MASK_ACTIVE = BGJ_MASK_RUNNING | BGJ_MASK_PAUSED
BGJ_MASK_FINISHED = BGJ_MASK_COMPLETED | BGJ_MASK_FAILED
BGJ_MASK_ALL = 0x7E


class bgj_error(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("status", bgj_status),
        ("os_error", c_int),
        ("message", c_char * 496),
    ]


def BGJ_ERROR_INIT() -> bgj_error:
    return bgj_error(ctypes.sizeof(bgj_error))


bgj_clock_id = c_int
BGJ_CLOCK_REALTIME = 0
BGJ_CLOCK_MONOTONIC = 1

bgj_clock = CFUNCTYPE(c_int64, c_void_p, bgj_clock_id)

BGJ_OPEN_READ_ONLY = 0x1
BGJ_OPEN_ANY_FILE_SYSTEM = 0x2


class bgj_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint),
        ("lock_timeout_ms", c_int),
        ("keep_completed", c_int),
        ("clock", bgj_clock),
        ("clock_context", c_void_p),
        ("keep_for_s", c_int64),
    ]


def BGJ_OPTIONS_INIT() -> bgj_options:
    return bgj_options(ctypes.sizeof(bgj_options))


class bgj_start_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint),
        ("owner_fd", c_int),
        ("owner_pid", c_int64),
    ]


BGJ_START_DETACHED = 0x1
BGJ_START_OWNER_FD = 0x2
BGJ_START_ANYWAY = 0x4
BGJ_START_SHARED = 0x8


def BGJ_START_OPTIONS_INIT() -> bgj_start_options:
    return bgj_start_options(ctypes.sizeof(bgj_start_options))


class bgj_queue_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint),
        ("priority", c_int),
        ("not_before_ms", c_int64),
        ("lane", c_char_p),
        ("max_attempts", c_int),
        ("backoff_ms", c_int64),
        ("backoff_max_ms", c_int64),
    ]


BGJ_QUEUE_PRIORITY = 0x1
BGJ_QUEUE_NOT_BEFORE = 0x2
BGJ_QUEUE_LANE = 0x4
BGJ_QUEUE_ATTEMPTS = 0x8


def BGJ_QUEUE_OPTIONS_INIT() -> bgj_queue_options:
    return bgj_queue_options(ctypes.sizeof(bgj_queue_options))


class bgj_claim_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint),
        ("types", POINTER(c_char_p)),
        ("type_count", c_size_t),
        ("config_member", c_char_p),
        ("timeout_ms", c_int64),
    ]


BGJ_CLAIM_UNTIL_EMPTY = 0x1


def BGJ_CLAIM_OPTIONS_INIT() -> bgj_claim_options:
    return bgj_claim_options(ctypes.sizeof(bgj_claim_options))


class bgj_job_info(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("memory", c_void_p),
        ("id", c_char_p),
        ("type", c_char_p),
        ("key", c_char_p),
        ("status", bgj_job_status),
        ("status_name", c_char_p),
        ("reason", c_char_p),
        ("error", c_char_p),
        ("current", c_int64),
        ("total", c_int64),
        ("percentage", c_int),
        ("current_item", c_char_p),
        ("items_completed", c_uint64),
        ("items_failed", c_uint64),
        ("items_open", c_uint64),
        ("rate", c_double),
        ("eta", c_int64),
        ("eta_low", c_int64),
        ("eta_high", c_int64),
        ("active_ms", c_int64),
        ("created_ms", c_int64),
        ("started_ms", c_int64),
        ("updated_ms", c_int64),
        ("completed_ms", c_int64),
        ("resume_at_ms", c_int64),
        ("owner_pid", c_int64),
        ("owned", c_int),
        ("pause_acknowledged", c_int),
        ("attempts", c_int),
        ("stalled", c_int),
        ("eta_from_history", c_int),
        ("wait_ms", c_int64),
        ("finish_ms", c_int64),
        ("refused_ms", c_int64),
        ("refused_status", c_char_p),
        ("has_warnings", c_int),
        ("items_skipped", c_uint64),
        ("items_under_way", c_uint64),
        ("enqueued", c_int),
        ("priority", c_int),
        ("not_before_ms", c_int64),
        ("lane", c_char_p),
        ("max_attempts", c_int),
        ("failures", c_int),
        ("retry_at_ms", c_int64),
        ("workers", c_int),
        ("items_claimed", c_uint64),
    ]


def BGJ_JOB_INFO_INIT() -> bgj_job_info:
    return bgj_job_info(
        ctypes.sizeof(bgj_job_info),
        status=BGJ_JOB_OTHER,
        rate=-1.0,
        eta=-1,
        eta_low=-1,
        eta_high=-1,
        created_ms=-1,
        started_ms=-1,
        updated_ms=-1,
        completed_ms=-1,
        wait_ms=-1,
        finish_ms=-1,
        refused_ms=-1,
        resume_at_ms=-1,
        not_before_ms=-1,
        retry_at_ms=-1,
    )


bgj_item_state = c_int
BGJ_ITEM_OPEN = 1
BGJ_ITEM_UNDER_WAY = 2
BGJ_ITEM_DONE = 3
BGJ_ITEM_FAILED = 4
BGJ_ITEM_SKIPPED = 5

BGJ_ITEM_MASK_OPEN = 0x02
BGJ_ITEM_MASK_UNDER_WAY = 0x04
BGJ_ITEM_MASK_DONE = 0x08
BGJ_ITEM_MASK_FAILED = 0x10
BGJ_ITEM_MASK_SKIPPED = 0x20
BGJ_ITEM_MASK_ALL = 0x3E


class bgj_item(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("state", bgj_item_state),
        ("attempts", c_int),
        ("why", c_char_p),
    ]


def BGJ_ITEM_INIT() -> bgj_item:
    return bgj_item(ctypes.sizeof(bgj_item), state=BGJ_ITEM_OPEN)


# ---- The library --------------------------------------------------------------------------------

bgj_version = _function("bgj_version", c_char_p)
bgj_status_name = _function("bgj_status_name", c_char_p, status=bgj_status)
bgj_status_message = _function("bgj_status_message", c_char_p, status=bgj_status)
bgj_string_free = _function("bgj_string_free", None, string=c_char_p)

# ---- The manager --------------------------------------------------------------------------------

_manager = POINTER(bgj_manager)
_job = POINTER(bgj_job)
_error = POINTER(bgj_error)

bgj_manager_open = _function(
    "bgj_manager_open",
    bgj_status,
    project=c_char_p,
    options=POINTER(bgj_options),
    manager=POINTER(_manager),
    error=_error,
)
bgj_manager_close = _function("bgj_manager_close", bgj_status, manager=_manager, error=_error)
bgj_manager_sync = _function("bgj_manager_sync", bgj_status, manager=_manager, error=_error)
bgj_manager_create = _function(
    "bgj_manager_create",
    bgj_status,
    manager=_manager,
    type=c_char_p,
    config=c_char_p,
    total=c_int64,
    job=POINTER(_job),
    error=_error,
)
bgj_manager_ensure = _function(
    "bgj_manager_ensure",
    bgj_status,
    manager=_manager,
    type=c_char_p,
    key=c_char_p,
    config=c_char_p,
    total=c_int64,
    job=POINTER(_job),
    error=_error,
)
bgj_manager_find = _function(
    "bgj_manager_find", bgj_status, manager=_manager, id=c_char_p, job=POINTER(_job), error=_error
)
bgj_manager_list = _function(
    "bgj_manager_list",
    bgj_status,
    manager=_manager,
    statuses=c_uint,
    type=c_char_p,
    list=POINTER(POINTER(bgj_job_list)),
    error=_error,
)
bgj_manager_cleanup = _function(
    "bgj_manager_cleanup",
    bgj_status,
    manager=_manager,
    keep=c_size_t,
    removed=POINTER(c_size_t),
    error=_error,
)
BGJ_CLEANUP_FAILED = 0x1
BGJ_CLEANUP_DRY_RUN = 0x2

bgj_manager_cleanup_with = _function(
    "bgj_manager_cleanup_with",
    bgj_status,
    manager=_manager,
    keep=c_size_t,
    flags=c_uint,
    removed=POINTER(POINTER(bgj_job_list)),
    error=_error,
)
bgj_manager_check = _function(
    "bgj_manager_check", bgj_status, manager=_manager, report=POINTER(c_char_p), error=_error
)
bgj_job_list_count = _function("bgj_job_list_count", c_size_t, list=POINTER(bgj_job_list))
bgj_job_list_at = _function(
    "bgj_job_list_at",
    bgj_status,
    list=POINTER(bgj_job_list),
    index=c_size_t,
    info=POINTER(bgj_job_info),
    error=_error,
)
bgj_job_list_free = _function("bgj_job_list_free", None, list=POINTER(bgj_job_list))

# ---- The queue ----------------------------------------------------------------------------------

bgj_manager_set_rate = _function(
    "bgj_manager_set_rate",
    bgj_status,
    manager=_manager,
    provider=c_char_p,
    count=c_int64,
    period_ms=c_int64,
    error=_error,
)
bgj_manager_permit = _function(
    "bgj_manager_permit",
    bgj_status,
    manager=_manager,
    provider=c_char_p,
    count=c_int64,
    wait_ms=POINTER(c_int64),
    error=_error,
)
bgj_manager_rate_limited = _function(
    "bgj_manager_rate_limited",
    bgj_status,
    manager=_manager,
    provider=c_char_p,
    seconds=c_int64,
    error=_error,
)
bgj_manager_claim = _function(
    "bgj_manager_claim",
    bgj_status,
    manager=_manager,
    options=POINTER(bgj_claim_options),
    job=POINTER(_job),
    error=_error,
)
bgj_manager_set_limit = _function(
    "bgj_manager_set_limit", bgj_status, manager=_manager, scope=c_char_p, most=c_int, error=_error
)
bgj_manager_set_priority_worth = _function(
    "bgj_manager_set_priority_worth", bgj_status, manager=_manager, ms=c_int64, error=_error
)
bgj_manager_get_queue = _function(
    "bgj_manager_get_queue", bgj_status, manager=_manager, json=POINTER(c_char_p), error=_error
)

# ---- A job: its life ----------------------------------------------------------------------------

bgj_job_start = _function(
    "bgj_job_start", bgj_status, job=_job, options=POINTER(bgj_start_options), error=_error
)
bgj_job_enqueue = _function(
    "bgj_job_enqueue", bgj_status, job=_job, options=POINTER(bgj_queue_options), error=_error
)
BGJ_AFTER_SUCCESS = 0x1
BGJ_AFTER_CLEAN = 0x2
BGJ_AFTER_END = 0x3
BGJ_AFTER_FAILURE = 0x4
BGJ_AFTER_HOLD = 0x10

bgj_job_add_dependency = _function(
    "bgj_job_add_dependency", bgj_status, job=_job, id=c_char_p, policy=c_uint, error=_error
)
bgj_job_remove_dependency = _function(
    "bgj_job_remove_dependency", bgj_status, job=_job, id=c_char_p, error=_error
)
bgj_job_get_waits = _function(
    "bgj_job_get_waits", bgj_status, job=_job, json=POINTER(c_char_p), error=_error
)
bgj_job_leave = _function("bgj_job_leave", bgj_status, job=_job, why=c_char_p, error=_error)
bgj_job_pause = _function(
    "bgj_job_pause", bgj_status, job=_job, reason=c_char_p, retry_after_s=c_int64, error=_error
)
bgj_job_rate_limited = _function(
    "bgj_job_rate_limited", bgj_status, job=_job, provider=c_char_p, seconds=c_int64, error=_error
)
bgj_job_rate_limited_until = _function(
    "bgj_job_rate_limited_until",
    bgj_status,
    job=_job,
    provider=c_char_p,
    when=c_char_p,
    error=_error,
)
bgj_job_resume = _function("bgj_job_resume", bgj_status, job=_job, error=_error)
bgj_job_wait = _function(
    "bgj_job_wait",
    bgj_status,
    job=_job,
    statuses=c_uint,
    timeout_ms=c_int64,
    status=POINTER(bgj_job_status),
    error=_error,
)
bgj_job_complete = _function(
    "bgj_job_complete", bgj_status, job=_job, result=c_char_p, error=_error
)
bgj_job_fail = _function("bgj_job_fail", bgj_status, job=_job, why=c_char_p, error=_error)
bgj_job_set_config = _function(
    "bgj_job_set_config", bgj_status, job=_job, config=c_char_p, error=_error
)
bgj_job_cancel = _function("bgj_job_cancel", bgj_status, job=_job, why=c_char_p, error=_error)
bgj_job_retry = _function("bgj_job_retry", bgj_status, job=_job, error=_error)
bgj_job_retry_items = _function(
    "bgj_job_retry_items",
    bgj_status,
    job=_job,
    items=POINTER(c_char_p),
    count=c_size_t,
    error=_error,
)

# ---- A job: reports -----------------------------------------------------------------------------

bgj_job_update = _function(
    "bgj_job_update",
    bgj_status,
    job=_job,
    current=c_int64,
    current_item=c_char_p,
    completed_item=c_char_p,
    failed_item=c_char_p,
    error=_error,
)
bgj_job_advance = _function("bgj_job_advance", bgj_status, job=_job, count=c_int64, error=_error)
bgj_job_item_done = _function(
    "bgj_job_item_done", bgj_status, job=_job, item=c_char_p, error=_error
)
bgj_job_items_done = _function(
    "bgj_job_items_done",
    bgj_status,
    job=_job,
    items=POINTER(c_char_p),
    count=c_size_t,
    error=_error,
)
bgj_job_item_failed = _function(
    "bgj_job_item_failed", bgj_status, job=_job, item=c_char_p, why=c_char_p, error=_error
)
bgj_job_item_skipped = _function(
    "bgj_job_item_skipped", bgj_status, job=_job, item=c_char_p, why=c_char_p, error=_error
)
bgj_job_item_begin = _function(
    "bgj_job_item_begin",
    bgj_status,
    job=_job,
    item=c_char_p,
    attempt=POINTER(c_int64),
    unended=POINTER(c_int64),
    error=_error,
)
bgj_job_item_give_back = _function(
    "bgj_job_item_give_back", bgj_status, job=_job, item=c_char_p, error=_error
)
bgj_job_set_total = _function(
    "bgj_job_set_total", bgj_status, job=_job, total=c_int64, error=_error
)
bgj_job_set_cursor = _function(
    "bgj_job_set_cursor", bgj_status, job=_job, json=c_char_p, error=_error
)
bgj_job_plan = _function(
    "bgj_job_plan", bgj_status, job=_job, items=POINTER(c_char_p), count=c_size_t, error=_error
)
bgj_job_set_plan = _function(
    "bgj_job_set_plan",
    bgj_status,
    job=_job,
    items=POINTER(c_char_p),
    count=c_size_t,
    withdrawn=POINTER(c_size_t),
    error=_error,
)

# ---- A job: questions ---------------------------------------------------------------------------

bgj_job_is_done = _function("bgj_job_is_done", c_int, job=_job, item=c_char_p)
bgj_job_next = _function("bgj_job_next", bgj_status, job=_job, item=POINTER(c_char_p), error=_error)
bgj_job_get_info = _function(
    "bgj_job_get_info", bgj_status, job=_job, info=POINTER(bgj_job_info), error=_error
)
bgj_job_info_clear = _function("bgj_job_info_clear", None, info=POINTER(bgj_job_info))
bgj_job_id = _function("bgj_job_id", c_char_p, job=_job)
bgj_job_get_config = _function(
    "bgj_job_get_config", bgj_status, job=_job, json=POINTER(c_char_p), error=_error
)
bgj_job_get_cursor = _function(
    "bgj_job_get_cursor", bgj_status, job=_job, json=POINTER(c_char_p), error=_error
)
bgj_job_get_json = _function(
    "bgj_job_get_json", bgj_status, job=_job, json=POINTER(c_char_p), error=_error
)
bgj_job_items = _function(
    "bgj_job_items",
    bgj_status,
    job=_job,
    states=c_uint,
    list=POINTER(POINTER(bgj_item_list)),
    error=_error,
)
bgj_item_list_count = _function("bgj_item_list_count", c_size_t, list=POINTER(bgj_item_list))
bgj_item_list_at = _function(
    "bgj_item_list_at",
    bgj_status,
    list=POINTER(bgj_item_list),
    index=c_size_t,
    item=POINTER(bgj_item),
    error=_error,
)
bgj_item_list_free = _function("bgj_item_list_free", None, list=POINTER(bgj_item_list))
bgj_job_release = _function("bgj_job_release", None, job=_job)

# ---- The same without conversions ----------------------------------------------------------------


# `argtypes` costs 80 ns a call. Where only pointers are passed, and only our own code passes them,
# ctypes converts bytes and pointers rightly without; the numbers of a call like that would be ints.
def _bare(name: str, result: Any = bgj_status) -> Any:
    function = library[name]
    function.restype = result
    return function


bare_item_done = _bare("bgj_job_item_done")
bare_is_done = _bare("bgj_job_is_done", c_int)
bare_update = _bare("bgj_job_update")
