"""The figures of growth.py as text, as a Markdown file, and its plot as SVG."""

import math
from typing import Dict, NamedTuple, Tuple

ABOUT = """# What grows with a store, and what does not

Made by `make bench-growth`; do not edit. Medians of {rounds} rounds, in each of which every
contender ran once. Times of commands are from the start of the process to its end. The job of the
commands runs detached, with `--owner-pid`; jobs beside it are pending, with a key and three items
each. *Bold* figures are above their limit.{before}

- **Shell loop**: `next` and `done` in turn over {loop:,} items, in slices of up to 1,000, which
  take turns with loops over jobs of 1,000 items; the mean of an item.
- **C**: inside a program, after a first run that is not counted; the greatest RssAnon of all runs.
- **Publishing, by its cost**: the number of times that a new file got the name of the state file,
  as inotify counts them, times the cost of a publication on that store, over the time that all
  took. That cost is the difference of the medians of commands that published and of those that did
  not, with nothing else at work.
- **Publishing, as seen**: the time from the creation of each new file until it got the name, with
  all processes at work, over the time that all took. The preparation of the text before it is not
  in it; waiting for a processor and for the disk is. Publications are made one at a time, so both
  are shares of the whole time.

![Milliseconds of a command, as the store grows](growth.svg)

"""
COLOURS = ("#c0392b", "#2c6fbb", "#4a9c6d", "#8e6bbf")
WIDTH, HEIGHT, GAP = 360, 260, 60


class Figure(NamedTuple):
    name: str
    limit: float
    unit: str
    #: By side, "now" and perhaps "before": the figure, and what it is made of.
    found: Dict[str, Tuple[float, str]]

    @property
    def holds(self):
        return self.found["now"][0] <= self.limit


def value(figure, side):
    if side not in figure.found:
        return "–"
    number, made_of = figure.found[side]
    return f"{number:.2f} {figure.unit}" + (f" ({made_of})" if made_of else "")


def line(figure):
    before = f"; before: {value(figure, 'before')}" if "before" in figure.found else ""
    verdict = "" if figure.holds else " ABOVE"
    now = value(figure, "now")
    return f"{figure.name}: {now}, at most {figure.limit} {figure.unit}{verdict}{before}"


def row(figure, sides):
    cells = [figure.name, f"{figure.limit} {figure.unit}"]
    for side in sides:
        text = value(figure, side)
        cells.append(text if side == "before" or figure.holds else f"**{text}**")
    return f"| {' | '.join(cells)} |\n"


def write(path, bench, options):
    sides = list(bench.sides)
    before = " *Before* is an older version." if "before" in sides else ""
    text = ABOUT.format(rounds=options.rounds, loop=options.loop, before=before)
    text += f"| figure | limit | {' | '.join(sides)} |\n| --- | --- |{' --- |' * len(sides)}\n"
    text += "".join(row(figure, sides) for figure in bench.figures)
    if bench.notes:
        text += "\n" + "\n".join(f"- {note}" for note in bench.notes) + "\n"
    path.write_text(text)
    path.with_name("growth.svg").write_text(plot(bench.series))


def plot(series):
    """A panel for each thing that grows: solid now, dashed before."""
    across = len(series) * (WIDTH + 2 * GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {HEIGHT + 2 * GAP}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{across}" height="{HEIGHT + 2 * GAP}" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(series.items()):
        x = GAP + number * (WIDTH + 2 * GAP)
        parts += [f'<g transform="translate({x},{GAP})">', *panel(title, lines), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def panel(title, lines):
    points = [point for line in lines.values() for point in line]
    left, right = (f(math.log10(x) for x, _ in points) for f in (min, max))
    top = math.ceil(math.log10(max(y for _, y in points)))
    bottom = min(0, math.floor(math.log10(min(y for _, y in points))))

    def place(x, y):
        across = (math.log10(x) - left) / (right - left) * WIDTH
        return f"{across:.1f},{(top - math.log10(y)) / (top - bottom) * HEIGHT:.1f}"

    parts = [
        f'<text y="-30">ms of a command over the {title}</text>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>',
    ]
    for power in range(bottom, top + 1):
        y = (top - power) / (top - bottom) * HEIGHT
        parts.append(f'<line x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>')
        label = 10.0**power
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{label:g}</text>')
    for x in sorted({x for x, _ in points}):
        spot = place(x, 10.0**bottom).split(",")[0]
        parts.append(f'<text x="{spot}" y="{HEIGHT + 18}" text-anchor="middle">{x:,}</text>')
    commands = list(dict.fromkeys(command for command, _ in lines))
    for turn, command in enumerate(commands):
        parts.append(f'<text x="{turn * 80}" y="-10" fill="{COLOURS[turn]}">{command}</text>')
    for (command, side), line in lines.items():
        colour = COLOURS[commands.index(command)]
        dashes = ' stroke-dasharray="4 4"' if side == "before" else ""
        places = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}"{dashes}/>')
    return parts
