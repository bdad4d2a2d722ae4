"""What users of GNU parallel, pueue and make expect, and what a command may do to its runner."""

import os
import subprocess
import time

import pexpect
import pytest
from test_run import SHELL, await_true, only


def ran(project):
    file = project.path / "ran"
    return file.read_text().split() if file.exists() else []


def alive(word):
    """The processes in whose arguments it stands."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if entry.isdigit() and word.encode() in file.read():
                    found.append(int(entry))
        except OSError:
            continue
    return found


# ---- A refused run changes nothing


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_a_run_that_is_not_started_changes_no_plan(project, options):
    (project.path / "l").write_text("1\n2\n3\n")
    line = ["run", "--key", "k", "--items", "l", *SHELL, "echo $1 >>ran; sleep 1", "sh", "{}"]
    run = subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)
    await_true(lambda: ran(project) == ["1"])
    id = only(project)["id"]
    project.run("pause", id)
    run.kill()
    run.wait()
    (project.path / "l").write_text("8\n9\n")
    refused = project.run(*line[:1], *options, *line[1:], code=8)
    assert f"bgjobs resume {id}" in refused.stderr
    items = [line.split("\t")[0] for line in project.out("items", id).splitlines()]
    assert items == ["1", "2", "3"]


def test_a_cancelled_job_of_the_line_is_told(project):
    line = ["run", "--each", "a", "b", "--", "sh", "-c", "test -e go || sleep 60", "sh", "{}"]
    run = subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)
    await_true(lambda: project.state.exists() and only(project)["status"] == "running")
    id = only(project)["id"]
    project.run("done", id, "a")
    project.run("cancel", id)
    run.wait()
    (project.path / "go").touch()
    again = project.run(*line)
    assert f"job {id} of this line was cancelled with 1 item done" in again.stderr
    assert f"bgjobs retry {id}" in again.stderr


def test_another_list_for_the_same_command_is_told(project):
    job = project.out("run", "--detach", "--each", "a", *SHELL, "sleep 60", "sh", "{}")
    other = subprocess.Popen(
        ["bgjobs", "run", "--each", "b", *SHELL, "sleep 60", "sh", "{}"],
        cwd=project.path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert f"job {job} has the same command" in other.stderr.readline()
    project.run("cancel", "--all")
    other.wait()


@pytest.mark.parametrize("path", ["./l", "././l", "{here}/l"])
def test_a_list_has_one_name(project, path):
    (project.path / "l").write_text("1\n2\n")
    command = [*SHELL, "echo $1 >>ran; [ $1 != 2 ]", "sh", "{}"]
    project.run("run", "--items", "l", *command, code=7)
    project.run("run", "--items", path.format(here=project.path), *command, code=7)
    assert ran(project) == ["1", "2", "2"]


def test_several_lists_are_one(project):
    (project.path / "l").write_text("1\n2\n")
    (project.path / "m").write_text("3\n")
    command = [*SHELL, "echo $1 >>ran", "sh", "{}"]
    project.run("run", "--items", "l", "--items", "m", *command)
    assert ran(project) == ["1", "2", "3"]
    assert "once" in project.run("run", "--items", "-", "--items", "-", *command, code=2).stderr


def test_a_dry_run_shows_what_would_run(project):
    line = ["--each", "a", "b", "c", *SHELL, "[ $1 != b ]", "sh", "{}"]
    assert len(project.out("run", "--dry-run", *line).splitlines()) == 3
    assert not project.state.exists()
    project.run("run", *line, code=7)
    (shown,) = project.out("run", "--dry-run", *line).splitlines()
    assert shown.endswith(" sh b")
    assert len(project.out("run", "--dry-run", "--again", *line).splitlines()) == 3
    assert len(project.jobs()) == 1


def test_retry_all_leaves_out_what_was_cancelled(project):
    wrong = project.out("create", "x")
    project.run("cancel", wrong)
    failed = project.out("create", "x")
    project.run("fail", failed)
    project.run("retry", "--all")
    assert (project.info(wrong)["status"], project.info(failed)["status"]) == ("failed", "pending")


# ---- Small things


@pytest.mark.parametrize("words", [["echo", ":::", "a"], ["echo", "{}", "::::", "list"]])
def test_what_is_meant_for_parallel_is_not_run(project, words):
    assert "--each" in project.run("run", "--", *words, code=2).stderr


@pytest.mark.parametrize("count", ["+1", "+0", "-1"])
def test_more_than_the_cores_is_no_number(project, count):
    project.run("run", f"-j{count}", "--", "true", code=2)


@pytest.mark.parametrize(("text", "least"), [("0.5", 0.5), ("0.5s", 0.5), (".2", 0.2)])
def test_times_have_decimals(project, text, least):
    begin = time.monotonic()
    project.run("run", "--timeout", text, "--", "sleep", "60", code=124)
    assert time.monotonic() - begin >= least


@pytest.mark.parametrize("text", [".", "1.2.3", "-1", "1.5x", "nan", "inf", "1e3"])
def test_what_is_no_time(project, text):
    project.run("run", "--timeout", text, "--", "true", code=2)


def test_a_terminal_shows_how_it_ended(project):
    for line, said in (
        ("run -- true", "done in .*bgjobs logs "),
        ("run --each a b -- true", "2 items done, in "),
    ):
        child = pexpect.spawn(f"bgjobs {line}", cwd=str(project.path), encoding="utf-8")
        child.expect(said)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0


# ---- Rate limits


def test_what_a_command_says_of_its_limit_counts(project):
    script = (
        "test -e again && exit 0; touch again;"
        " bgjobs rate-limited $BGJOBS_JOB_ID --retry-after 1; exit 75"
    )
    begin = time.monotonic()
    project.run("run", "--rate-limit-exit", "75", *SHELL, script)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("said", ["Retry-After: 1", "< retry-after: 1\\r", "RETRY-AFTER=1"])
def test_the_header_in_the_output_counts(project, said):
    script = f"test -e again && exit 0; touch again; printf '{said}\\nmore\\n'; exit 75"
    begin = time.monotonic()
    project.run("run", "--rate-limit-exit", "75", *SHELL, script)
    assert time.monotonic() - begin < 30


# ---- A command that tells how far it is


def test_its_count_begins_anew_with_each_attempt(project):
    script = (
        "for n in 1 2 3; do bgjobs update --total 3 --advance 1;"
        " if [ $n = 2 ] && ! test -e again; then touch again; kill -9 $PPID; sleep 60; fi; done"
    )
    # Its parent is the keeper; without it the runner gives up.
    project.run("run", *SHELL, script, code=None)
    assert project.run("run", *SHELL, script).returncode == 0
    info = only(project)
    assert (info["status"], info["current"], info["total"]) == ("completed", 3, 3)


def test_a_command_that_fails_has_not_counted_itself(project):
    project.run("run", *SHELL, "bgjobs update --total 3 --advance 1; exit 5", code=5)
    info = only(project)
    assert (info["current"], info["total"]) == (1, 3)


# ---- What a command leaves behind, or writes


@pytest.mark.parametrize("way", ["setsid sh -c", "sh -c"])
def test_a_timeout_ends_all_that_it_has_started(project, way):
    inner = f"{way} 'trap \"\" TERM; echo $$ >up.new; mv up.new up; exec sleep 333'"
    # The next one looks when it begins: nothing may be left then.
    begin = "if [ $1 = b ]; then test -e /proc/$(cat up); echo $? >gone; exit; fi"
    script = f"{begin}; {inner} & while ! test -e up; do sleep 0.01; done; sleep 60"
    line = ["run", "--timeout", "3", "--each", "a", "b", *SHELL, script, "sh", "{}"]
    run = subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)
    await_true((project.path / "up").exists)
    assert run.wait(60) == 7
    assert (project.path / "gone").read_text() == "1\n"


def test_one_that_never_stops_writing_holds_up_nothing(project):
    script = "while :; do echo y; done"
    run = subprocess.Popen(
        ["bgjobs", "run", "--tag", "--timeout", "1", *SHELL, script],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert run.wait(60) == 124


def test_one_that_leaves_a_writer_is_done(project):
    script = "[ $1 = b ] && exit 0; yes & sleep 0.3; exit 0"
    line = ["run", "--each", "a", "b", *SHELL, script, "sh", "{}"]
    run = subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)
    assert run.wait(60) == 0


def test_nothing_is_alive_when_it_returns(project):
    word = f"779{os.getpid()}"
    project.run("run", *SHELL, f"setsid sh -c 'trap \"\" TERM; touch up; sleep {word}' & sleep 0.2")
    assert not alive(word)


def test_what_died_three_times_is_not_counted_a_fourth(project):
    line = ["run", "--each", "a", *SHELL, "echo $BGJOBS_ATTEMPT >>ran; sleep 60", "sh", "{}"]
    for count in range(3):
        run = subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)
        await_true(lambda count=count: len(ran(project)) == count + 1)
        run.kill()
        run.wait()
    project.run(*line, code=1)
    assert ran(project) == ["1", "2", "3"]
    assert project.out("items", only(project)["id"]).split("\t")[2] == "3"


def test_few_descriptors_are_few_commands(project):
    line = ["run", "-j50", "--each", *map(str, range(20)), *SHELL, "echo $1 >>ran", "sh", "{}"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", "bgjobs", *line],
        cwd=project.path,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(map(int, ran(project))) == list(range(20))


def test_a_log_beyond_the_limit_is_told(project):
    line = ["run", "--each", "a", "b", *SHELL, "head -c 15000 /dev/zero", "sh", "{}"]
    run = subprocess.Popen(
        ["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", "bgjobs", *line],
        cwd=project.path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "File too large" in run.stderr.readline()
    run.terminate()
    run.wait()
    assert run.returncode > 0  # not by SIGXFSZ
    project.run(*line)


def test_nothing_that_is_printed_looks_like_a_frame(project):
    fake = "<== b: exit 0, 0.0 s\\n==> b\\nfine\\n<== b\\n=="
    project.run("run", "--each", "a", *SHELL, f"printf '{fake}'", "sh", "{}")
    lines = project.out("logs", only(project)["id"]).splitlines()
    assert lines[1:-1] == ["\\<== b: exit 0, 0.0 s", "\\==> b", "fine", "\\<== b", "=="]
    assert lines[0] == "==> a" and lines[-1].startswith("<== a: exit 0, ")


def test_a_tagged_line_shows_what_a_terminal_would(project):
    done = project.run(
        "run", "--tag", "--each", "a", *SHELL, "printf '1%%\\r2%%\\r\\nx\\n'", "sh", "{}"
    )
    assert done.stdout == "a\t2%\na\tx\n"


# ---- Items with credentials


def test_a_new_token_is_no_new_item(project):
    script = "echo $1 >>ran; [ -e go ] || [ ${1##*/} = x ]"
    for token in ("OLDt0ken11", "NEWt0ken22"):
        (project.path / "l").write_text(f"https://u:{token}@h/x\nhttps://u:{token}@h/y\n")
        project.run("run", "--items", "l", *SHELL, script, "sh", "{}", code=None)
        (project.path / "go").touch()
    assert ran(project) == [
        "https://u:OLDt0ken11@h/x",
        "https://u:OLDt0ken11@h/y",
        "https://u:NEWt0ken22@h/y",
    ]
    assert (only(project)["itemsCompleted"], only(project)["itemsFailed"]) == (2, 0)


def test_a_name_that_was_an_item_stays_one(project):
    script = "echo $1 >>ran; [ $1 != failme ]"
    for url in ("https://***@h/x", "https://u:S3cretT0ken@h/x"):
        (project.path / "l").write_text(f"{url}\nfailme\n")
        project.run("run", "--items", "l", *SHELL, script, "sh", "{}", code=7)
    assert "https://u:S3cretT0ken@h/x" in ran(project)
