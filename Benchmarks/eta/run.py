"""Runs the benchmark of the estimates and writes its report.

    python3 run.py LIBBGJOBS REPORT [RUNS]

REPORT is a Markdown file; its plot stands beside it as eta.svg.
"""

import os
import sys

import numpy as np

import ours
import plot
import report
import rivals
import simulate
import workloads
from oracle import Oracle, SortedOracle

SEED = int(os.environ.get("SEED", "2024"))


class Prophet:
    """The oracle, as one of the estimators."""

    name = "oracle"

    def __init__(self, oracle):
        self.oracle, self.step, self.last = oracle.watch(), 0, 0.0

    def happen(self, event, value, done, times):
        pass

    def report(self, count, done, times, _skipped):
        self.step += 1
        self.oracle.saw(times.active - self.last)
        self.last = times.active

    def read(self, times):
        low, median, high = self.oracle.remaining(self.step, times.active - self.last)
        return median, low, high

    def close(self):
        pass


def prophet(workload, seed):
    return (SortedOracle if workload.sizes else Oracle)(workload, seed)


def play(library, number, workload, runs):
    oracle = prophet(workload, SEED + 1000 + number)
    makers = [lambda w: ours.Ours(library, w), lambda w: Prophet(oracle)]
    makers += [lambda w, rival=rival: simulate.Bar(rival, w) for rival in rivals.ALL]
    draws = workload.draw(np.random.default_rng(SEED + number), runs)
    return [simulate.run(workload, dt, makers) for dt in draws]


def restarted(library, workload, runs):
    """How far ten restarts move the prediction: the same draws with and without them."""
    calm = workloads.simple("", "", len(workload.items), 1.0, 0.4)
    draws = workload.draw(np.random.default_rng(SEED), runs)
    make = [lambda w: ours.Ours(library, w)]
    moved = []
    for dt in draws:
        with_them, without = simulate.run(workload, dt, make), simulate.run(calm, dt, make)
        for one, other in zip(with_them, without):
            if one.said["bgjobs"] and other.said["bgjobs"]:
                moved.append(abs(one.said["bgjobs"][0] / max(other.said["bgjobs"][0], 1) - 1))
    return float(np.median(moved)), float(np.quantile(moved, 0.95))


def main():
    library, path = ours.load(sys.argv[1]), sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    results = []
    for group in (workloads.issue(), workloads.unseen(), workloads.held_out()):
        played = {}
        for number, workload in enumerate(group):
            few = max(2, runs // 5) if len(workload.items) > 10000 else runs
            played[workload.name] = play(library, number, workload, few)
            print(workload.name, file=sys.stderr)
        results.append((group, played))
    (promised, played), (new, fresh), (held, seen) = results
    moved = restarted(library, promised[-1], min(runs, 20))
    with open(path, "w") as file:
        file.write(report.text(promised, played, new, fresh, held, seen, moved, runs))
    plot.write(os.path.join(os.path.dirname(path), "eta.svg"), promised, played)


if __name__ == "__main__":
    main()
