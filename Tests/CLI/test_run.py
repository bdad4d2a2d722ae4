"""bgjobs run: commands as a job."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

SHELL = ["--", "sh", "-c"]


def await_true(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def processes_of(id):
    """Everything alive that a command of this job has started."""
    mark = f"BGJOBS_JOB_ID={id}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    environ = file.read().split(b"\0")
                with open(f"/proc/{entry}/stat") as file:
                    state = file.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if mark in environ and state != "Z":
                found.append(int(entry))
    return found


def only(project):
    (job,) = project.jobs()
    return job


def test_one_command(project):
    done = project.run("run", *SHELL, "echo out; echo err >&2; pwd")
    assert (done.stdout, done.stderr) == ("", "")
    job = only(project)
    assert (job["type"], job["status"], job["itemsCompleted"]) == ("run", "completed", 1)
    assert f"out\nerr\n{project.path}\n" in project.out("logs", job["id"])


def test_each_item_has_its_command(project):
    items = ["a", "b c", "$(touch x)", "ü'\"", "*"]
    project.run("run", "-j4", "--type", "t", "--each", *items, "--", "printf", "<%s>", "{}", "1{}2")
    job = project.job(only(project)["id"])
    assert sorted(job["progress"]["itemsCompleted"]) == sorted(items)
    log = project.out("logs", job["id"])
    for item in items:
        assert f"==> {item}\n<{item}><1{item}2>\n<== {item}: exit 0, " in log
        assert f"<{item}>" in project.out("logs", job["id"], "--item", item)
    assert not (project.path / "x").exists()


def test_without_braces_the_item_is_the_last_argument(project):
    project.run("run", "--each", "x", "--", "echo", "item:")
    assert "item: x" in project.out("logs", only(project)["id"])


def test_the_command_is_told_its_job_and_reads_nothing(project):
    project.run("run", "--each", "x", *SHELL, 'echo "$BGJOBS_ITEM $BGJOBS_JOB_ID"; cat', "sh")
    id = only(project)["id"]
    assert f"x {id}\n" in project.out("logs", id)


def test_exit_codes(project):
    assert project.run("run", "--each", "0", "3", *SHELL, "exit $1", "sh", "{}", code=7)
    job = project.job(only(project)["id"])
    assert job["status"] == "completed" and job["progress"]["itemsFailed"] == ["3"]
    assert "3: exit 3" in project.out("show", job["id"])
    project.run("run", "--key", "k", "--each", "2", "3", *SHELL, "exit $1", "sh", "{}", code=1)
    assert [job["status"] for job in project.jobs("--status", "failed")] == ["failed"]
    project.run("run", "--key", "l", *SHELL, "kill -9 $$", code=137)
    assert any("signal 9" in project.out("show", job["id"]) for job in project.jobs())


def test_retry_takes_up_failed_items_in_the_same_run(project):
    script = 'test -e "$1" || { touch "$1"; exit 1; }'
    project.run("run", "--each", "a", "b", "--retries", "1", *SHELL, script, "sh", "{}")
    job = only(project)
    assert job["itemsCompleted"] == 2
    assert "(attempt 2)" in project.out("logs", job["id"])


def test_retry_afterwards(project):
    script = 'echo "$1" >>ran; test "$1" = a || test -e go'
    project.run("run", "--each", "a", "b", *SHELL, script, "sh", "{}", code=7)
    id = only(project)["id"]
    (project.path / "go").touch()
    project.run("retry", id)
    project.run("wait", id, "--timeout", "30")
    assert (project.path / "ran").read_text().split() == ["a", "b", "b"]


def test_the_same_line_is_the_same_job(project):
    line = [
        "run",
        "--each",
        "a",
        "b",
        *SHELL,
        'echo "$1" >>ran; test -e go || kill -9 $PPID',
        "sh",
        "{}",
    ]
    project.run(*line, code=None)  # the keeper of the commands is killed
    (project.path / "go").touch()
    project.run(*line)
    job = only(project)
    assert job["status"] == "completed" and job["itemsCompleted"] == 2


def test_two_runs_of_one_job(project):
    line = ["run", "--key", "k", *SHELL, "touch up; while ! test -e go; do sleep 0.01; done"]
    first = subprocess.Popen(["bgjobs", *line], cwd=project.path)
    await_true((project.path / "up").exists)
    assert str(first.pid) in project.run(*line, code=4).stderr
    (project.path / "go").touch()
    assert first.wait(30) == 0


def test_detach_prints_the_id_and_survives(project):
    id = project.out(
        "run", "--detach", "--each", *"abcdef", *SHELL, "echo $1; sleep 0.05", "sh", "{}"
    )
    assert re.fullmatch("[0-9a-f]{8}", id)
    project.run("wait", id, "--timeout", "30")
    assert project.info(id)["itemsCompleted"] == 6
    assert project.run("logs", "-f", id).stdout.count("<==") == 6


def test_the_same_line_again_in_the_background(project):
    script = 'echo "$1" >>ran; test "$1" = a || while ! test -e go; do sleep 0.01; done'
    line = ["run", "--detach", "--each", "a", "b", *SHELL, script, "sh", "{}"]
    id = project.out(*line)
    await_true(lambda: project.info(id)["itemsCompleted"] == 1)
    owner = project.info(id)["ownerPid"]
    again = project.run(*line, code=4)
    assert again.stdout == f"{id}\n" and str(owner) in again.stderr
    assert "going on" not in again.stderr and len(again.stderr.splitlines()) == 1

    os.kill(owner, signal.SIGKILL)
    await_true(lambda: project.info(id)["status"] == "paused")
    project.run("pause", id)
    again = project.run(*line, code=8)
    assert again.stdout == f"{id}\n" and f"bgjobs resume {id}" in again.stderr
    assert "going on" not in again.stderr and len(again.stderr.splitlines()) == 1
    assert project.run(*line[:1], *line[2:], code=8).stderr == again.stderr

    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert (project.path / "ran").read_text().split().count("a") == 1


def test_going_on_is_said_once_it_goes_on(project):
    line = ["run", "--each", "a", "b", *SHELL, "test $1 = a || test -e go || kill -9 $PPID", "x"]
    project.run(*line, code=None)
    id = only(project)["id"]
    (project.path / "go").touch()
    assert f"going on with job {id}, 1/2" in project.run(*line).stderr
    for name in ("a", "go"):
        (project.path / name).unlink(missing_ok=True)
    project.run(*line, code=None)
    new = project.jobs("--active")[0]["id"]
    (project.path / "go").touch()
    done = project.run("run", "--detach", *line[1:])
    assert done.stdout == f"{new}\n" and f"going on with job {new}, 1/2" in done.stderr
    project.run("wait", new, "--timeout", "30")


@pytest.mark.parametrize("mode", ["finish", "stop"])
def test_pause(project, mode):
    script = 'echo "$1" >>begun; trap "exit 1" TERM; while ! test -e go; do sleep 0.01; done'
    id = project.out(
        "run",
        "--detach",
        "-j2",
        "--pause-mode",
        mode,
        "--each",
        *"abcd",
        *SHELL,
        script,
        "sh",
        "{}",
    )
    begun = project.path / "begun"
    await_true(lambda: begun.exists() and len(begun.read_text().split()) == 2)
    project.run("pause", id)
    if mode == "stop":
        await_true(lambda: not processes_of(id))
    await_true(lambda: project.info(id)["pauseAcknowledged"])
    (project.path / "go").touch()
    await_true(lambda: not processes_of(id))
    info = project.info(id)
    assert info["status"] == "paused" and len(begun.read_text().split()) == 2
    await_true(lambda: project.info(id)["itemsCompleted"] == (2 if mode == "finish" else 0))
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert sorted(begun.read_text().split()) == sorted("abcd" if mode == "finish" else "ababcd")


def test_cancel_stops_the_commands(project):
    id = project.out("run", "--detach", *SHELL, "sleep 60")
    await_true(lambda: processes_of(id))
    project.run("cancel", id)
    await_true(lambda: not processes_of(id), 10)
    assert project.info(id)["status"] == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_the_job_to_the_next_run(project, number):
    script = "touch up; (setsid sleep 60 &); sleep 60 & wait"
    # In the background of a script SIGINT is ignored, and stays so.
    run = subprocess.Popen(
        ["bgjobs", "run", *SHELL, script],
        cwd=project.path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    await_true((project.path / "up").exists)
    id = only(project)["id"]
    run.send_signal(number)
    assert run.wait(30) == 128 + number
    assert f"bgjobs resume {id}" in run.stderr.read()
    info = project.info(id)
    assert (info["status"], info["reason"]) == ("paused", "interrupted")
    await_true(lambda: not processes_of(id), 1)


@pytest.mark.parametrize("how", ["exit", "match"])
def test_a_rate_limit_pauses_and_goes_on(project, how):
    options = {
        "exit": ["--rate-limit-exit", "75", "--rate-limit-wait", "1"],
        "match": ["--rate-limit-match", "retry after ([0-9]+)"],
    }[how]
    script = 'test -e "$1" && exit; touch "$1"; echo "retry after 1"; exit 75'
    id = project.out(
        "run", "--detach", *options, "--each", "a", "--", "sh", "-c", script, "sh", "{}"
    )
    await_true(lambda: project.info(id).get("reason") == "rate-limit")
    project.run("wait", id, "--timeout", "30")
    info = project.info(id)
    assert (info["status"], info["itemsCompleted"], info["itemsFailed"]) == ("completed", 1, 0)


def test_resume_of_another_job_says_who_has_to_start(project):
    id = project.out("create", "t")
    project.run("pause", id)
    assert "start" in project.run("resume", id).stderr


def test_resume_uses_the_directory_of_the_run(project):
    deep = project.path / "deep"
    deep.mkdir()
    project.run("list")
    id = project.out(
        "run",
        "--detach",
        *SHELL,
        "pwd; kill -9 $PPID",
        cwd=deep,
        env={"BGJOBS_PROJECT": str(project.path)},
    )
    await_true(lambda: project.info(id)["status"] == "paused")
    await_true(lambda: not processes_of(id))
    project.run("resume", id)
    await_true(lambda: project.run("logs", id).stdout.count(f"{deep}\n") == 2)


def test_output_without_a_newline_and_much_of_it(project):
    project.run(
        "run",
        "-j2",
        "--each",
        "1",
        "2",
        "--",
        "sh",
        "-c",
        "head -c 3000000 /dev/zero | tr '\\0' x",
        "sh",
        "{}",
    )
    log = project.out("logs", only(project)["id"])
    assert log.count("x") == 6_000_000 + log.count("exit")
    assert [line[:3] for line in log.split("\n")] == ["==>", "xxx", "<=="] * 2


def test_logs_follow_to_the_end(project):
    id = project.out(
        "run",
        "--detach",
        "--each",
        "a",
        "b",
        "--",
        "sh",
        "-c",
        "echo one; sleep 0.2; echo two",
        "sh",
        "{}",
    )
    done = project.run("logs", "-f", id)
    assert done.stdout.count("one") == done.stdout.count("two") == 2


def traced(project, inject, *arguments):
    """Runs bgjobs while one of its system calls fails, or kills it."""
    return subprocess.run(
        [
            "strace",
            "-o",
            "/dev/null",
            "-e",
            f"trace={inject.split(':')[0]}",
            "-e",
            f"inject={inject}",
            "bgjobs",
            *arguments,
        ],
        cwd=project.path,
        capture_output=True,
        text=True,
        timeout=60,
    )


can_trace = pytest.mark.skipif(
    subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0,
    reason="tracing is not permitted",
)


@can_trace
@pytest.mark.parametrize("when", range(3, 12))
@pytest.mark.parametrize("width", ["-j1", "-j3"])
def test_a_report_that_fails_once(project, when, width):
    line = ["run", width, "--each", *"abcdef", "--", "sh", "-c", "echo $1 >>ran", "x", "{}"]
    done = traced(project, f"write:error=ENOSPC:when={when}", *line)
    job = only(project)
    ran = (project.path / "ran").read_text().split() if (project.path / "ran").exists() else []
    if done.returncode == 0:
        assert (job["status"], job["itemsCompleted"]) == ("completed", 6)
    else:
        assert job["status"] == "paused"
        project.run(*line)
        ran = (project.path / "ran").read_text().split()
    assert set(ran) == set("abcdef")


@can_trace
@pytest.mark.parametrize("when", [1, 2, 3])
def test_killed_while_the_job_is_made(project, when):
    line = ["run", "--each", *"abc", "--", "sh", "-c", "echo $1 >>ran", "x", "{}"]
    traced(project, f"fdatasync:signal=KILL:when={when}", *line)
    for job in project.jobs():
        resumed = project.run("resume", job["id"], code=None)
        if resumed.returncode == 0:
            project.run("wait", job["id"], "--timeout", "30")
        else:
            assert "run the same line again" in resumed.stderr
    if not any(job["status"] == "completed" for job in project.jobs()):
        project.run(*line)
    assert only(project)["itemsCompleted"] == 3
    assert sorted((project.path / "ran").read_text().split()) == list("abc")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(project, closed):
    script = f"bgjobs run --each a b -- echo out {closed}"
    assert subprocess.run(["sh", "-c", script], cwd=project.path, timeout=30).returncode == 0
    job = only(project)
    assert (job["status"], job["itemsCompleted"]) == ("completed", 2)
    log = project.out("logs", job["id"])
    assert log.count("out ") == 2 and "bgjobs:" not in log


def test_an_item_twice_is_one_item(project):
    project.run("run", "--each", "a", "b", "a", "--", "true")
    job = only(project)
    assert (job["current"], job["total"], job["percentage"]) == (2, 2, 100)


def test_an_item_that_no_job_can_have_makes_no_job(project):
    (project.path / "items").write_bytes(b"ok\0" + b"y" * 4097 + b"\0")
    assert "4097" in project.run("run", "-0", "--items", "items", "--", "echo", code=2).stderr
    assert project.jobs() == []


def test_what_outlived_both_runner_and_keeper_ends_before_the_next_run(project):
    inner = "for i in 1 2 3 4 5 6 7 8; do echo $$ $i >>beats; sleep 0.5; done"
    line = ["run", "--each", "a", "--", "sh", "-c", f"sh -c '{inner}'; :"]
    run = subprocess.Popen(["bgjobs", *line], cwd=project.path)
    beats = project.path / "beats"
    await_true(beats.exists)
    keeper = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True).stdout
    for pid in (*keeper.split(), run.pid):
        os.kill(int(pid), signal.SIGKILL)
    run.wait()
    project.run(*line)
    workers = [beat.split()[0] for beat in beats.read_text().splitlines()]
    # No beat of the first behind the first beat of the second.
    assert workers == sorted(workers, key=workers.index)


def test_json_has_a_schema(project):
    project.run("run", "--", "true")
    id = only(project)["id"]
    for arguments in (
        ["list", "--json"],
        ["show", "--json", id],
        ["check", "--json"],
        ["cleanup", "-n", "--keep", "0", "--json"],
    ):
        assert json.loads(project.out(*arguments))["schema"] == 2


def test_cleanup(project):
    for n in range(4):
        project.run("run", "--key", f"{n}", "--", "true")
    assert len(project.out("cleanup", "-n", "--keep", "1").splitlines()) == 3
    assert len(project.jobs()) == 4
    project.run("cleanup", "--keep", "1")
    assert len(project.jobs()) == 1
    output = project.path / ".specweave/state/background-jobs.d/jobs"
    await_true(lambda: len(list(output.iterdir())) <= 1)


def test_how_many_at_a_time_is_changed_while_it_runs(project):
    items = project.path / "items"
    items.write_text("".join(f"i{place}\n" for place in range(40)))
    words = ["sh", "-c", "echo $BGJOBS_ITEM >> begun; while ! test -e go; do sleep 0.02; done"]
    project.run("run", "--detach", "-j1", "--items", items, "--", *words)
    id = only(project)["id"]
    begun = project.path / "begun"

    def count():
        return len(begun.read_text().split()) if begun.exists() else 0

    await_true(lambda: count() == 1)
    project.run("set", id, "-j3")
    await_true(lambda: count() == 3)
    project.run("set", id, "-j", "0.5", code=2)
    project.run("set", id, "-j1001", code=2)
    project.run("set", project.out("create", "t"), "-j2", code=1)
    # It stays so for a resume.
    project.run("pause", id)
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id)
    assert project.info(id)["status"] == "completed"
    assert count() == 40
