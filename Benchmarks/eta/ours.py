"""bgjobs through its C API, with a clock of the test."""

import ctypes
import shutil
import tempfile
from ctypes import (
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_uint,
    c_uint64,
    c_void_p,
)

CLOCK = ctypes.CFUNCTYPE(c_int64, c_void_p, c_int)
START_MS = 1_700_000_000_000


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint),
        ("lock_timeout_ms", c_int),
        ("keep_completed", c_int),
        ("clock", CLOCK),
        ("clock_context", c_void_p),
    ]


class Info(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("memory", c_void_p),
        ("id", c_char_p),
        ("type", c_char_p),
        ("key", c_char_p),
        ("status", c_int),
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
    ]


def load(path):
    library = ctypes.CDLL(path)
    library.bgj_status_name.restype = c_char_p
    for name in ("bgj_manager_close", "bgj_job_release", "bgj_job_start"):
        getattr(library, name).argtypes = [c_void_p] + [c_void_p] * 2
    library.bgj_job_release.argtypes = [c_void_p]
    library.bgj_manager_close.argtypes = [c_void_p, c_void_p]
    library.bgj_job_get_info.argtypes = [c_void_p, POINTER(Info), c_void_p]
    library.bgj_job_update.argtypes = [c_void_p, c_int64] + [c_char_p] * 3 + [c_void_p]
    library.bgj_job_advance.argtypes = [c_void_p, c_int64, c_void_p]
    library.bgj_job_set_total.argtypes = [c_void_p, c_int64, c_void_p]
    library.bgj_job_rate_limited.argtypes = [c_void_p, c_char_p, c_int64, c_void_p]
    library.bgj_job_wait.argtypes = [c_void_p, c_uint, c_int64, c_void_p, c_void_p]
    return library


class Ours:
    """One job of one run, as a host would do it."""

    name = "bgjobs"
    running = 0x04

    def __init__(self, library, workload):
        self.library = library
        self.project = tempfile.mkdtemp(prefix="bgjobs-eta-")
        self.realtime = self.awake = 0
        self.clock = CLOCK(self._clock)
        self.total, self.initial = workload.total, workload.initial
        self.manager, self.job = c_void_p(), c_void_p()
        self.info = Info(ctypes.sizeof(Info))
        self.open()
        if workload.initial:
            # A host that knows where it stands says so first.
            self.check(library.bgj_job_update(self.job, workload.initial, None, None, None, None))

    def _clock(self, _context, which):
        now = self.awake if which == 1 else self.realtime
        return (START_MS + now) * 1_000_000

    def set(self, times):
        self.realtime = round(times.realtime * 1000)
        # Asleep is what the time of day has and the monotonic clock has not.
        self.awake = round(times.monotonic * 1000)

    def check(self, status, *allowed):
        if status != 0 and status not in allowed:
            raise RuntimeError(self.library.bgj_status_name(status).decode())

    def open(self):
        options = Options(ctypes.sizeof(Options), 0x2, 0, 0, self.clock, None)
        library = self.library
        self.check(
            library.bgj_manager_open(
                self.project.encode(), byref(options), byref(self.manager), None
            )
        )
        self.check(
            library.bgj_manager_ensure(
                self.manager, b"bench", b"run", None, c_int64(self.total), byref(self.job), None
            )
        )
        self.check(library.bgj_job_start(self.job, None, None))

    def shut(self):
        self.library.bgj_job_release(self.job)
        self.check(self.library.bgj_manager_close(self.manager, None))

    def happen(self, event, value, done, times):
        if event == "restart":
            self.shut()
            self.set(times)
            self.open()
        elif event == "pause":
            self.check(self.library.bgj_job_rate_limited(self.job, b"bench", int(value), None))
            self.check(self.library.bgj_job_wait(self.job, 0x08, 0, None, None))
            self.set(times)
            self.check(self.library.bgj_job_wait(self.job, self.running, 60000, None, None))
        elif event == "total":
            self.check(self.library.bgj_job_set_total(self.job, value, None))

    def report(self, count, done, times, _skipped):
        self.set(times)
        self.check(self.library.bgj_job_advance(self.job, count, None))

    def read(self, times):
        self.set(times)
        self.check(self.library.bgj_job_get_info(self.job, byref(self.info), None))
        info = self.info
        if info.eta < 0:
            return None
        return float(info.eta), float(info.eta_low), float(info.eta_high)

    def close(self):
        self.library.bgj_job_info_clear(byref(self.info))
        self.shut()
        shutil.rmtree(self.project)
