"""One run: every estimator sees the same reports and is asked at the same moments."""

from dataclasses import dataclass

import numpy as np

POINTS = 50


@dataclass
class Times:
    """Seconds since the run began, on four clocks."""

    active: float = 0.0
    realtime: float = 0.0
    monotonic: float = 0.0

    def work(self, seconds):
        self.active += seconds
        self.realtime += seconds
        self.monotonic += seconds


@dataclass
class Reading:
    """What was true, and what was said, at one moment."""

    step: int
    elapsed: float
    active: float
    truth: float
    said: dict


def run(workload, dt, makers):
    """makers: functions (workload) -> estimator with report, happen and read."""
    times = Times()
    estimators = [make(workload) for make in makers]
    end = float(dt.sum())
    asked = (np.arange(POINTS) + 0.5) / POINTS * end
    readings, point = [], 0
    done = workload.initial
    for step, seconds in enumerate(dt):
        for event, value in workload.before.get(step, ()):
            if event == "pause" or event == "restart":
                times.realtime += value
                times.monotonic += value
            elif event == "sleep":
                times.realtime += value
            for estimator in estimators:
                estimator.happen(event, value, done, times)
        began = times.active
        while point < POINTS and asked[point] < began + seconds:
            times.work(asked[point] - times.active)
            said = {estimator.name: estimator.read(times) for estimator in estimators}
            readings.append(
                Reading(step, times.active - began, times.active, end - times.active, said)
            )
            point += 1
        times.work(began + float(seconds) - times.active)
        done += int(workload.items[step])
        for estimator in estimators:
            estimator.report(int(workload.items[step]), done, times, step < workload.skipped)
    for estimator in estimators:
        estimator.close()
    return readings


class Bar:
    """A rival, as a host would use it."""

    def __init__(self, rival, workload):
        self.name, self.clock = rival.name, rival.clock
        self.bar = rival(workload.total, workload.initial, 0.0)

    def now(self, times):
        return getattr(times, self.clock)

    def happen(self, event, value, done, times):
        if event == "restart":
            self.bar.reset(done, self.now(times))
        elif event == "total":
            self.bar.total = value

    def report(self, count, done, times, _skipped):
        self.bar.update(count, self.now(times))

    def read(self, times):
        eta = self.bar.eta(self.now(times))
        return None if eta is None or eta <= 0 else (eta, None, None)

    def close(self):
        pass
