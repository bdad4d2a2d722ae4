"""Records what workers of ours write to a disk, and replays it up to cuts at any write.

replays.py KIND [--replays N] [--seed N] [--go-on] [--build DIRECTORY]

KIND is ext4 or xfs. Ends with 77 if this machine cannot do it, after a word about what is missing.
A replay is the image that a cut between two writes may leave: all that was flushed before it, and
of the writes since the last flush some, and some torn. What was acknowledged before the cut must be
in it. Faults leave the same as those of cuts.py, with the image as it was before its first mount.
"""

import copy
import random
import sys
import time
from collections import Counter

import after_cut
import disk
import harness
import processes
from recorder import WHOLE, Recorder, cut_image
from verdict import Verdict

REPLAYS_OF_A_SESSION = 5
SESSIONS_OF_A_STORE = 3
# Microseconds that a flush takes: of a disk that lies in memory, of a fast one and of a slow one.
FLUSHES = (0, 2000, 20000)


class Session:
    """Workers at work for some seconds, and the log of it."""

    def __init__(self, options, chance, recorder, base, verdict):
        self.base, self.verdict = base, verdict
        recorder.start(base, chance.choice(FLUSHES))
        began = time.monotonic_ns()
        workers = processes.start(options.worker, chance, recorder.path, verdict)
        try:
            time.sleep(chance.uniform(0.1, 1) if chance.random() < 0.6 else chance.uniform(1, 4))
        finally:
            heard = {worker.role: worker.end(0) for worker in workers}
        self.log = recorder.stop()
        self.told, self.problems = {}, []
        for role, (lines, status, errors) in heard.items():
            self.problems += processes.faults_of_end(role, lines, status, errors, sys.maxsize)
            self.told[role] = lines
        self.cuts = dict(self.writes(began))

    def writes(self, began):
        """(entries, writes since the last flush) at each cut that follows a write."""
        pending = 0
        for number, entry in enumerate(self.log, 1):
            pending = 0 if entry.is_flush else pending + 1
            if pending and entry.time >= began:
                yield number, pending

    def choose(self, chance):
        """Any write, or one with much before it that may be lost."""
        weights = self.cuts.values() if chance.random() < 0.5 else None
        return chance.choices(list(self.cuts), weights and list(weights))[0]

    def time(self, number):
        """A cut after so many entries is just before the next one.

        The flush that makes a call durable is logged before the call returns: what was acknowledged
        before this time is durable. No call that began later is in the entries.
        """
        return self.log[number].time if number < len(self.log) else time.monotonic_ns()

    def heard(self, cut):
        """What was told of calls that had begun."""
        return {role: list(begun(lines, cut)) for role, lines in self.told.items()}


def begun(lines, cut):
    for line in lines:
        # That these were removed is known from the call that "cleaned" tells of.
        if line.begin >= cut and line.word != "removed":
            return
        yield line


class Run:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.chance = random.Random(options.seed)
        self.disk, self.recorder = disk.Disk(options.kind, scratch), Recorder(options.kind, scratch)
        self.base = scratch / "base.img"
        self.fates, self.faults = Counter(), []
        self.replays = self.sessions = self.entries = self.calls = 0

    def fresh(self):
        self.disk.make()
        self.disk.unmount()
        disk.copy(self.disk.image, self.base)
        return Verdict()

    def all(self):
        began = time.monotonic()
        with self.disk, self.recorder:
            verdict = None
            while self.replays < self.options.count:
                if verdict is None or self.sessions % SESSIONS_OF_A_STORE == 0:
                    verdict = self.fresh()
                session = Session(self.options, self.chance, self.recorder, self.base, verdict)
                self.sessions += 1
                self.entries += len(session.log)
                self.calls += sum(map(len, session.told.values()))
                verdict = self.replay_some(session)
                if verdict is None and not self.options.go_on:
                    break
        print(
            f"replays, {self.options.kind}: {self.replays}, of {self.entries} writes and flushes "
            f"and {self.calls} acknowledged calls in {self.sessions} sessions; "
            f"{self.fates['flushed']} writes flushed before the cut, {self.fates['kept']} others "
            f"kept, {self.fates['torn']} torn, {self.fates['dropped']} dropped, "
            f"{self.fates['mended']} file systems mended by fsck; "
            f"{len(self.faults)} with faults; {time.monotonic() - began:.0f} s, "
            f"seed {self.options.seed}"
        )
        return self.faults

    def replay_some(self, session):
        """The verdict on the last one, whose image is where the next session begins."""
        verdict = None
        number = min(REPLAYS_OF_A_SESSION, self.options.count - self.replays)
        for _ in range(number):
            verdict = self.replay(session, session.choose(self.chance))
            if verdict is None and not self.options.go_on:
                return None
        if verdict:
            disk.copy(self.disk.image, self.base)
        return verdict

    def replay(self, session, number):
        """The verdict, or None if there are faults."""
        self.replays += 1
        verdict = copy.deepcopy(session.verdict)
        verdict.faults += session.problems
        cut = session.time(number)
        told = session.heard(cut)
        state = self.chance.getstate()
        self.fates += self.cut_image(session, number)
        try:
            self.fates["mended"] += self.disk.boot()
            after_cut.judge(verdict, told, cut, self.disk, self.scratch, self.options.build)
        except OSError as problem:
            verdict.fault(f"the disk: {problem}")
        self.disk.unmount()
        verdict.told = {}
        if not verdict.faults:
            return verdict
        self.faults.append((self.replays, verdict.faults))
        self.chance.setstate(state)
        self.cut_image(session, number)
        directory = self.scratch / f"cut-{self.replays}"
        when = f"{cut}, after {number} of {len(session.log)} entries"
        after_cut.keep(verdict, told, when, self.scratch, directory, [self.disk.image])
        return None

    def cut_image(self, session, number):
        whole = WHOLE[self.options.kind]
        return cut_image(session.base, session.log, number, self.chance, self.disk.image, whole)


def probe(kind, scratch):
    """Raises Missing unless a logged disk can be made here."""
    disk.probe(kind, scratch)
    base = scratch / "base.img"
    try:
        with disk.Disk(kind, scratch) as plain:
            plain.make()
            plain.unmount()
            disk.copy(plain.image, base)
        with Recorder(kind, scratch) as recorder:
            recorder.start(base, 0)
            log = recorder.stop()
    except OSError as problem:
        raise disk.Missing(f"no loop device on a file that FUSE serves: {problem}") from None
    if not any(entry.is_flush for entry in log):
        raise disk.Missing("flushes of a loop device do not reach the file under it")


if __name__ == "__main__":
    sys.exit(
        harness.main(
            "replays",
            __doc__.splitlines()[0],
            "replays",
            probe,
            lambda options, scratch: Run(options, scratch).all(),
        )
    )
