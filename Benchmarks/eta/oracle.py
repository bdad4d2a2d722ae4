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

    def watch(self):
        """For one run. Here what has happened says nothing about what comes: one for all."""
        return self

    def saw(self, seconds):
        pass

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


class SortedOracle:
    """The same for sizes that were drawn and then sorted: those seen bound those to come.

    The order statistics of uniform draws are a Markov chain (Renyi, 1953), and times that vary
    tell of it: a particle filter (Gordon, Salmond and Smith, 1993) follows how far in the
    distribution the work has come.
    """

    particles = 400

    def __init__(self, workload, seed):
        self.sizes, self.seed = workload.sizes, seed

    def watch(self):
        return SortedWatch(self.sizes, np.random.default_rng(self.seed), self.particles)


class SortedWatch:
    def __init__(self, sizes, rng, count):
        self.sizes, self.rng = sizes, rng
        self.place = np.zeros(count)
        self.weight = np.full(count, 1 / count)
        self.step = 0

    def _next(self, place):
        """The smallest of those that are left: each lies anywhere beyond `place`."""
        left = self.sizes.count - self.step
        return place + (1 - place) * self.rng.beta(1, left, len(place))

    def saw(self, seconds):
        self.place = self._next(self.place)
        self.step += 1
        off = np.log(seconds / self.sizes.at(self.place)) / self.sizes.sigma + self.sizes.sigma / 2
        self.weight = self.weight * np.exp(-off * off / 2)
        self.weight /= self.weight.sum()
        if 1 / np.square(self.weight).sum() < len(self.weight) / 2:
            self.place = self._drawn()
            self.weight = np.full(len(self.place), 1 / len(self.place))

    def _drawn(self):
        return self.rng.choice(self.place, len(self.place), p=self.weight)

    def remaining(self, step, elapsed):
        place = self._next(self._drawn())
        count = self.sizes.count - step - 1
        rest = self.sizes.times(self.rng, place) - elapsed
        if (rest > 0).sum() < 20:
            rest = np.abs(rest) * 0.1
        place, rest = np.resize(place[rest > 0], len(place)), np.resize(rest[rest > 0], len(place))
        beyond = place[:, None] + (1 - place[:, None]) * self.rng.random((len(place), count))
        later = self.sizes.times(self.rng, beyond).sum(axis=1)
        return np.quantile(rest + later, (0.1, 0.5, 0.9))
