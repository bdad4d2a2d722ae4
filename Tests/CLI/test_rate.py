"""One rate for all: set, shown, asked, and kept to by runs."""

import json
import time


def test_a_rate_is_set_shown_and_removed(project):
    assert project.out("rate") == ""
    project.run("rate", "github", "5000/h")
    project.run("rate", "tracker", "100/15m")
    assert project.out("rate") == "github\t5000/h\t0\ntracker\t100/15m\t0"
    assert project.out("rate", "tracker") == "tracker\t100/15m\t0"
    shown = json.loads(project.out("rate", "--json"))["rates"][0]
    expected = {"provider": "github", "count": 5000, "periodMs": 3600000, "burst": 83, "waitMs": 0}
    assert shown == expected
    project.run("rate", "github", "none")
    project.run("rate", "github", code=3)
    assert project.out("rate") == "tracker\t100/15m\t0"


def test_what_is_no_rate_is_refused(project):
    for text in ("5000", "0/h", "-1/h", "5/", "/h", "5/x", "5/0s", "5/400d", "99999999999/s"):
        project.run("rate", "github", "--", text, code=2)
    assert project.out("rate") == ""


def test_a_permit_is_waited_for(project):
    project.run("permit", "github", code=3)
    project.run("rate", "github", "10/s")
    begin = time.monotonic()
    for _ in range(6):
        project.run("permit", "github")
    assert time.monotonic() - begin >= 0.4
    project.run("permit", "github", "11", code=2)


def test_runs_keep_to_a_rate(project):
    """The commands of two runs say when they began."""
    told = project.path / "told"
    words = ["sh", "-c", f"date +%s.%N >> {told}"]
    items = [str(number) for number in range(15)]
    options = ["--provider", "api", "-j4"]
    project.run("run", *options, "--rate", "10/s", "--each", *items, "--", *words)
    project.run("run", *options, "--key", "other", "--each", *items, "--", *words)
    times = sorted(float(line) for line in told.read_text().split())
    assert len(times) == 30
    # 2.9 s, but the first may begin late.
    assert times[-1] - times[0] >= 2
    project.run("run", "--rate", "10/s", "--", "true", code=2)
