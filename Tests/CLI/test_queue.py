"""The queue: put up, looked at, limited, worked on."""

import json
import os
import signal
import subprocess
import time

from conftest import PROGRAM


def worker(project, *options):
    return subprocess.Popen(
        [PROGRAM, "work", *options], cwd=project.path, stderr=subprocess.PIPE, text=True
    )


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_added_commands_run_in_their_order(project):
    told = project.path / "told"
    add = project.run("add", "--", "sh", "-c", f"echo first >> {told}")
    assert "nobody works on this queue" in add.stderr
    first = add.stdout.strip()
    second = project.out("add", "--quiet", "--", "sh", "-c", f"echo second >> {told}")
    high = project.out("run", "--queue", "--priority", "1", "--", "sh", "-c", f"echo up >> {told}")
    assert not told.exists()
    lines = [line.split("\t") for line in project.out("queue").splitlines()]
    assert [line[0] for line in lines] == [high, first, second]
    assert lines[0][1:5] == ["pending", "1", "-", "run"]
    assert project.out("why", second) == (
        "it is ready, and 2 are before it: no worker has claimed it yet"
    )
    assert project.info(high)["priority"] == 1
    project.run("priority", first, "9")
    project.run("work", "--until-empty")
    assert told.read_text().split() == ["first", "up", "second"]
    assert {project.info(id)["status"] for id in (first, second, high)} == {"completed"}
    assert project.out("queue") == ""


def test_work_says_that_a_job_failed(project):
    id = project.out("add", "--", "false")
    done = project.run("work", "--until-empty", code=7)
    assert f"job {id} ended with exit code 1" in done.stderr
    project.run("work", "--until-empty")


def test_limits_and_places(project):
    """As many at once as the lane allows, from several workers."""
    told = project.path / "told"
    words = ["sh", "-c", f"echo start >> {told}; sleep 0.3; echo end >> {told}"]
    for key in "abcd":
        project.run("add", "--key", key, "--lane", "x", "--", *words)
    project.run("limit", "lane:x", "2")
    project.run("limit", "lanes", "2", code=2)
    project.run("limit", "lane:y", code=3)
    workers = [worker(project, "-j4", "--until-empty") for _ in range(2)]
    assert [one.wait(60) for one in workers] == [0, 0]
    running = most = 0
    for line in told.read_text().split():
        running += 1 if line == "start" else -1
        most = max(most, running)
    assert (most, running) == (2, 0)
    assert project.out("limit") == "lane:x\t2\t0"
    limits = json.loads(project.out("limit", "--json"))["limits"]
    assert limits == [{"scope": "lane:x", "most": 2, "running": 0}]
    project.run("limit", "lane:x", "none")
    assert project.out("limit") == ""


def test_a_full_lane_is_said(project):
    project.run("limit", "lane:x", "0")
    id = project.out("add", "--lane", "x", "--", "true")
    assert project.out("why", id) == "none of lane:x may start: its limit is 0"
    waits = json.loads(project.out("why", id, "--json"))["waits"]
    assert (waits[0]["for"], waits[0]["scope"]) == ("limit", "lane:x")
    assert "none of lane:x may start" in project.out("show", id)
    assert "queued" in project.out("list")
    shown = json.loads(project.out("queue", "--json"))["queue"]
    assert shown["jobs"][0]["id"] == id


def test_a_job_waits_for_its_time(project):
    told = project.path / "told"
    begin = time.time()
    project.run("add", "--not-before", "1.5", "--", "sh", "-c", f"date +%s.%N > {told}")
    project.run("work", "--until-empty")
    assert float(told.read_text()) - begin >= 1.4
    id = project.out("add", "--not-before", "1h", "--", "true")
    assert project.out("why", id).startswith("it is not to be started before ")
    project.run("enqueue", id, "--not-before", "0")
    project.run("work", "--until-empty")
    assert project.info(id)["status"] == "completed"


def test_a_run_waits_for_its_place(project):
    project.run("limit", "*", "1")
    first = project.out("run", "--detach", "--", "sleep", "1")
    done = project.run("run", "--", "true")
    assert f"* is full, 1 of 1: {first}" in done.stderr
    assert project.info(first)["status"] == "completed"


def test_killed_workers_leave_what_the_next_one_goes_on_with(project):
    told = project.path / "told"
    words = ["sh", "-c", f"echo {{}} >> {told}; sleep 0.05"]
    items = [str(number) for number in range(30)]

    def begun():
        return len(told.read_text().split()) if told.exists() else 0

    ids = [project.out("add", "--key", key, "--each", *items, "--", *words) for key in "ab"]
    for _ in range(3):
        one = worker(project, "-j2")
        wanted = begun() + 4
        until(lambda wanted=wanted: begun() >= wanted)
        jobs = [project.info(id) for id in ids]
        pids = [job["ownerPid"] for job in jobs if "ownerPid" in job]
        one.kill()
        one.wait()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    project.run("work", "--until-empty", "-j2")
    assert {project.info(id)["status"] for id in ids} == {"completed"}
    assert set(told.read_text().split()) == set(items)
    # What was under way when its worker was killed runs again.
    assert len(told.read_text().split()) <= 60 + 3 * 2


def test_a_signal_leaves_the_jobs(project):
    id = project.out("add", "--", "sleep", "60")
    one = worker(project)
    until(lambda: project.info(id)["status"] == "running")
    # Now somebody works on the queue.
    assert "nobody" not in project.run("add", "--key", "k", "--", "true").stderr
    one.send_signal(signal.SIGTERM)
    assert one.wait(30) == -signal.SIGTERM
    info = project.info(id)
    assert (info["status"], info["reason"]) == ("paused", "interrupted")
    assert project.out("why", id) == "it is the next one, and no worker has claimed it yet"


def test_one_after_the_other(project):
    told = project.path / "told"

    def add(word, *options):
        return project.out("add", "-q", *options, "--", "sh", "-c", f"echo {word} >> {told}")

    first = add("first")
    second = add("second", "--after", first, "--priority", "9")
    last = add("last", "--after", f"{second}:end", "--after", first)
    assert project.out("after", last).splitlines() == [
        f"{second}\tit needs job {second} (pending) to end",
        f"{first}\tit needs job {first} (pending) to complete",
    ]
    assert project.out("why", second) == f"it needs job {first} (pending) to complete"
    circle = project.run("after", first, last, code=2)
    assert f"{first} waits for {last} waits for" in circle.stderr
    project.run("work", "-j4", "--until-empty")
    assert told.read_text().split() == ["first", "second", "last"]


def test_what_cannot_come_any_more_fails_and_a_retry_mends_it(project):
    good = project.path / "good"
    first = project.out("add", "-q", "--", "test", "-e", good)
    second = project.out("add", "-q", "--after", first, "--", "true")
    third = project.out(
        "add", "-q", "--key", "k", "--after", f"{second}:success:hold", "--", "true"
    )
    other = project.out("add", "-q", "--key", "o", "--after", f"{first}:failure", "--", "true")
    project.run("after", first, "nothing", code=3)
    project.run("after", first, f"{second}:never", code=2)
    project.run("run", "--queue", "--key", "k2", "--", "false")
    # What holds would wait for ever.
    project.run("cancel", third)
    project.run("work", "--until-empty", code=7)
    info = project.info(second)
    assert (info["status"], info["reason"]) == ("failed", "dependency")
    assert first in info["error"]
    assert project.info(other)["status"] == "completed"
    good.touch()
    project.run("retry", first, "--no-start")
    assert project.info(second)["status"] == "pending"
    project.run("work", "--until-empty")
    assert project.info(second)["status"] == "completed"


def test_a_step_after_one_that_has_failed_already_is_not_lost(project):
    good = project.path / "good"
    first = project.out("add", "-q", "--", "test", "-e", good)
    project.run("work", "--until-empty", code=7)
    second = project.out("add", "-q", "--after", first, "--", "true")
    last = project.out("add", "-q", "--key", "k", "--after", f"{second}:end", "--", "true")
    assert project.info(second)["reason"] == "dependency"
    project.run("retry", second, code=6)
    project.run("work", "--until-empty")
    assert project.info(last)["status"] == "completed"
    good.touch()
    project.run("retry", first, "--no-start")
    project.run("work", "--until-empty")
    assert project.info(second)["status"] == "completed"
    # Who names a job that is not there has made none.
    count = len(project.jobs())
    project.run("add", "--after", "zzzz", "--", "true", code=3)
    assert len(project.jobs()) == count


def test_work_tells_what_it_could_not_start(project):
    directory = project.path / "gone"
    directory.mkdir()
    (project.path / ".specweave").mkdir()
    project.out("add", "-q", "--", "true", cwd=directory)
    directory.rmdir()
    project.run("work", "--until-empty", code=7)


def test_a_command_is_tried_again(project):
    told = project.path / "told"
    words = ["sh", "-c", f"echo x >> {told}; test $(wc -l < {told}) = 3"]
    # In the foreground it waits, and says so.
    done = project.run("run", "--attempts", "3", "--backoff", "0.1", "--key", "a", "--", *words)
    assert "attempt 2 of 3 failed (" in done.stderr
    assert told.read_text().split() == ["x"] * 3
    told.unlink()
    id = project.out("add", "-q", "--attempts", "2", "--backoff", "0.1", "--key", "b", "--", *words)
    project.run("work", "--until-empty", code=7)
    assert told.read_text().split() == ["x"] * 2
    info = project.info(id)
    assert (info["status"], info["failures"], info["mostAttempts"]) == ("failed", 1, 2)
    # A retry gives them back.
    project.run("retry", id, "--no-start")
    project.run("work", "--until-empty")
    assert project.info(id)["status"] == "completed"


def test_why_says_when_it_is_tried_again(project):
    id = project.out("add", "-q", "--attempts", "2", "--backoff", "1h", "--", "false")
    one = worker(project)
    until(lambda: project.info(id)["status"] == "pending" and "retryAtMs" in project.info(id))
    one.send_signal(signal.SIGTERM)
    one.wait(30)
    why = project.out("why", id)
    assert why.startswith("attempt 1 of 2 failed (") and "; it is tried again at 20" in why
    project.run("enqueue", id, "--not-before", "0")
    project.run("work", "--until-empty", code=7)
    assert project.info(id)["status"] == "failed"


def test_a_script_claims(project):
    """What bgjobs run made is not for it."""
    project.run("add", "--", "true")
    project.run("claim", "--owner-pid", os.getpid(), code=1)
    id = project.out("create", "sync")
    project.run("enqueue", id, "--priority", "3", "--lane", "l")
    assert project.out("claim", "--owner-pid", os.getpid(), "--type", "sync") == id
    assert project.info(id)["ownerPid"] == os.getpid()
    other = project.out("create", "sync")
    project.run("enqueue", other)
    script = (
        "while id=$(bgjobs claim --owner-pid $$ --type sync --type t --until-empty); do"
        ' bgjobs complete "$id"; done'
    )
    project.run("complete", id)
    subprocess.run(["sh", "-c", script], cwd=project.path, check=True, timeout=60)
    assert project.info(other)["status"] == "completed"
    project.run("claim", code=2)
    project.run("claim", "--owner-pid", 1, "--owner-fd", 3, code=2)


def test_bad_input_is_refused(project):
    for words in (
        ["add", "--priority", "1001", "--", "true"],
        ["add", "--not-before", "soon", "--", "true"],
        ["add", "--detach", "--", "true"],
        ["run", "--queue", "--dry-run", "--", "true"],
        ["add", "--attempts", "0", "--", "true"],
        ["add", "--attempts", "2", "--backoff", "40d", "--", "true"],
        ["limit", "*", "-1"],
        ["limit", "*", "many"],
        ["work", "-j", "2000"],
    ):
        project.run(*words, code=2)
    project.run("enqueue", "nothing", code=3)
    project.run("why", "nothing", code=3)
    id = project.out("create", "t")
    project.run("complete", id)
    project.run("enqueue", id, code=9)
    project.run("priority", id, "1", code=9)


def test_the_unit_is_one(project):
    unit = project.out("work", "--print-unit", "-j", "3", "--type", "a b")
    assert "ExecStart=" in unit and "-j 3 --type 'a b'" in unit and "[Install]" in unit
