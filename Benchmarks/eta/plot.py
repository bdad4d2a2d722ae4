"""Small multiples as SVG: what was said over what was true, through one run of each workload."""

import math

WIDTH, HEIGHT, COLUMNS, GAP = 250, 150, 4, 36
COLOURS = {
    "tqdm": "#c9a227",
    "indicatif": "#8e6bbf",
    "average": "#4a9c6d",
    "oracle": "#888888",
    "bgjobs": "#c0392b",
}
MOST = math.log(8)


def height(value):
    return HEIGHT / 2 * (1 - max(-1, min(1, math.log(max(value, 1e-9)) / MOST)))


def points(readings, pick):
    end = readings[-1].active + readings[-1].truth
    places = []
    for reading in readings:
        value = pick(reading)
        if value is not None:
            share = reading.active / end
            places.append(f"{share * WIDTH:.1f},{height(max(value, 0.5) / reading.truth):.1f}")
    return places


def said(name, index):
    def pick(reading):
        answer = reading.said.get(name)
        return answer[index] if answer else None

    return pick


def panel(workload, readings):
    band = points(readings, said("bgjobs", 1)) + points(readings, said("bgjobs", 2))[::-1]
    parts = [
        f'<text y="-6">{workload.name}</text>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>',
        f'<line x2="{WIDTH}" y1="{HEIGHT / 2}" y2="{HEIGHT / 2}" stroke="#999"/>',
        f'<polygon points="{" ".join(band)}" fill="#c0392b" opacity="0.15"/>',
    ]
    for name, colour in COLOURS.items():
        line = " ".join(points(readings, said(name, 0)))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
    return parts


def write(path, workloads, played):
    rows = math.ceil((len(workloads) + 1) / COLUMNS)
    across, down = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{across}" height="{down}" fill="white"/>',
    ]

    def place(number):
        x = GAP + number % COLUMNS * (WIDTH + GAP)
        y = GAP + number // COLUMNS * (HEIGHT + GAP)
        return f'<g transform="translate({x},{y})">'

    for number, workload in enumerate(workloads):
        parts += [place(number), *panel(workload, played[workload.name][0]), "</g>"]
    parts.append(place(len(workloads)))
    for turn, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text y="{20 + 18 * turn}" fill="{colour}">{name}</text>')
    parts.append('<text y="120">said / true, 1/8 to 8; band: likely range</text></g></svg>')
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")
