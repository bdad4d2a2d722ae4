"""One rate for all: set, shown, asked, and kept to by runs."""

import json
import time


def test_a_rate_is_set_shown_and_removed(project):
    assert project.out("rate") == ""
    project.run("rate", "github", "5000/h")
    project.run("rate", "tracker", "100/15m")
    assert project.out("rate") == "github\t5000/h\t0\ntracker\t100/15m\t0"
    assert project.out("rate", "tracker") == "tracker\t100/15m\t0"
    shown = json.loads(project.out("rate", "--json"))["providers"][0]
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


def test_a_limit_of_one_run_is_a_limit_of_all_of_its_provider(project):
    """Each command says when it began; one meets a limit of two seconds."""
    told, limited = project.path / "told", project.path / "limited"
    words = ["sh", "-c", f"date +%s.%N >> {told}; sleep 0.1"]
    once = f"test -e {limited} && exec true; date +%s.%N > {limited}; exit 75"
    items = [str(number) for number in range(40)]
    options = ["--provider", "api", "--detach"]
    first = project.out("run", *options, "--each", *items, "--", *words)
    while not told.exists():
        time.sleep(0.01)
    limits = ["--rate-limit-exit", "75", "--rate-limit-wait", "2"]
    second = project.out("run", *options, *limits, "--", "sh", "-c", once)
    project.run("wait", first, second, timeout=60)
    begin = float(limited.read_text())
    times = [float(line) for line in told.read_text().split()]
    assert len(times) == 40
    # Whoever noticed it late has begun one more.
    assert not [time for time in times if begin + 1 < time < begin + 1.9]


def test_a_limit_is_said_by_hand(project):
    id = project.out("create", "t", "--config", '{"provider": "api"}')
    project.run("start", id)
    project.run("rate", "api", "--limited", "15m")
    assert project.info(id)["status"] == "paused"
    assert project.out("rate").startswith("api\t-\t89")
    project.run("rate", "api", "--limited", "0")
    assert project.info(id)["status"] == "running"
    assert project.out("rate") == ""
    project.run("rate", "--limited", "5", code=2)
    project.run("rate", "api", "--limited", "5", "--json", code=2)
