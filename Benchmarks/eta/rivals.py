"""How others compute the time that remains: their arithmetic, driven with a clock of ours.

Each sees what it would see on a real machine: tqdm and GNU parallel look at the time of day, the
others at a monotonic clock. `reset` is a new process: the host tells it where it stands.
"""

import math
from collections import deque


class Rival:
    clock = "monotonic"

    def __init__(self, total, initial, now):
        self.total = total
        self.start(initial, now)

    def reset(self, initial, now):
        self.start(initial, now)


class Average(Rival):
    """All time over all items."""

    name = "average"

    def start(self, initial, now):
        self.began, self.n = now, 0
        self.position = initial

    def update(self, count, now):
        self.n += count
        self.position += count

    def eta(self, now):
        if not self.n:
            return None
        return (self.total - self.position) * (now - self.began) / self.n


class Tqdm(Rival):
    """tqdm 4: EMA (0.3) of the steps and of the time between displays."""

    name = "tqdm"
    clock = "realtime"
    mininterval, maxinterval = 0.1, 10.0

    def start(self, initial, now):
        self.n = self.last_n = initial
        self.last_t = now
        self.miniters = 0.0
        self.dn, self.dt, self.iters = Ema(), Ema(), Ema()
        self.shown = None

    def update(self, count, now):
        self.n += count
        if self.n - self.last_n < self.miniters:
            return
        dt, dn = now - self.last_t, self.n - self.last_n
        if dt < self.mininterval:
            return
        self.dn.add(dn)
        self.dt.add(dt)
        if dt >= self.maxinterval:
            self.miniters = dn * self.mininterval / dt
        else:
            self.miniters = self.iters.add(dn * self.mininterval / dt)
        self.last_n, self.last_t = self.n, now

    def eta(self, now):
        if not self.dt.calls:
            return None
        return (self.total - self.n) * self.dt.value() / self.dn.value()


class Ema:
    def __init__(self, alpha=0.3):
        self.alpha, self.last, self.calls = alpha, 0.0, 0

    def add(self, value):
        self.last = self.alpha * value + (1 - self.alpha) * self.last
        self.calls += 1
        return self.value()

    def value(self):
        return self.last / (1 - (1 - self.alpha) ** self.calls) if self.calls else self.last


class Indicatif(Rival):
    """indicatif 0.17: double exponential smoothing, a tenth after 15 s."""

    name = "indicatif"

    def start(self, initial, now):
        self.n = self.prev = initial
        self.prev_t = self.began = now
        self.once = self.twice = 0.0

    @staticmethod
    def weight(age):
        return 0.1 ** (age / 15.0)

    def update(self, count, now):
        self.n += count
        if self.n <= self.prev or now <= self.prev_t:
            return
        dt = now - self.prev_t
        rate = (self.n - self.prev) / dt
        weight = self.weight(dt)
        self.once = self.once * weight + rate * (1 - weight)
        norm = 1 - self.weight(now - self.began)
        self.twice = self.twice * weight + self.once / norm * (1 - weight)
        self.prev, self.prev_t = self.n, now

    def eta(self, now):
        if now <= self.began:
            return None
        weight = self.weight(now - self.prev_t)
        norm = 1 - self.weight(now - self.began)
        once = self.once * weight / norm
        rate = (self.twice * weight + once * (1 - weight)) / norm
        return (self.total - self.n) / rate if rate > 0 else None


class Rich(Rival):
    """rich 13: the samples of the last 30 s, at most 1,000."""

    name = "rich"

    def start(self, initial, now):
        self.n = initial
        self.samples = deque()

    def update(self, count, now):
        self.n += count
        while self.samples and self.samples[0][0] < now - 30.0:
            self.samples.popleft()
        while len(self.samples) > 1000:
            self.samples.popleft()
        self.samples.append((now, count))

    def eta(self, now):
        if not self.samples:
            return None
        took = self.samples[-1][0] - self.samples[0][0]
        done = sum(count for _, count in self.samples) - self.samples[0][1]
        if took == 0 or done == 0:
            return None
        return float(math.ceil((self.total - self.n) * took / done))


class Pv(Rival):
    """pv 1.8: the rate over the last 30 s, of which it notes one point every 5 s."""

    name = "pv"
    interval, length = 5.0, 7

    def start(self, initial, now):
        self.n, self.began = initial, now
        self.noted = deque(maxlen=self.length)
        self.rate = None
        self.due = 1.0
        self.first = initial

    def catch_up(self, now):
        """The display looks once a second, whether something was transferred or not."""
        elapsed = now - self.began
        if elapsed - self.due > 60 * self.interval:
            # Nothing happened for long: all that is noted is the same number.
            self.due += ((elapsed - self.due) // self.interval - 20) * self.interval
        while self.due <= elapsed:
            self.noted.append((self.due, self.n))
            oldest, newest = self.noted[0], self.noted[-1]
            if oldest is newest:
                self.rate = (self.n - self.first) / self.due
            else:
                self.rate = (newest[1] - oldest[1]) / (newest[0] - oldest[0])
            self.due += self.interval

    def update(self, count, now):
        self.catch_up(now)
        self.n += count

    def eta(self, now):
        self.catch_up(now)
        return (self.total - self.n) / self.rate if self.rate else None


class Parallel(Rival):
    """GNU parallel 20221122: compute_eta, whole seconds, smoothed by the share that is done."""

    name = "parallel"
    clock = "realtime"

    def start(self, initial, now):
        self.offset, self.done = initial, 0
        self.first = None
        self.smoothed = 0.0
        self.last = 0

    def update(self, count, now):
        self.done += count
        self.compute(now)

    def compute(self, now):
        now = math.floor(now)
        total = max(self.total - self.offset, self.done)
        if self.first is None:
            self.first = now
        average = (now - self.first) / self.done
        self.smoothed = self.smoothed or average
        share = min(self.done / total, 100)
        self.smoothed = (1 - share) * self.smoothed + share * average
        eta = int((total - self.done) * self.smoothed)
        if eta * 0.9 < self.last < eta:
            eta = self.last
        else:
            self.last = eta
        return eta

    def eta(self, now):
        if not self.done:
            return None
        return float(self.compute(now)) or None


ALL = [Tqdm, Indicatif, Rich, Pv, Parallel, Average]
