"""The work that is simulated: what happens when, in active and in other time.

A workload is a fixed list of steps and a way to draw how long each takes, so that the oracle can
draw futures of its own from the same distribution.
"""

from dataclasses import dataclass, field

import numpy as np

WORK, SKIP, BUNCH = "work", "skip", "bunch"


@dataclass
class Workload:
    """Step i takes dt[i] seconds of active time and ends with items[i] more items.

    Before a step something else may happen: `before[i]` is a list of ("pause", s), ("sleep", s),
    ("restart", s) or ("total", n).
    """

    name: str
    about: str
    items: np.ndarray
    draw: object
    total: int = 0
    initial: int = 0
    kind: str = WORK
    skipped: int = 0
    before: dict = field(default_factory=dict)
    # Whether something happens that nobody can know before: no promise against the oracle.
    changes: bool = False
    # From when on, in steps, nothing unforeseeable happens any more.
    settled: int = 0
    # Sizes that were sorted, of which what was seen says what can come.
    sizes: object = None

    def __post_init__(self):
        self.total = self.total or int(self.items.sum()) + self.initial


def one(count):
    return np.ones(count, int)


def lognormal(rng, mean, cv, shape):
    """Positive draws with this mean and this standard deviation / mean."""
    sigma2 = np.log1p(np.square(cv))
    return rng.lognormal(np.log(mean) - sigma2 / 2, np.sqrt(sigma2), shape)


def simple(name, about, count, mean, cv, per_step=1, **more):
    """count steps with one mean, or one mean for each."""
    means = np.broadcast_to(np.asarray(mean, float), (count,))
    items = np.full(count, per_step)
    return Workload(
        name, about, items, lambda rng, runs: lognormal(rng, means, cv, (runs, count)), **more
    )


def workers(name, about, count, crew, mean, cv, start_together=True, **more):
    """crew workers take the next item when they are free."""

    def draw(rng, runs):
        dt = np.empty((runs, count))
        for run in range(runs):
            took = lognormal(rng, mean, cv, count)
            free = np.zeros(crew) if start_together else rng.uniform(0, mean, crew)
            ends = np.empty(count)
            for item in range(count):
                worker = int(np.argmin(free))
                free[worker] += took[item]
                ends[item] = free[worker]
            dt[run] = np.diff(np.sort(ends), prepend=0.0)
        return np.maximum(dt, 1e-4)

    return Workload(name, about, one(count), draw, **more)


def bunches():
    """Four workers take four items, and the next four when all are through."""
    rounds = 100

    def draw(rng, runs):
        took = np.sort(lognormal(rng, 20.0, 0.2, (runs, rounds, 4)), axis=2)
        return np.diff(took, axis=2, prepend=0.0).reshape(runs, rounds * 4)

    return Workload("bunches", "400 items of 20 s, by fours", one(rounds * 4), draw)


def restarts(count, times, pause):
    gap = count // (times + 1)
    return {gap * (turn + 1): [("restart", pause)] for turn in range(times)}


def skips():
    count = 5000

    def draw(rng, runs):
        dt = lognormal(rng, 1.0, 0.4, (runs, count))
        dt[:, :4000] = lognormal(rng, 0.001, 0.3, (runs, 4000))
        return dt

    return Workload(
        "fast skips",
        "4,000 items skipped in 4 s, then 1,000 of 1 s",
        one(count),
        draw,
        skipped=4000,
    )


def stall(at, seconds, count, name, about):
    def draw(rng, runs):
        dt = lognormal(rng, 1.0, 0.3, (runs, count))
        for step in at:
            dt[:, step] += seconds
        return dt

    return Workload(name, about, one(count), draw, changes=True, settled=max(at) + 1)


@dataclass
class Sizes:
    """Log-normal sizes, drawn for each run and then sorted; the speed varies."""

    order: int  # 1: smallest first, -1: largest first
    count: int = 600
    median: float = 2.0
    spread: float = 0.8
    cv: float = 0.2

    @property
    def sigma(self):
        return np.sqrt(np.log1p(self.cv * self.cv))

    def at(self, place):
        """The size below which this share of all sizes lies; above, where the largest are first."""
        normal = np.sqrt(2) * _erfinv(np.clip(2 * place - 1, -1 + 1e-15, 1 - 1e-15))
        return self.median * np.exp(self.order * self.spread * normal)

    def times(self, rng, place):
        return lognormal(rng, self.at(place), self.cv, place.shape)

    def draw(self, rng, runs):
        return self.times(rng, np.sort(rng.random((runs, self.count)), axis=1))


def sorted_sizes(name, about, order):
    sizes = Sizes(order)
    return Workload(name, about, one(sizes.count), sizes.draw, changes=True, sizes=sizes)


def _erfinv(x):
    """Winitzki's approximation: the sizes need no more."""
    a = 0.147
    log = np.log1p(-x * x)
    first = 2 / (np.pi * a) + log / 2
    return np.sign(x) * np.sqrt(np.sqrt(first * first - log / a) - first)


def issue():
    """The workloads that the benchmark promises."""
    half = np.r_[np.ones(500), np.full(500, 4.0)]
    quick = np.r_[np.full(500, 1.5), np.full(500, 0.5)]
    warm = 1 + 4 * np.exp(-np.arange(1000) / 25)
    return [
        simple("steady", "1,000 items of 1 s", 1000, 1.0, 0.3),
        simple("heavy tail", "300 clones, log-normal, sigma 1.3", 300, 6.0, 2.1),
        simple("20 long items", "20 items of 10 minutes", 20, 600.0, 0.3),
        simple("item per 30 s", "200 items of 30 s", 200, 30.0, 0.2),
        simple("pages of 100", "100 pages of 100 items, 20 s each", 100, 20.0, 0.4, 100),
        simple(
            "rate limits",
            "600 items of 2 s, two pauses of 15 minutes",
            600,
            2.0,
            0.4,
            before={200: [("pause", 900.0)], 400: [("pause", 900.0)]},
        ),
        skips(),
        simple("position 4,000", "goes on at item 4,000 of 5,000", 1000, 1.0, 0.4, initial=4000),
        simple(
            "slow-down", "at half four times slower", 1000, half, 0.3, changes=True, settled=500
        ),
        simple(
            "speed-up", "at half three times faster", 1000, quick, 0.3, changes=True, settled=500
        ),
        simple(
            "asleep",
            "800 items of 1.5 s, asleep for an hour at half",
            800,
            1.5,
            0.4,
            before={400: [("sleep", 3600.0)]},
        ),
        sorted_sizes("ascending", "600 log-normal sizes, smallest first", 1),
        simple(
            "warm-up",
            "from 5 s to 1 s over the first items",
            1000,
            warm,
            0.3,
            changes=True,
            settled=75,
        ),
        bunches(),
        simple(
            "total doubles",
            "500 items become 1,000 at the 300th",
            1000,
            1.0,
            0.4,
            total=500,
            before={300: [("total", 1000)]},
            changes=True,
            settled=300,
        ),
        stall([300], 300.0, 600, "stall", "600 items of 1 s, 5 minutes of nothing at half"),
        simple(
            "ten restarts",
            "1,000 items of 1 s, ten processes",
            1000,
            1.0,
            0.4,
            before=restarts(1000, 10, 60.0),
        ),
    ]


def unseen():
    """Written after the estimator was finished, and nothing was changed for these."""

    def gamma(rng, runs):
        return rng.gamma(0.5, 4.0, (runs, 500))

    def thirds(rng, runs):
        """Three kinds of work, in the order of the draw: 1, 3 or 9 s."""
        return lognormal(rng, 3.0 ** rng.integers(0, 3, (runs, 400)), 0.3, (runs, 400))

    def folders(rng, runs):
        """Items come in folders of 5 to 40, each with a size of its own."""
        dt = np.empty((runs, 800))
        for run in range(runs):
            sizes = rng.integers(5, 40, 200)
            pace = np.repeat(lognormal(rng, 2.0, 0.8, 200), sizes)[:800]
            dt[run] = lognormal(rng, pace, 0.2, 800)
        return dt

    def outage(rng, runs):
        """Ten minutes of nothing at a random place."""
        dt = lognormal(rng, 2.0, 0.4, (runs, 500))
        dt[np.arange(runs), rng.integers(50, 450, runs)] += 600
        return dt

    def polls(rng, runs):
        """Whatever is ready is seen every ten seconds."""
        return lognormal(rng, 10.0, 0.02, (runs, len(polled)))

    def pools(rng, runs):
        """Six workers, whose items are short, but one in twenty is ten times as long."""
        dt = np.empty((runs, 500))
        for run in range(runs):
            took = lognormal(rng, 12.0, 0.4, 500) * np.where(rng.random(500) < 0.05, 10, 1)
            free, ends = np.zeros(6), np.empty(500)
            for item in range(500):
                worker = int(np.argmin(free))
                free[worker] += took[item]
                ends[item] = free[worker]
            dt[run] = np.diff(np.sort(ends), prepend=0.0)
        return np.maximum(dt, 1e-4)

    polled = np.random.default_rng(11).poisson(6, 120) + 1
    place = np.arange(900)
    return [
        Workload("gamma", "500 items of 2 s, shape one half", one(500), gamma),
        Workload("three kinds", "400 items of 1, 3 or 9 s, mixed", one(400), thirds),
        Workload("folders", "800 items in folders, each with its own pace", one(800), folders),
        Workload(
            "outage",
            "500 items of 2 s, once ten minutes of nothing",
            one(500),
            outage,
            changes=True,
            settled=450,
        ),
        Workload("polled", "what is ready is reported every 10 s", polled, polls),
        Workload("pool", "500 items, 6 workers, one in twenty is long", one(500), pools),
        simple(
            "faster early",
            "at 15 % three times as fast",
            1000,
            np.r_[np.full(150, 3.0), np.ones(850)],
            0.4,
            changes=True,
            settled=150,
        ),
        simple(
            "slower at 40 %",
            "1 s, then 1.8 s",
            800,
            np.r_[np.ones(320), np.full(480, 1.8)],
            0.5,
            changes=True,
            settled=320,
        ),
        simple(
            "tired",
            "ever slower, from 1 s by a half",
            900,
            1 + 0.5 * place / 900,
            0.5,
            changes=True,
        ),
        simple(
            "more work",
            "800 items become 1,000 at the 400th",
            1000,
            1.0,
            0.3,
            total=800,
            before={400: [("total", 1000)]},
            changes=True,
            settled=400,
        ),
        simple(
            "lunch",
            "fast, slow for a third, fast again",
            900,
            np.where((place > 300) & (place < 600), 2.0, 1.0),
            0.3,
            changes=True,
            settled=600,
        ),
        simple("forty", "40 items of a minute", 40, 60.0, 0.6),
    ]


def held_out():
    """Other shapes. Their figures were looked at while the estimator was made."""
    sizes = np.random.default_rng(7).integers(20, 200, 150)

    def uniform(rng, runs):
        return rng.uniform(0.2, 3.0, (runs, 700))

    def retries(rng, runs):
        dt = lognormal(rng, 1.0, 0.3, (runs, 600))
        return dt + 30 * (rng.random((runs, 600)) < 0.03)

    def pages(rng, runs):
        return lognormal(rng, 0.1 * sizes, 0.3, (runs, 150))

    def mixture(rng, runs):
        dt = lognormal(rng, 0.5, 0.3, (runs, 500))
        slow = rng.random((runs, 500)) < 0.1
        return np.where(slow, lognormal(rng, 20.0, 0.3, (runs, 500)), dt)

    def wander(rng, runs):
        steps = rng.normal(0, 0.03, (runs, 1000)).cumsum(axis=1)
        return np.exp(steps) * lognormal(rng, 1.0, 0.3, (runs, 1000))

    def bursts(rng, runs):
        dt = lognormal(rng, 0.02, 0.3, (runs, 2000))
        dt[:, ::50] += lognormal(rng, 60.0, 0.2, (runs, 40))
        return dt

    def waits(rng, runs):
        return lognormal(rng, 2.0, 0.3, (runs, 600)) + 200 * (rng.random((runs, 600)) < 0.008)

    def collections(rng, runs):
        dt = lognormal(rng, 0.5, 0.2, (runs, 1500))
        dt[:, 99::100] += 20
        return dt

    def at_once(rng, runs):
        dt = lognormal(rng, 2.0, 0.3, (runs, 900))
        return np.where(rng.random((runs, 900)) < 0.3, 0.002, dt)

    def backoff(rng, runs):
        """A failed attempt waits 1 s, then 2 s, 4 s ... up to a minute."""
        failures = np.minimum(rng.geometric(0.7, (runs, 800)) - 1, 6)
        return lognormal(rng, 0.8, 0.3, (runs, 800)) + 2.0**failures - 1

    def uneven(rng, runs):
        """Three machines, each with a speed of its own."""
        dt = np.empty((runs, 600))
        for run in range(runs):
            paces = np.array([4.0, 7.0, 15.0])
            free, ends = np.zeros(3), np.empty(600)
            for item in range(600):
                worker = int(np.argmin(free))
                free[worker] += lognormal(rng, paces[worker], 0.3, ())
                ends[item] = free[worker]
            dt[run] = np.diff(np.sort(ends), prepend=0.0)
        return np.maximum(dt, 1e-4)

    def giant(rng, runs):
        dt = lognormal(rng, 5.0, 0.5, (runs, 200))
        dt[np.arange(runs), rng.integers(0, 200, runs)] += 300
        return dt

    def crowd(rng, runs):
        """Others use the same machine for a while, now and then: half the speed."""
        busy = np.zeros((runs, 1000), bool)
        for run in range(runs):
            item = int(rng.exponential(150))
            while item < 1000:
                end = item + int(rng.exponential(60)) + 1
                busy[run, item:end] = True
                item = end + int(rng.exponential(150))
        return np.where(busy, 2.0, 1.0) * lognormal(rng, 1.0, 0.3, (runs, 1000))

    index = np.arange(1000)
    cycle = np.exp(0.7 * np.sin(np.arange(1000) / 1000 * 2 * np.pi * 5))
    blocks = np.where(np.arange(1000) // 50 % 2 == 0, 0.3, 2.0)
    drift = np.linspace(1.0, 2.0, 800)
    stairs = np.r_[np.ones(250), np.full(250, 1.6), np.full(250, 2.5)]
    return [
        simple("fast items", "20,000 items of 20 ms", 20000, 0.02, 1.0),
        sorted_sizes("descending", "600 log-normal sizes, largest first", -1),
        Workload("one in ten", "0.5 s, every tenth 20 s", one(500), mixture),
        simple("exponential", "500 items of 3 s, as chance will have it", 500, 3.0, 1.0),
        simple(
            "cycle", "five waves of four times the speed", 1000, cycle, 0.3, changes=True, settled=0
        ),
        Workload("wandering", "speed that wanders", one(1000), wander, changes=True, settled=0),
        stall([100, 250, 300], 200.0, 600, "three stalls", "three times 200 s of nothing"),
        simple("drift", "slowly from 1 s to 2 s", 800, drift, 0.3, changes=True, settled=0),
        workers("in step", "400 items of 20 s, four workers in step", 400, 4, 20.0, 0.05),
        workers("16 workers", "heavy-tailed items, 16 workers", 600, 16, 60.0, 1.2),
        simple(
            "blocks",
            "fifty quick ones, fifty slow ones",
            1000,
            blocks,
            0.3,
            changes=True,
            settled=0,
        ),
        simple("six items", "six items of half an hour", 6, 1800.0, 0.4),
        Workload("bursts", "50 items in a second, each minute", one(2000), bursts),
        simple(
            "slower by half",
            "at a third 1.5 times slower",
            900,
            np.r_[np.ones(300), np.full(600, 1.5)],
            0.3,
            changes=True,
            settled=300,
        ),
        simple("very heavy tail", "400 items, log-normal, sigma 1.8", 400, 5.0, 5.0),
        Workload("uniform", "700 items of 0.2 to 3 s", one(700), uniform),
        Workload("retries", "600 items of 1 s, 3 % wait 30 s more", one(600), retries),
        simple(
            "stairs", "1 s, then 1.6 s, then 2.5 s", 750, stairs, 0.3, changes=True, settled=500
        ),
        Workload("mixed pages", "150 pages of 20 to 200 items", sizes, pages),
        workers("8 workers", "500 items of 40 s, 8 workers", 500, 8, 40.0, 0.5),
        simple(
            "first item",
            "the first takes 90 s, 299 take 2 s",
            300,
            np.r_[90.0, np.full(299, 2.0)],
            0.3,
        ),
        stall([60], 300.0, 600, "early stall", "600 items of 1 s, 5 minutes of nothing at a tenth"),
        simple(
            "doubling",
            "twice as slow after each quarter",
            800,
            np.repeat([0.5, 1.0, 2.0, 4.0], 200),
            0.3,
            changes=True,
            settled=600,
        ),
        simple(
            "late and faster",
            "at 70 % twice as fast",
            1000,
            np.r_[np.ones(700), np.full(300, 0.5)],
            0.3,
            changes=True,
            settled=700,
        ),
        Workload("waits", "600 items of 2 s, 0.8 % wait 200 s", one(600), waits),
        Workload("collections", "1,500 of 0.5 s, each 100th 20 s", one(1500), collections),
        simple(
            "total creeps",
            "200 items become 1,000, by hundreds",
            1000,
            1.0,
            0.4,
            total=200,
            before={100 * i: [("total", 200 + 100 * i)] for i in range(1, 9)},
            changes=True,
            settled=800,
        ),
        Workload("at once", "30 % of 900 items take no time", one(900), at_once),
        simple(
            "quota",
            "200 at ten a second, then 800 of 1 s",
            1000,
            np.r_[np.full(200, 0.1), np.ones(800)],
            0.3,
            changes=True,
            settled=200,
        ),
        simple(
            "large last",
            "400 of 2 s, then 40 of 30 s",
            440,
            np.r_[np.full(400, 2.0), np.full(40, 30.0)],
            0.4,
            changes=True,
            settled=400,
        ),
        simple(
            "one wave",
            "speed that swings by two, once",
            900,
            2.0 ** np.sin(np.arange(900) / 900 * 2 * np.pi),
            0.3,
            changes=True,
        ),
        Workload("three machines", "600 items, machines of 4, 7 and 15 s", one(600), uneven),
        simple(
            "a worker less",
            "1 s, after 60 % a third more",
            1000,
            np.r_[np.ones(600), np.full(400, 4 / 3)],
            0.4,
            changes=True,
            settled=600,
        ),
        Workload("backoff", "800 items, failures wait 1, 2, 4 ... s", one(800), backoff),
        simple(
            "growing index",
            "an item takes as long as ln of those before",
            1000,
            0.3 * np.log(index + 2),
            0.3,
            changes=True,
        ),
        simple(
            "cache fills",
            "from 3 s to 1 s, half of that by a third",
            900,
            1 + 2 * 0.5 ** (np.arange(900) / 300),
            0.3,
            changes=True,
        ),
        simple(
            "duplicates out",
            "1,000 items become 600 at the 300th",
            600,
            1.0,
            0.4,
            total=1000,
            before={300: [("total", 600)]},
            changes=True,
            settled=300,
        ),
        Workload("a giant", "200 items of 5 s, one takes 300 s more", one(200), giant),
        Workload("a crowd", "now and then half the speed", one(1000), crowd, changes=True),
        simple("three items", "three items of an hour", 3, 3600.0, 0.3),
    ]
