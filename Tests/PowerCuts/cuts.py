"""Cuts the power under workers of ours, and looks at what is left.

cuts.py KIND [--cuts N] [--seed N] [--go-on] [--build DIRECTORY]

KIND is ext4 or xfs. Ends with 77 if this machine cannot do it, after a word about what is missing.
If anything is lost that was promised, these stay, in a directory for each such cut: the image, the
files as they were found after the cut (found), what each worker said (ROLE.told), and the faults.
"""

import random
import sys
import time

import after_cut
import disk
import harness
import processes
from verdict import Verdict

CUTS_OF_A_STORE = 10


class Run:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.chance = random.Random(options.seed)
        self.disk = disk.Disk(options.kind, scratch)
        self.verdict, self.faults = None, []
        self.cuts = self.kept = self.lost = self.calls = 0

    def fresh(self):
        self.disk.make()
        self.verdict = Verdict()

    def cut(self):
        """One life of the machine. True if all is there."""
        chance, verdict = self.chance, self.verdict
        delay = chance.uniform(0, 0.6) if chance.random() < 0.6 else chance.uniform(0.6, 3)
        workers = processes.start(self.options.worker, chance, self.disk.path, verdict)
        try:
            time.sleep(delay)
            before = time.monotonic_ns()
            self.disk.cut()
        finally:
            deadline = time.monotonic() + 0.5
            heard = {worker.role: worker.end(deadline) for worker in workers}
        self.disk.unmount()
        self.disk.mount()
        verdict.phase = "at work"
        for role, (lines, status, errors) in heard.items():
            for text in processes.faults_of_end(role, lines, status, errors, before):
                verdict.fault(text)
        told = {role: lines for role, (lines, _, _) in heard.items()}
        self.calls += sum(len(lines) for lines in told.values())
        after_cut.judge(verdict, told, before, self.disk, self.scratch, self.options.build)
        self.cuts += 1
        if verdict.faults:
            self.disk.unmount()
            directory, when = self.scratch / f"cut-{self.cuts}", f"{before}, after {delay:.3f} s"
            after_cut.keep(verdict, told, when, self.scratch, directory, [self.disk.image])
        return not verdict.faults

    def all(self):
        began = time.monotonic()
        with self.disk:
            while self.cuts < self.options.count:
                if self.cuts % CUTS_OF_A_STORE == 0:
                    self.count()
                    self.fresh()
                if self.cut():
                    continue
                self.count()
                self.faults.append((self.cuts, self.verdict.faults))
                if not self.options.go_on:
                    break
                self.fresh()
            self.count()
        print(
            f"power cuts, {self.options.kind}: {self.cuts}, of {self.calls} acknowledged calls "
            f"{self.lost} reports of the last second lost, {self.kept} kept; "
            f"{len(self.faults)} of the cuts with faults; {time.monotonic() - began:.0f} s, "
            f"seed {self.options.seed}"
        )
        return self.faults

    def count(self):
        if self.verdict:
            self.lost += self.verdict.lost
            self.kept += self.verdict.kept
            self.verdict.lost = self.verdict.kept = 0


if __name__ == "__main__":
    sys.exit(
        harness.main(
            "power cuts",
            __doc__.splitlines()[0],
            "cuts",
            disk.probe,
            lambda options, scratch: Run(options, scratch).all(),
        )
    )
