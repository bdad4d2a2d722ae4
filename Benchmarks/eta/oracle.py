"""Who knows how a workload's times are drawn, and what will change when, but not the draws."""

import numpy as np


class Oracle:
    """Draws futures from the workload itself, and answers with their median and middle 80 %."""

    runs = 400

    def __init__(self, workload, seed):
        self.dt = workload.draw(np.random.default_rng(seed), self.runs)
        # after[:, i]: what remains once step i has ended.
        total = self.dt.sum(axis=1, keepdims=True)
        self.after = total - self.dt.cumsum(axis=1)

    def remaining(self, step, elapsed):
        """Step `step` is under way since `elapsed` seconds: low, median and high of what remains.

        What has happened says nothing about the later steps, so their sums are drawn apart from
        the rest of this one.
        """
        rest = self.dt[:, step] - elapsed
        rest = rest[rest > 0]
        if len(rest) < 20:
            # Longer than nearly all draws: it ends soon, as seen from here.
            rest = np.sort(self.dt[:, step])[-20:] * 0.1
        later = np.resize(rest, self.runs) + self.after[:, step]
        return np.quantile(later, (0.1, 0.5, 0.9))
