"""From readings to the figures of the table."""

import math
from dataclasses import dataclass

import numpy as np

# Below this a prediction or a truth counts as this, so that an error stays a number.
LEAST = 0.5


@dataclass
class Score:
    typical: float
    worst: float  # the 95th percentile
    silent: float  # share of the points after the second item without an answer
    coverage: float
    width: float  # median of the range's width over that of the oracle
    # The same two where nothing unforeseeable is to come.
    settled: float
    settled_width: float


def error(said, truth):
    return abs(math.log(max(said, LEAST) / max(truth, LEAST)))


def score(name, runs, settled=0):
    """runs: the readings of each run."""
    errors, covered, late, widths, late_widths = [], [], [], [], []
    asked = silent = 0
    for readings in runs:
        for reading in readings:
            said = reading.said.get(name)
            if reading.step >= 2:
                asked += 1
                silent += said is None
            if said is None:
                continue
            errors.append(error(said[0], reading.truth))
            if said[1] is None:
                continue
            inside = said[1] <= reading.truth <= said[2]
            covered.append(inside)
            _, low, high = reading.said["oracle"]
            widths.append((said[2] - said[1]) / max(high - low, 1.0))
            if reading.step >= settled:
                late.append(inside)
                late_widths.append(widths[-1])

    def share(values):
        return float(np.mean(values)) if values else math.nan

    def median(values):
        return float(np.median(values)) if values else math.nan

    return Score(
        median(errors),
        float(np.quantile(errors, 0.95)) if errors else math.nan,
        silent / max(asked, 1),
        share(covered),
        median(widths),
        share(late),
        median(late_widths),
    )


def jumpiness(name, other, runs):
    """Median change of the predicted end from point to point, where both answer."""
    changes = []
    for readings in runs:
        both = [r for r in readings if r.said.get(name) and r.said.get(other)]
        ends = [r.active + r.said[name][0] for r in both]
        changes += [abs(b - a) for a, b in zip(ends, ends[1:])]
    return float(np.median(changes)) if changes else math.nan
