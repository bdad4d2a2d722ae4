"""How long a write by a tool that takes no lock can be displaced by a publication of ours.

The window is open from our last look at the state file until the exchange. It is measured with
strace, so that it comes out wider than it is: strace stops us at both ends. The second number is
for how long we hold the other tools' lock.
"""

import json
import re
import tempfile
from pathlib import Path

from ours import Project, can_trace

CALLS = "newfstatat,statx,fstatat64,openat,renameat2,renameat,link,linkat,unlinkat"
LINE = re.compile(r"^(?:\d+ +)?(\d+\.\d+) (\w+)\((.*)\) = (-?\d+).*<(\d+\.\d+)>$")


def windows(trace):
    """(from look to exchange, holding of the lock) in seconds, for each exchange of a trace."""
    found, held = [], []
    look = locked = None
    for line in trace.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        begin, call, words, result, cost = match.groups()
        begin, cost = float(begin), float(cost)
        if "background-jobs.lock" in words:
            if call.startswith("unlink") and locked is not None:
                held.append(begin + cost - locked)
                locked = None
            elif int(result) >= 0 and (call.startswith("link") or "O_CREAT" in words):
                locked = begin
        elif '"background-jobs.json"' in words:
            if call == "renameat2" and "RENAME_EXCHANGE" in words:
                if look is not None and int(result) == 0:
                    found.append(begin + cost - look)
                look = None
            elif call in ("newfstatat", "statx", "fstatat64", "openat"):
                look = begin
    return found, held


def measure(publications=40):
    """Windows and lock times of single commands, each of which publishes."""
    if not can_trace():
        return None
    found, held = [], []
    with tempfile.TemporaryDirectory(prefix="bgjobs-neighbours.") as name:
        project = Project(name)
        trace = Path(name) / "trace"
        before = ["strace", "-f", "-qq", "-ttt", "-T", "--seccomp-bpf", "-o", trace]
        before += ["-e", f"trace={CALLS}"]
        project.bgjobs("create", "x")
        # The lock is taken where another tool has ever written.
        document = project.load()
        document["theirs"] = 1
        project.file.write_text(json.dumps(document))
        for _ in range(publications):
            project.bgjobs("create", "x", before=before)
            windows_here, held_here = windows(trace.read_text())
            found += windows_here
            held += held_here
    return found, held


def line(name, seconds):
    if not seconds:
        return f"{name}: none seen"
    micros = sorted(second * 1e6 for second in seconds)
    median, p99 = micros[len(micros) // 2], micros[len(micros) * 99 // 100]
    return (
        f"{name}: median {median:.0f} us, p99 {p99:.0f} us, max {micros[-1]:.0f} us,"
        f" of {len(micros)}"
    )


def describe(measured):
    if measured is None:
        return "no strace here: not measured"
    found, held = measured
    return (
        line("from the last look at the state file to the exchange", found)
        + "\n"
        + line("the others' lock held", held)
    )
