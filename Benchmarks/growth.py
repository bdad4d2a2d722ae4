#!/usr/bin/env python3
"""What grows with a store, and what does not: `make bench-growth`.

    growth.py [--build DIRECTORY] [--before BGJOBS] [--report FILE] [OPTIONS]

Each round runs each contender once, in turn, so that what else the machine does meets all; figures
are medians over the rounds. Ends with 1 if a figure is above its limit. See the groups below for
what is measured; --quick makes fewer rounds and less of the long ones.
"""

import argparse
import ctypes
import json
import os
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import growth_report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STATE, PRIVATE = ".specweave/state", "background-jobs.d"
FEW, MANY, MOST = 100, 100_000, 1_000_000
FEW_JOBS, MANY_JOBS = 10, 10_000
# So many items are done before anything is measured.
BEGUN = 3
NOTHING = os.open(os.devnull, os.O_RDWR)


def run(words):
    """Milliseconds from the start of a process to its end, and its exit code."""
    actions = [(os.POSIX_SPAWN_DUP2, NOTHING, 1)]
    begin = time.perf_counter()
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    return (time.perf_counter() - begin) * 1000, os.waitstatus_to_exitcode(status)


class Store:
    """A project, and the command that works on it."""

    def __init__(self, program, path):
        self.program, self.path = program, path
        path.mkdir(parents=True)

    def words(self, command, *arguments):
        return [str(word) for word in (self.program, command, "--project", self.path, *arguments)]

    def out(self, command, *arguments):
        done = subprocess.run(self.words(command, *arguments), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench-growth: {command}: {done.returncode}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def time(self, command, *arguments):
        took, code = run(self.words(command, *arguments))
        if code:
            sys.exit(f"bench-growth: {' '.join(self.words(command, *arguments))}: exit code {code}")
        return took

    @property
    def file(self):
        return self.path / STATE / "background-jobs.json"

    def make_job(self, items, start=True):
        """A job of so many planned items, as a shell would work on it."""
        names = self.path / "items"
        names.write_text("".join(f"item-{number}\n" for number in range(items)))
        id = self.out("create", "import-issues", "--items", names)
        names.unlink()
        if start:
            self.out("start", id, "--owner-pid", os.getpid())
            # What planning has left behind may be tidied up by the next changes.
            for number in range(BEGUN):
                self.out("done", id, f"item-{number}")
        return id

    def make_jobs(self, count):
        """Jobs of three items with keys. The first is made; the others are in a state file with
        which a store begins, as copies of it."""
        names = self.path / "items"
        names.write_text("one\ntwo\nthree\n")
        self.out("create", "import-issues", "--key", "key 0", "--items", names)
        names.unlink()
        file = json.loads(self.file.read_bytes())
        (first,) = file["jobs"]
        rest = file["bgjobs"]["seq"]
        file["bgjobs"]["seq"] = rest + count
        for number in range(1, count):
            ours = {**first["bgjobs"], "key": f"key {number}"}
            ours["created"] = ours["rev"] = rest + number
            file["jobs"].append({**first, "id": f"{number:08x}", "bgjobs": ours})
        shutil.rmtree(self.path / STATE / PRIVATE)
        self.file.write_text(json.dumps(file))
        working = self.out("ensure", "import-issues", "--key", "key 0")
        self.out("start", working, "--owner-pid", os.getpid())
        last = self.out("ensure", "import-issues", "--key", f"key {count - 1}")
        if (last, len(self.out("list").split("\n"))) != (f"{count - 1:08x}", count):
            sys.exit("bench-growth: a store does not begin with the jobs of its state file")
        return working


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, Path(scratch)
        self.figures, self.series, self.notes = [], {}, []
        self.sides = {"now": options.build / "cli/bgjobs"}
        if options.before:
            self.sides["before"] = options.before
        for program in self.sides.values():
            if not program.exists():
                sys.exit(f"bench-growth: there is no {program}")

    def store(self, side, name):
        return Store(self.sides[side], self.scratch / side / name)

    def rounds(self, contenders, rounds):
        """Medians by the names of the contenders; each is called with the round's number."""
        times = {name: [] for name in contenders}
        names = list(contenders)
        for turn in range(rounds):
            for place in range(len(names)):
                name = names[(place + turn) % len(names)]
                times[name].append(contenders[name](turn))
        return {name: statistics.median(values) for name, values in times.items()}

    def ratio(self, name, limit, medians, large, small):
        """A figure of two contenders, of each side."""
        found = {}
        for side in self.sides:
            one, other = medians[side, large], medians[side, small]
            found[side] = (one / other, f"{one:.1f} against {other:.1f} ms")
        self.figure(name, limit, "×", found)

    def figure(self, name, limit, unit, found):
        self.figures.append(growth_report.Figure(name, limit, unit, found))
        print(growth_report.line(self.figures[-1]), flush=True)

    def note(self, text):
        self.notes.append(text)
        print(text, flush=True)

    # ---- Items ------------------------------------------------------------------------------

    def items(self):
        """Commands on a job of 100, of 100,000 and of 1,000,000 planned items."""
        sizes = (FEW, MANY, MOST)
        jobs = {}
        for side in self.sides:
            for size in sizes:
                store = self.store(side, f"items-{size}")
                jobs[side, size] = store, store.make_job(size)
        commands = {
            "done": lambda turn: [f"item-{BEGUN + turn % (FEW - BEGUN)}"],
            "next": lambda turn: [],
            "update": lambda turn: ["--advance", "1"],
            "show": lambda turn: [],
        }
        for command, arguments in commands.items():
            medians = self.rounds(
                {
                    key: lambda turn, s=store, id=id, c=command, a=arguments: s.time(
                        c, id, *a(turn)
                    )
                    for key, (store, id) in jobs.items()
                },
                self.options.rounds,
            )
            self.ratio(f"`{command}`, 100,000 items against 100", 1.5, medians, MANY, FEW)
            self.ratio(f"`{command}`, 1,000,000 items against 100", 5, medians, MOST, FEW)
            for side in self.sides:
                points = [(size, medians[side, size]) for size in sizes]
                self.series.setdefault("items of the job", {})[command, side] = points
        medians = self.rounds(
            {
                key: lambda turn, s=store: s.time("list")
                for key, (store, id) in jobs.items()
                if key[1] != MANY
            },
            self.options.rounds,
        )
        self.ratio("`list`, a job of 1,000,000 items against one of 100", 1.5, medians, MOST, FEW)

    # ---- Jobs -------------------------------------------------------------------------------

    def jobs(self):
        """Commands beside 10 and beside 10,000 pending jobs."""
        stores = {}
        for side in self.sides:
            for count in (FEW_JOBS, MANY_JOBS):
                store = self.store(side, f"jobs-{count}")
                stores[side, count] = store, store.make_jobs(count)
        commands = {
            "create": lambda id, turn: ["import-issues"],
            "ensure": lambda id, turn: ["import-issues", "--key", f"key {1 + turn % 9}"],
            "done": lambda id, turn: [id, f"item {turn}"],
        }
        for command, arguments in commands.items():
            medians = self.rounds(
                {
                    key: lambda turn, s=store, id=id, c=command, a=arguments: s.time(
                        c, *a(id, turn)
                    )
                    for key, (store, id) in stores.items()
                },
                self.options.rounds,
            )
            self.ratio(
                f"`{command}`, beside 10,000 jobs against 10", 2, medians, MANY_JOBS, FEW_JOBS
            )
            for side in self.sides:
                points = [(count, medians[side, count]) for count in (FEW_JOBS, MANY_JOBS)]
                self.series.setdefault("jobs beside it", {})[command, side] = points

    # ---- A loop in a shell ------------------------------------------------------------------

    LOOP = """
        n=0
        while [ $n -lt $2 ] && item=$("$0" next --project "$1" "$3"); do
          "$0" done --project "$1" "$3" "$item" || exit
          n=$((n + 1))
        done
        [ $n -eq $2 ]
    """

    def loop(self):
        """`next` and `done` over all items, in slices that take turns with jobs of 1,000."""
        slice = min(1000, max(1, self.options.loop // 5))
        turns = self.options.loop // slice
        large = {}
        for side in self.sides:
            store = self.store(side, "loop")
            large[side] = store, store.make_job(MANY + BEGUN)
        times = {(side, size): 0.0 for side in self.sides for size in (1000, MANY)}
        worked = dict.fromkeys(times, 0)
        for turn in range(turns):
            for side in self.sides:
                if side == "before" and turn >= 2:
                    continue  # It may take hours.
                self.slice(*large[side], slice, times, worked, (side, MANY))
                if turn % 10 == 0:  # of these fewer are enough
                    store = self.store(side, f"loop-{turn}")
                    id = store.make_job(1000 + BEGUN)
                    self.slice(store, id, min(1000, 5 * slice), times, worked, (side, 1000))
        for side in self.sides:
            done = worked[side, MANY]
            if done < MANY:
                self.note(f"Shell loop, {side}: over {done:,} of the 100,000 items only.")
        each = {key: took / worked[key] for key, took in times.items()}
        name = "`next` and `done` in a shell loop, an item of 100,000 against one of 1,000"
        self.ratio(name, 1.5, each, MANY, 1000)

    def slice(self, store, id, count, times, worked, key):
        words = ["/bin/sh", "-c", self.LOOP, store.program, store.path, count, id]
        took, code = run([str(word) for word in words])
        if code:
            sys.exit(f"bench-growth: the loop ended with {code}")
        times[key] += took
        worked[key] += count

    # ---- From C -----------------------------------------------------------------------------

    def c(self):
        """Opening from a program, which has no start of a process in it."""
        program = self.scratch / "growth"
        build = self.options.build
        words = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'Include'}"]
        words += [HERE / "growth.c", "-o", program, f"-L{build}", f"-Wl,-rpath,{build}", "-lbgjobs"]
        subprocess.run(words, check=True)
        beside = self.store("now", "c-jobs")
        beside.make_jobs(MANY_JOBS)
        large = self.store("now", "c-items")
        id = large.make_job(MOST, start=False)
        places = {"start": (large.path, id), "open": (beside.path,)}
        anonymous = []

        def measure(place):
            said = subprocess.run([program, *place], stdout=subprocess.PIPE, check=True).stdout
            took, kib = said.split()
            if place[-1] == id:
                anonymous.append(int(kib))
            return float(took)

        for place in places.values():
            measure(place)
        rounds = max(5, self.options.rounds // 3)
        medians = self.rounds(
            {name: lambda turn, p=place: measure(p) for name, place in places.items()}, rounds
        )
        name = "C: open, and start a job of 1,000,000 items"
        self.figure(name, 40, "ms", {"now": (medians["start"], "")})
        self.figure(f"{name}: RssAnon", 64, "MB", {"now": (max(anonymous) / 1024, "")})
        self.figure("C: open beside 10,000 jobs", 5, "ms", {"now": (medians["open"], "")})

    # ---- Publications -----------------------------------------------------------------------

    # Prints how many commands failed. Without a job nothing can be done with it.
    MIX = """
        n=0 failed=0
        while [ $n -lt $2 ]; do
          case $((n % 5)) in
            0) id=$("$0" create script --project "$1") || n=$((n + 4)) && [ "$id" ] ;;
            1) "$0" start "$id" --project "$1" ;;
            2) "$0" done "$id" "item $n" --project "$1" ;;
            3) "$0" pause "$id" --project "$1" ;;
            4) "$0" resume "$id" --project "$1" ;;
          esac >/dev/null 2>&1 || failed=$((failed + 1))
          n=$((n + 1))
        done
        echo $failed
    """

    def publishing(self):
        """How much of the time a state file of 10,000 jobs is being written."""
        found, seen, lost, processes = {}, {}, {}, 20
        for side in self.sides:
            few = self.options.quick or side == "before"
            commands = 20 if few else 500
            store = self.store(side, "publishing")
            cost, how = self.cost(store, store.make_jobs(MANY_JOBS))
            watch = Watch(store.path / STATE)
            words = ["/bin/sh", "-c", self.MIX, store.program, store.path, commands]
            words = [str(word) for word in words]
            begin = time.perf_counter()
            children = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(processes)]
            while any(child.poll() is None for child in children):
                watch.wait(0.05)
            elapsed = time.perf_counter() - begin
            watch.wait(0)
            failed = sum(int(child.communicate()[0]) for child in children)
            share = watch.count * cost / 1000 / elapsed * 100
            self.note(
                f"Publishing, {side}: {processes} processes of {commands} commands took"
                f" {elapsed:.1f} s. Cost of a publication: {how}."
            )
            found[side] = (share, f"{watch.count} of {cost:.1f} ms")
            seen[side] = (watch.seconds / elapsed * 100, f"{watch.seconds:.1f} s")
            lost[side] = (failed / (processes * commands) * 100, f"{failed} commands")
        name = f"{processes} processes with short commands beside 10,000 jobs"
        self.figure(f"{name}: publishing, by its cost", 5, "%", found)
        self.figure(f"{name}: publishing, as seen", 5, "%", seen)
        self.figure(f"{name}: commands that failed", 0, "%", lost)

    def cost(self, store, id):
        """Of a publication, in ms: commands that published against those that did not."""
        took, nothing_new = {True: [], False: []}, []
        for turn in range(100):
            time.sleep(1)
            for name in (f"first {turn}", f"second {turn}"):
                before = os.stat(store.file).st_ino
                milliseconds = store.time("done", id, name)
                took[os.stat(store.file).st_ino != before].append(milliseconds)
            nothing_new.append(store.time("done", id, name))
            if turn >= 9 and len(took[True]) >= 10:
                break
        if not took[True]:
            sys.exit("bench-growth: no `done` published: what that costs cannot be measured")
        published = statistics.median(took[True])
        if len(took[False]) >= 5:
            how = "`done` that published against `done` that did not"
            return published - statistics.median(took[False]), how
        how = "`done`, which published each time, against `done` with nothing new"
        return published - statistics.median(nothing_new), how


class Watch:
    """Counts how often a file gets the name of the state file, with inotify, and the seconds from
    the creation of that file on: `out.new` in the private directory."""

    MOVED_TO, CREATE, OVERFLOW = 0x80, 0x100, 0x4000

    def __init__(self, state):
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for directory, mask in ((state, self.MOVED_TO), (state / PRIVATE, self.CREATE)):
            if libc.inotify_add_watch(self.descriptor, os.fsencode(directory), mask) < 0:
                raise OSError(ctypes.get_errno(), "inotify")
        self.count, self.seconds, self.begun = 0, 0.0, None

    def wait(self, seconds):
        if select.select([self.descriptor], [], [], seconds)[0]:
            self.read(os.read(self.descriptor, 1 << 16), time.perf_counter())

    def read(self, data, now):
        place = 0
        while place < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, place)
            name = data[place + 16 : place + 16 + length].rstrip(b"\0")
            place += 16 + length
            assert not mask & self.OVERFLOW, "inotify has lost events"
            if name == b"out.new":
                self.begun = now
            elif name == b"background-jobs.json":
                self.count += 1
                self.seconds += now - self.begun if self.begun else 0
                self.begun = None


GROUPS = ("items", "jobs", "loop", "c", "publishing")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--before", type=Path, help="an older command, for a second column")
    parser.add_argument("--report", type=Path, help="a Markdown file; its plot stands beside it")
    parser.add_argument("--rounds", type=int, help="of each command; 30, quick: 5")
    parser.add_argument("--loop", type=int, help="items of the shell loop; all, quick: 100")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no report")
    parser.add_argument("--only", action="append", choices=GROUPS, help="no report either")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.before = options.before and options.before.resolve()
    options.rounds = options.rounds or (5 if options.quick else 30)
    options.loop = options.loop or (100 if options.quick else MANY)
    return options


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=os.environ.get("DIRECTORY")) as scratch:
        bench = Bench(options, scratch)
        for group in options.only or GROUPS:
            getattr(bench, group)()
            for side in bench.sides:
                shutil.rmtree(bench.scratch / side)
    if options.report and not (options.quick or options.only):
        growth_report.write(options.report, bench, options)
    failed = [figure for figure in bench.figures if not figure.holds]
    for figure in failed:
        print(f"above its limit: {growth_report.line(figure)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
