"""What `list`, `show` and `wait` tell of jobs, and what is easily overlooked in it."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from test_terminal import on_terminal

FIELDS = [
    "id",
    "type",
    "status",
    "reason",
    "current",
    "total",
    "percentage",
    "rate",
    "eta",
    "key",
    "current item",
    "failed items",
    "marks",
    "running",
]


def fields(project):
    """The lines of the list in a pipe."""
    lines = [line.split("\t") for line in project.run("list").stdout.splitlines()]
    assert all(len(line) == len(FIELDS) for line in lines)
    return [dict(zip(FIELDS, line)) for line in lines]


def table(project, columns=200):
    """The lines of the list on a terminal: by column, what stands there."""
    code, text = on_terminal(project, "list", columns=columns)
    assert code == 0
    head, *lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    places = [(match.group(), match.end()) for match in re.finditer(r"\S+", head)]
    return head.split(), lines, places


def test_the_list_shows_failed_items(project):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    assert "FAILED" not in table(project)[0]
    project.run("start", id)
    project.run("done", id, "a")
    project.run("failed", id, "b")
    project.run("complete", id, code=7)
    (line,) = fields(project)
    assert (line["current"], line["percentage"], line["failed items"]) == ("2", "100", "1")
    for columns in (60, 80, 200):
        head, (line,), places = table(project, columns)
        assert "FAILED" in head
        end = dict(places)["FAILED"]
        assert line[:end].split()[-1] == "1"
    assert project.jobs()[0]["itemsFailed"] == 1


def test_the_list_marks_stalled_jobs(project):
    id = project.out("create", "t", "--total", 100)
    project.run("start", id)
    # As regular as can be: what is far longer than usual is then soon there.
    for n in range(24):
        time.sleep(0.1)
        project.run("done", id, n)
    end = time.monotonic() + 120
    while not project.info(id).get("stalled"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "stalled" in project.out("show", id)
    assert fields(project)[0]["marks"] == "stalled"
    assert "stalled" in table(project, 80)[1][0]


def test_an_estimate_from_history_is_shown_as_such(project):
    for _ in range(2):
        id = project.out("create", "t")
        project.run("start", id)
        for n in range(12):
            time.sleep(0.1)
            project.run("done", id, n)
        project.run("complete", id)
    id = project.out("create", "t", "--total", 200)
    project.run("start", id)
    info = project.info(id)
    assert info["etaFromHistory"] and info["eta"] >= 1
    line = fields(project)[0]
    assert line["marks"] == "history" and int(line["eta"]) >= 1
    assert re.search(r" ~\d+ s\b", table(project)[1][0])
    # Spaced: what comes at once may be marked in bulk, and says little of the work.
    for n in range(40):
        time.sleep(0.1)
        project.run("done", id, n)
    info = project.info(id)
    assert "eta" in info and not info.get("etaFromHistory")
    assert fields(project)[0]["marks"] == ""
    assert "~" not in table(project)[1][0]


def test_seconds_left_are_whole_and_not_0(project):
    id = project.out("create", "t", "--total", 41)
    project.run("start", id)
    for n in range(40):
        time.sleep(0.02)
        project.run("done", id, n)
    info = project.info(id)
    assert [type(info[name]) for name in ("eta", "etaLow", "etaHigh")] == [int] * 3
    assert info["eta"] == 1 and 1 <= info["etaLow"] <= info["etaHigh"]
    assert re.search(r"^left: +about 1 s", project.out("show", id), re.M)
    assert project.out("list").split("\t")[8] == "1"


@pytest.mark.parametrize("zone, hours", [("UTC0", 0), ("XYZ-5", 5), ("XYZ3", -3)])
def test_show_has_local_times(project, zone, hours):
    id = project.out("create", "t", "--total", 10)
    project.run("start", id)
    for n in range(6):
        project.run("done", id, n)
        time.sleep(0.05)
    info = project.info(id)
    text = project.out("show", id, env={"TZ": zone})
    for name in ("created", "started", "updated"):
        when = time.gmtime(info[f"{name}Ms"] // 1000 + hours * 3600)
        assert re.search(rf"^{name}: +{time.strftime('%Y-%m-%d %H:%M:%S', when)}$", text, re.M)
    (done,) = re.findall(r"^done at: +(?:\S+ )?(\d\d:\d\d:\d\d)$", text, re.M)
    begin = time.strftime("%H:%M:%S", time.gmtime(time.time() + hours * 3600 - 60))
    assert done > begin or begin > "23:58"
    assert not re.search(r"\d\dT\d\d", text)
    assert re.search(r"\d\dT\d\d:.*Z", project.job(id)["updatedAt"])


def test_what_to_do_about_an_interrupted_job(project):
    script = subprocess.Popen(["sleep", "60"])
    id = project.out("create", "t", "--total", 2)
    project.run("start", id, "--owner-pid", script.pid)
    script.kill()
    script.wait()
    hint = project.run("show", id).stderr
    assert "run the program" in hint and "resume" not in hint

    run = project.out("run", "--detach", "--", "sh", "-c", "sleep 60")
    os.kill(project.info(run)["ownerPid"], signal.SIGKILL)
    end = time.monotonic() + 30
    while project.info(run)["status"] != "paused":
        assert time.monotonic() < end
    assert f"bgjobs resume {run}" in project.run("show", run).stderr


def test_wait_says_that_nobody_works_on_the_job(project):
    script = subprocess.Popen(["sleep", "60"])
    id = project.out("create", "t", "--total", 2)
    project.run("start", id, "--owner-pid", script.pid)
    script.kill()
    script.wait()
    assert "nobody works on it" in project.run("wait", id, "--timeout", "50ms", code=124).stderr
    done = project.run("wait", id, "--for", "completed,failed,paused")
    assert done.stderr == ""


def test_a_damaged_file_is_told_of_until_its_copy_is_gone(project):
    id = project.out("create", "t")
    journal = project.path / ".specweave/state/background-jobs.d/journal"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    assert project.run("list").stderr == ""
    journal.write_bytes(data)
    project.run("start", id)
    for arguments in (["list"], ["show", id], ["list", "--json"], []):
        done = project.run(*arguments)
        assert "bgjobs check" in done.stderr and len(done.stderr.splitlines()) == 1
    assert json.loads(project.run("list", "--json").stdout)["jobs"][0]["id"] == id
    (copy,) = journal.parent.glob("*.corrupt-*")
    copy.unlink()
    assert project.run("list").stderr == project.run("show", id).stderr == ""


def test_help_says_how_not_to_hang(project):
    text = " ".join(project.out("wait", "--help").split())
    assert "--for completed,failed,paused" in text and "--timeout" in text
