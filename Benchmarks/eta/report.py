"""The report: which promise holds on which workload."""

import math

import rivals
from score import jumpiness, score

NAMES = [rival.name for rival in rivals.ALL]

ABOUT = """# How good the estimates are

Made by `make bench-eta`; do not edit. {runs} seeded runs of each workload ({few} of the one with
20,000 items). At 50 moments of each run, evenly over its active time, everybody is asked how much
active time remains. bgjobs is driven through its C API with a clock of the test. The others are
models of their source: tqdm 4 (smoothing 0.3), indicatif 0.17, rich 13, pv 1.8, GNU parallel
20221122, and the plain average. The *oracle* draws 400 futures of the same workload: it knows the
distribution and when it changes, but not this run's draws.

- **typical**: median of |ln(said / true)|; 0.1 is about 10 %. **p95**: its 95th percentile.
- **jumps**: median change of the predicted end from moment to moment, over that of tqdm and of
  indicatif, where both answer.
- **range**: how often it holds the truth. **width**: its median, over that of the oracle's middle
  80 % at the same moments. Both over *all* moments; after the slash only over those where nothing
  unforeseeable is still to come.
- **silent**: moments after the second item without an answer.
- *Bold* figures miss what is asked: typical at most best × 1.05 + 0.01, and, where the future
  brings no change, oracle × 1.5 + 0.05; p95 at most best × 1.10 + 0.02; range 75 to 97 %; width
  at most 2.5; jumps at most 1; silent at most 5 %.

![Predicted over true time, as the work goes on](eta.svg)
"""

HEAD = (
    "| workload | typical | best of six | oracle | p95 | best | jumps | range | width"
    " | silent |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)

LIMITS = """
## What nobody can know

*Slow-down*, *speed-up*, *total doubles*, *stall* and *warm-up* change in the future. Before it, the
past says nothing of it, and whoever answers is wrong by the size of the change: the typical error
of the whole run counts those moments too.

The **range** can have room for it. While clearly more is ahead than has been seen (up to 37 % of
the work, then less, from 42 % on no more) it allows for two and a half times the time either way;
after that it says only how sure the pace is. So less than half of the moments of a run have a wide
range, and the median one is narrow, where the estimate is right about how far the work has come.
Where it cannot be, two conditions exclude each other:

- *Speed-up*: of 1,000 s the last 250 s come after the change. To hold the truth at 75 % of all
  moments, a range must hold it at 500 s before the change at least, which is half of all moments.
  There the oracle's range is 3 % of the truth wide, and the pace says 1.5 to 2 times the truth: a
  range that has room for that is at least 16 times as wide. With half of the moments that wide, a
  median of 2.5 is out of reach. It is kept after the change.
- *Stall*: a third of the 900 s is before the stall, a third is the stall. In it nobody knows how
  long it lasts, before it nobody knows that it comes; the oracle knows both to 2 or 3 %. A range
  that is honest in the stall and wide at the beginning is wide at two thirds of the moments. After
  the stall it is narrow.
- *Both at once*: before the change, both are a steady pace. A rule that knows only how far the work
  has come treats them alike: there is room for a change until some share of it, the time worked
  over that and the estimate. *Stall* needs this room to end at 25 %: a third of the moments is the
  stall itself, so for a narrow median at most a sixth of them (17 %) can be wide before it, 150 s
  of the 600 s that the work seems to take. *Speed-up* needs it until 33 % at least, 500 s of the
  1,500 s that it seems to take, and until 37 % since neither its first moments nor all of those
  after the change are held. *Speed-up* got its 75 %.

Sizes that come **in order** are no such change. That they do is seen in the past, and how the rest
goes on follows from it, if they are log-normal. In *ascending* the smaller half of the items is a
fifth of the time. In *descending* (below) the first fifth of the items is half of the time, and
until a tenth nothing tells them from a warm-up: that half is guessed, and a range for a guess is
wide.

The other way round, a change in the second half is not in the range: what has lasted for longer
than is left is taken to last.

The sizes of *ascending* are drawn for each run and then sorted. Once they were the fixed quantiles
of the distribution, and the oracle knew each of them: more than the distribution, and nearly three
times as sure. Now it knows the distribution, and follows in the times that it sees how far in the
distribution the work has come; no size to come is below that.

*Item per 30 s* flatters pv: it looks at the last 30 s, in which there is mostly one item, so that
it shows the truth by coincidence, or nothing. With items that vary by half (here: by a fifth) pv's
typical error was 0.057 and that of bgjobs 0.069: just within the promise.
"""


UNSEEN = """
## Unseen

Shapes that were written down after the estimator was finished. Nothing was changed for them; what
was changed for others since (sizes in order) had to leave them as they were.

"""

OTHERS = """
## Other shapes

No promise was made for these, but their figures were looked at while the estimator was made.

"""


def mark(text, holds):
    return text if holds else f"**{text}**"


def row(workload, runs):
    ours = score("bgjobs", runs, workload.settled)
    oracle = score("oracle", runs)
    others = {name: score(name, runs) for name in NAMES}
    answered = {name: s for name, s in others.items() if not math.isnan(s.typical)}
    best = min(answered, key=lambda name: answered[name].typical)
    worst = min(s.worst for s in answered.values())
    holds = ours.typical <= answered[best].typical * 1.05 + 0.01
    if not workload.changes:
        holds = holds and ours.typical <= oracle.typical * 1.5 + 0.05
    jumps = []
    for name in ("tqdm", "indicatif"):
        other = jumpiness(name, "bgjobs", runs)
        jumps.append(jumpiness("bgjobs", name, runs) / other if other else math.nan)
    shares = mark(f"{ours.coverage:.0%}", 0.75 <= ours.coverage <= 0.97)
    widths = mark(f"{ours.width:.2f}", ours.width <= 2.5)
    if workload.settled:
        shares += " / " + mark(f"{ours.settled:.0%}", 0.75 <= ours.settled <= 0.97)
        widths += " / " + mark(f"{ours.settled_width:.2f}", ours.settled_width <= 2.5)
    jump = " ".join(f"{j:.2f}" for j in jumps)
    cells = [
        f"{workload.name}: {workload.about}",
        mark(f"{ours.typical:.3f}", holds),
        f"{answered[best].typical:.3f} {best}",
        f"{oracle.typical:.3f}",
        mark(f"{ours.worst:.3f}", ours.worst <= worst * 1.1 + 0.02),
        f"{worst:.3f}",
        mark(jump, not any(j > 1 for j in jumps)),
        shares,
        widths,
        mark(f"{ours.silent:.0%}", ours.silent <= 0.05),
    ]
    return "| " + " | ".join(cells) + " |\n"


def everybody(workloads, played):
    names = ["bgjobs", *NAMES, "oracle"]
    lines = ["| workload | " + " | ".join(names) + " |\n", "| --- |" + " --- |" * len(names) + "\n"]
    for workload in workloads:
        cells = []
        for name in names:
            found = score(name, played[workload.name])
            missing = math.isnan(found.typical)
            silent = f" ({found.silent:.0%} silent)" if found.silent > 0.05 else ""
            cells.append("-" if missing else f"{found.typical:.3f}{silent}")
        lines.append(f"| {workload.name} | " + " | ".join(cells) + " |\n")
    return "".join(lines)


def text(promised, played, new, fresh, held, seen, moved, runs):
    parts = [ABOUT.format(runs=runs, few=max(2, runs // 5)), "\n## The workloads\n\n", HEAD]
    parts += [row(workload, played[workload.name]) for workload in promised]
    parts.append(
        f"\nTen restarts move the prediction by {moved[0]:.1%} in the median and {moved[1]:.1%} at"
        " the 95th\npercentile, against the same draws without restarts.\n"
    )
    parts += [LIMITS, UNSEEN, HEAD]
    parts += [row(workload, fresh[workload.name]) for workload in new]
    parts += [OTHERS, HEAD]
    parts += [row(workload, seen[workload.name]) for workload in held]
    parts += ["\n## Everybody's typical error\n\n", everybody(promised, played), "\n"]
    parts += [everybody(new, fresh), "\n", everybody(held, seen)]
    return "".join(parts)
