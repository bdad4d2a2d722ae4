"""Other tools of the state file's format beside ours lose nothing, and neither do we.

Short forms; `make stress-neighbours` has the long ones. They time nothing but gross lateness.
"""

import shutil

import pytest

import cases
import orphans
import races
import stress
import window
from ours import can_trace

tracing = pytest.mark.skipif(not can_trace(), reason="strace may not trace here")
SECONDS = 4


def beside(words):
    options = stress.arguments([*words.split(), "--seconds", str(SECONDS), "--job-seconds", "1.5"])
    numbers = stress.run(options)
    print(stress.table(numbers, None, words))
    assert numbers["theirs_items"] > 0 and numbers["ours_items"] > 0
    assert stress.faults(options, numbers) == {}


@pytest.mark.parametrize(
    "words",
    [
        "--between-ms 50 --touch-ours",
        "--between-ms 20 --touch-ours --kills",
        "--tools 1 --lock none --kills",
        "--tools 1 --kind editor --think-ms 50,300 --kills",
    ],
)
def test_stress(words):
    beside(words)


@tracing
def test_stress_on_a_slow_disk():
    beside("--between-ms 20 --slow-ms 50")


@pytest.mark.skipif(stress.NODE is None, reason="no node here")
def test_stress_with_node():
    beside("--between-ms 20 --node")


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
@pytest.mark.parametrize("kind", ["jq-cat", "jq-mv"])
def test_stress_with_jq(kind):
    beside(f"--tools 1 --kind {kind} --kills")


@pytest.mark.parametrize("name", [name for name in cases.SHORT if "killed" not in name])
def test_case(name):
    found, bad = cases.SHORT[name]()
    print(found)
    assert bad == ""


@pytest.mark.parametrize("name", orphans.ORPHANS)
def test_orphan(name):
    found, bad = orphans.ORPHANS[name]()
    print(found)
    assert bad == ""


@tracing
@pytest.mark.parametrize("stale", ["content", "mtime"])
def test_a_killed_holder_delays_nobody(stale):
    found, bad = cases.killed_holder(stale, most=8)
    print(found)
    assert bad == ""


@tracing
@pytest.mark.parametrize("name", races.RACES)
def test_race(name):
    found, bad = races.RACES[name]()
    print(found)
    assert bad == ""


@tracing
def test_the_window_is_measured():
    found, held = window.measure(5)
    print(window.describe((found, held)))
    assert found and held
