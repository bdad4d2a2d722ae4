"""What the steps of worker.c make of a job.

Reports: c cursor, B a large cursor, b the next item begins, d done, f failed, s skipped, a advance.
Lives: P plan, S start, 0 to 2 an item is done, f one fails, p pause, r resume, l leave,
L rate limit, C complete, F fail, R retry, X cancel.
"""

REPORTS = {"fast": "cbdfsa", "slow": "cbdfsa", "roller": "Bd", "commands": "cbdfsa"}
STEPS = {"fast": 6000, "roller": 4000}
LIVES = ("PS012prfC", "PS01f2FRSlX", "PSp0r1X", "PS012LX")
# The owner is dead when the job is looked at.
INTERRUPTED = ("paused", "interrupted")
ENDS = {
    "S": INTERRUPTED,
    "p": ("paused", "life"),
    "r": INTERRUPTED,
    "l": INTERRUPTED,
    "L": ("paused", "rate-limit"),
    "C": ("completed", None),
    "F": ("failed", "error"),
    "R": ("pending", None),
    "X": ("failed", "cancelled"),
}


def reported(letters, steps):
    """What a job shows after so many reports."""
    seen = {"done": set(), "failed": set(), "skipped": set(), "begun": set()}
    advances, cursor = 0, None
    for step in range(steps):
        letter, item = letters[step % len(letters)], f"item-{step}"
        if letter in "dfs":
            seen["begun"].discard(item)
            seen[{"d": "done", "f": "failed", "s": "skipped"}[letter]].add(item)
        elif letter == "b":
            seen["begun"].add(f"item-{step + 1}")
        elif letter == "a":
            advances += 1
        else:
            cursor = step
    return {**seen, "advances": advances, "cursor": cursor}


def steps_in(letters, seen):
    """How many reports made what a job shows, if they are the first ones of all."""
    ends = [0]
    for kind in ("done", "failed", "skipped", "begun"):
        begun = kind == "begun"
        ends += [int(item.rpartition("-")[2]) + (0 if begun else 1) for item in seen[kind]]
    if seen["cursor"] is not None:
        ends.append(seen["cursor"] + 1)
    if seen["advances"] > 0:
        ends.append((seen["advances"] - 1) * len(letters) + letters.find("a") + 1)
    return max(ends)


def lived(number, steps):
    """What a job of "lives" shows after so many steps: (status, reason), and its items."""
    status, attempts, planned, done, failed = ("pending", None), 1, 0, set(), set()
    for letter in LIVES[number % 4][:steps]:
        status = ENDS.get(letter, status)
        if letter == "P":
            planned = 5
        elif letter in "012":
            done.add(f"item-{letter}")
        elif letter == "f":
            failed.add("item-3")
        elif letter == "R":
            attempts, failed = 2, set()
    return {
        "status": status,
        "waits": status[1] == "rate-limit",
        "attempts": attempts,
        "items": planned,
        "done": frozenset(done),
        "failed": frozenset(failed),
        "result": f"life {number}" if status[0] == "completed" else None,
    }


def settled(number, steps):
    """The last of these steps, at the most, that a power cut cannot undo: a change or a plan."""
    letters = LIVES[number % 4][:steps]
    return len(letters.rstrip("012f"))
