#!/usr/bin/env python3
"""What the Python package adds: `make bench-python`.

Each round times a batch of each contender, in turn, so that what else the machine does meets all;
the figures are medians over the rounds, in ns. The bare call has the arguments of bgj_job_item_done
and goes to a C function that does nothing with them; the bare write has the bytes of its record.
"both" is one loop of the two, as a program without the library would have it: that costs more than
the two by themselves, since each finds the processor's caches full of the other.

bgjobs.map and ProcessPoolExecutor.map take turns, each with 4 processes that it starts and ends, on
items that take no time: what is measured is what an item costs beside its work.
"""

import ctypes
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("BUILD", ROOT / "build")).resolve()
os.environ.setdefault("BGJOBS_LIBRARY", str(BUILD / "libbgjobs.so"))
sys.path.insert(0, str(ROOT / "Bindings" / "Python" / "src"))

from tqdm import tqdm  # noqa: E402

import bgjobs  # noqa: E402
from bgjobs import _ffi  # noqa: E402

ROUNDS, BATCH, QUICK = 400, 200, 1_000_000
MAPS, MAPPED, WORKERS = 5, 5000, 4
clock = time.perf_counter_ns


def names(round, prefix):
    return [f"{prefix}-{round * BATCH + i:07d}" for i in range(BATCH)]


def loop(iterable):
    begin = clock()
    for _ in iterable:
        pass
    return clock() - begin


def feed(iterator, count):
    begin = clock()
    for _ in range(count):
        next(iterator)
    return clock() - begin


def record_of(job, project):
    """The bytes that one report adds to the owner's log."""
    [log] = (project / ".specweave/state/background-jobs.d").glob("log-*")
    before = log.stat().st_size
    job.done("issue-9999998")
    with open(log, "rb") as file:
        file.seek(before)
        return file.read()


def bare_call(function, handle, items, error):
    begin = clock()
    for item in items:
        function(handle, item, error)
    return clock() - begin


def bare_write(descriptor, data, count):
    write = os.write
    begin = clock()
    for _ in range(count):
        write(descriptor, data)
    return clock() - begin


def both(function, handle, items, error, descriptor, data):
    write = os.write
    begin = clock()
    for item in items:
        function(handle, item, error)
        write(descriptor, data)
    return clock() - begin


def done(job, items):
    done = job.done
    begin = clock()
    for item in items:
        done(item)
    return clock() - begin


def work(item):
    return item


def by_executor(items):
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items, chunksize=1))


def compare_maps(note, directory):
    items = [f"issue-{n:07d}" for n in range(MAPPED)]
    for round in range(MAPS):
        begin = clock()
        assert by_executor(items) == items
        note("ProcessPoolExecutor.map", clock() - begin, MAPPED)
        begin = clock()
        assert bgjobs.map(work, items, "x", str(round), workers=WORKERS, project=directory) == items
        note("bgjobs.map", clock() - begin, MAPPED)


def main(directory):
    times = {}

    def note(what, nanoseconds, count):
        times.setdefault(what, []).append(nanoseconds / count)

    nothing = ctypes.CDLL(None)["abs"]
    nothing.argtypes = _ffi.bgj_job_item_done.argtypes
    error = ctypes.byref(_ffi.BGJ_ERROR_INIT())
    project = directory / "project"
    tracked = directory / "tracked"
    project.mkdir()
    tracked.mkdir()
    batches = directory / "batches"  # apart from the many items of the others
    batches.mkdir()
    mapped = directory / "mapped"
    mapped.mkdir()
    with bgjobs.JobManager(project) as manager:
        job = manager.create("import-issues")
        job.start()
        data = record_of(job, project)
        descriptor = os.open(directory / "file", os.O_CREAT | os.O_WRONLY)
        all_names = [name for round in range(ROUNDS + 1) for name in names(round, "item")]
        one_by_one = iter(bgjobs.track(all_names, "import-issues", project=tracked))
        next(one_by_one)
        for round in range(ROUNDS):
            encoded = [name.encode() for name in names(round, "call")]
            note("bare call", bare_call(nothing, job._handle, encoded, error), BATCH)
            note("bare write", bare_write(descriptor, data, BATCH), BATCH)
            note("both", both(nothing, job._handle, encoded, error, descriptor, data), BATCH)
            encoded = [name.encode() for name in names(round, "library")]
            library = _ffi.bare_item_done
            note("library's call", bare_call(library, job._handle, encoded, error), BATCH)
            note("job.done", done(job, names(round, "done")), BATCH)
            note("track", feed(one_by_one, BATCH), BATCH)
        os.close(descriptor)
        one_by_one.close()

    # So many that the start and the end of the job, some ms, do not count.
    quick = range(QUICK)
    for _ in range(9):
        note("bare loop", loop(quick), QUICK)
        note("track(every=0.1)", loop(bgjobs.track(quick, "x", project=batches, every=0.1)), QUICK)
        with open(os.devnull, "w") as null:
            note("tqdm", loop(tqdm(quick, file=null)), QUICK)

    compare_maps(note, mapped)

    median = {what: statistics.median(all) for what, all in times.items()}
    bare = median["bare call"] + median["bare write"]
    print(f"{len(data)} bytes a report; medians of {ROUNDS} batches of {BATCH}, ns")
    for what, value in median.items():
        print(f"{what:23} {value:8.0f}")
    print(f"job.done / (bare call + bare write)  {median['job.done'] / bare:.2f}   (at most 1.3)")
    print(f"track / (bare call + bare write)     {median['track'] / bare:.2f}   (at most 1.6)")
    print(f"job.done / both in one loop          {median['job.done'] / median['both']:.2f}")
    print(f"track / both in one loop             {median['track'] / median['both']:.2f}")
    ratio = median["track(every=0.1)"] / median["tqdm"]
    print(f"track(every=0.1) / tqdm              {ratio:.2f}   (at most 1.5)")
    ratio = median["bgjobs.map"] / median["ProcessPoolExecutor.map"]
    print(f"bgjobs.map / ProcessPoolExecutor.map {ratio:.2f}   (at most 1.15)")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=os.environ.get("DIRECTORY")) as directory:
        main(Path(directory))
