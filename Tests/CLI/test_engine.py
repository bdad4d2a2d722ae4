"""What stops a run's commands, and what of their output and ends is kept."""

import contextlib
import io
import os
import re
import resource
import signal
import subprocess
import time

import pexpect
import pytest
from test_run import SHELL, await_true, only, processes_of


def start(project, *line):
    return subprocess.Popen(["bgjobs", *line], cwd=project.path, stderr=subprocess.DEVNULL)


# ---- How commands are ended


def test_a_killed_runner_lets_its_commands_tidy_up(project):
    script = 'trap "rm lock; exit 1" TERM; touch lock; while :; do sleep 0.02; done'
    run = start(project, "run", *SHELL, script)
    await_true((project.path / "lock").exists)
    id = only(project)["id"]
    run.kill()
    run.wait()
    await_true(lambda: not processes_of(id))
    assert not (project.path / "lock").exists()


def test_what_has_left_its_group_tidies_up_too(project):
    inner = 'trap "rm lock; exit 1" TERM; touch lock; while :; do sleep 0.02; done'
    run = start(project, "run", *SHELL, f"setsid sh -c '{inner}' & sleep 60")
    await_true((project.path / "lock").exists)
    id = only(project)["id"]
    run.kill()
    run.wait()
    await_true(lambda: not processes_of(id))
    assert not (project.path / "lock").exists()


def test_what_does_not_heed_term_is_killed_and_waited_for(project):
    script = 'trap "" TERM; echo $$ >>pids; while ! test -e go; do sleep 0.05; done'
    line = ["run", "--each", "a", *SHELL, script, "sh", "{}"]
    run = start(project, *line)
    await_true((project.path / "pids").exists)
    run.kill()
    run.wait()
    begin = time.monotonic()
    again = start(project, *line)
    await_true(lambda: len((project.path / "pids").read_text().split()) == 2)
    # Whoever comes next begins when the first has ended.
    first = int((project.path / "pids").read_text().split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert time.monotonic() - begin > 3
    (project.path / "go").touch()
    assert again.wait(30) == 0


def test_a_stopped_command_ends_as_well(project):
    run = start(project, "run", *SHELL, "touch up; kill -STOP $$; :")
    await_true((project.path / "up").exists)
    id = only(project)["id"]
    run.kill()
    run.wait()
    await_true(lambda: not processes_of(id), 10)


def git(*arguments, cwd):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *map(str, arguments)],
        cwd=cwd,
        check=True,
        capture_output=True,
    )


# Real git, at a moment at which it holds its lock: a hook waits. (A signal that comes within git's
# own open(2) of a lock file leaves that there, whoever sends it.)
GIT = {
    "commit": ("hooks/pre-commit", "git -C a -c user.name=a -c user.email=a@b commit -qam x"),
    "fetch": ("hooks/reference-transaction", "git -C a fetch -q origin"),
}


@pytest.mark.parametrize("kind", GIT)
def test_killed_while_git_holds_a_lock_nothing_stands_in_the_way(project, kind):
    source, hook = project.path / "source", project.path / "a/.git" / GIT[kind][0]
    source.mkdir()
    git("init", "-q", "-b", "main", ".", cwd=source)
    (source / "file").write_text("one")
    git("add", ".", cwd=source)
    git("commit", "-qm", "one", cwd=source)
    git("clone", "-q", source, "a", cwd=project.path)
    (source / "file").write_text("two")
    git("commit", "-qam", "two", cwd=source)
    (project.path / "a/file").write_text("three")
    go = project.path / "go"
    hook.write_text(f"#!/bin/sh\ntouch {project.path}/up\ntest -e {go} || sleep 60\n")
    hook.chmod(0o755)
    line = ["run", "--each", "a", *SHELL, GIT[kind][1], "sh", "{}"]
    run = start(project, *line)
    await_true((project.path / "up").exists)
    locks = lambda: list(project.path.glob("a/.git/**/*.lock"))  # noqa: E731
    assert locks()
    run.kill()
    run.wait()
    go.touch()
    project.run(*line)
    assert not locks()


def test_a_killed_clone_leaves_nothing_half_made(project):
    git("init", "-q", "--bare", "source", cwd=project.path)
    wait = f"touch {project.path}/up; test -e {project.path}/go || sleep 60; git-upload-pack"
    line = ["run", "--each", "a", "--", "git", "clone", "-q", "-u", wait]
    line += [f"file://{project.path}/source", "{}"]
    run = start(project, *line)
    await_true((project.path / "up").exists)
    assert (project.path / "a").exists()
    run.kill()
    run.wait()
    (project.path / "go").touch()
    project.run(*line)
    git("fsck", cwd=project.path / "a")


# ---- Output and what frames it


def test_no_output_passes_for_a_frame(project):
    forged = "<== a: exit 0, 1.0 s\\n==> b\\nend\\t1\\t1\\t1\\t1\\t0\\t9\\texit 0\\ta\\n"
    script = f'printf "{forged}"; echo "real $1"; test "$1" = b'
    project.run("run", "-j2", "--each", "a", "b", *SHELL, script, "sh", "{}", code=7)
    id = only(project)["id"]
    for item in "ab":
        text = project.out("logs", id, "--item", item)
        assert f"real {item}" in text
        assert f"real {'b' if item == 'a' else 'a'}" not in text
    assert "real a" in project.out("logs", id, "--failed")
    assert "real b" not in project.out("logs", id, "--failed")


def test_any_bytes_come_back_as_they_were(project):
    data = bytes(range(256)) * 300
    (project.path / "data").write_bytes(data)
    project.run("run", "--each", "x", "--", "sh", "-c", "cat data", "sh", "{}")
    done = subprocess.run(
        ["bgjobs", "logs", only(project)["id"], "--item", "x"],
        cwd=project.path,
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"==> x\n" + data)


def test_the_logs_of_an_item_need_little_memory(project):
    project.run("run", "--each", "x", "y", *SHELL, "head -c 300000000 /dev/zero", "sh", "{}")
    id = only(project)["id"]
    done = subprocess.run(
        f"bgjobs logs {id} --item y | wc -c",
        shell=True,
        cwd=project.path,
        capture_output=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (128 << 20, 128 << 20)),
    )
    assert int(done.stdout) > 300_000_000


def test_output_of_a_killed_run_is_taken_up(project):
    script = 'echo "began $1"; touch "up-$1"; while ! test -e go; do sleep 0.02; done'
    line = ["run", "-j2", "--each", "a", "b", *SHELL, script, "sh", "{}"]
    run = start(project, *line)
    await_true(lambda: (project.path / "up-a").exists() and (project.path / "up-b").exists())
    run.kill()
    run.wait()
    (project.path / "go").touch()
    project.run(*line)
    log = project.out("logs", only(project)["id"])
    for item in "ab":
        assert f"==> {item}\nbegan {item}\n<== {item}: interrupted\n" in log
        assert re.search(rf"==> {item} \(attempt 2\)\nbegan {item}\n<== {item}: exit 0, ", log)


def follow(project, id, *options):
    return subprocess.Popen(
        ["bgjobs", "logs", "-f", id, *options],
        cwd=project.path,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_follow_goes_on_through_a_pause(project):
    script = 'echo "out $1"; touch "up-$1"; while ! test -e "go-$1"; do sleep 0.02; done'
    id = project.out("run", "--detach", "--each", "a", "b", *SHELL, script, "sh", "{}")
    await_true((project.path / "up-a").exists)
    log = follow(project, id)
    project.run("pause", id)
    (project.path / "go-a").touch()
    await_true(lambda: project.info(id)["itemsCompleted"] == 1)
    time.sleep(0.3)
    assert log.poll() is None
    project.run("resume", id)
    await_true((project.path / "up-b").exists)
    (project.path / "go-b").touch()
    text = log.communicate(timeout=30)[0]
    assert "out a" in text and "out b" in text and text.count("exit 0") == 2


@pytest.mark.parametrize("how", ["follow", "tag"])
def test_output_side_by_side_comes_line_by_line(project, how):
    script = 'printf "one $1\\ntwo "; touch up-$1; until test -e go; do sleep 0.02; done; echo $1'
    line = ["run", "-j2", "--each", "a", "b", *SHELL, script, "sh", "{}"]
    if how == "follow":
        id = project.out(*line[:1], "--detach", *line[1:])
        output = follow(project, id)
    else:
        output = subprocess.Popen(
            ["bgjobs", *line[:1], "--tag", *line[1:]],
            cwd=project.path,
            stdout=subprocess.PIPE,
            text=True,
        )
    first = sorted([output.stdout.readline(), output.stdout.readline()])
    assert first == ["a\tone a\n", "b\tone b\n"]
    (project.path / "go").touch()
    assert sorted(output.communicate(timeout=30)[0].splitlines()) == ["a\ttwo a", "b\ttwo b"]


@contextlib.contextmanager
def small_disk(path, size):
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip("mounting is not permitted")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.mark.parametrize("width", ["-j1", "-j3"])
def test_a_full_disk_is_waited_for(project, tmp_path_factory, width):
    ran = tmp_path_factory.mktemp("outside") / "ran"
    with small_disk(project.path, "4m"):
        script = f'echo "$1 ran" && echo $1 >>{ran}'
        line = ["run", width, "--each", *"abcdef", *SHELL, script + "; sleep 0.5", "sh", "{}"]
        run = subprocess.Popen(
            ["bgjobs", *line], cwd=project.path, stderr=subprocess.PIPE, text=True
        )
        await_true(ran.exists)
        fill(project.path)
        time.sleep(1.5)
        assert run.poll() is None
        (project.path / "filler").unlink()
        _, told = run.communicate(timeout=60)
        assert run.returncode in (0, 7), told
        job = project.job(only(project)["id"])
        assert job["status"] == "completed"
        progress = job["progress"]
        assert sorted(progress["itemsCompleted"] + progress["itemsFailed"]) == list("abcdef")


def fill(path):
    with (path / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def fill_page(project):
    """Leaves less room in the last page of the journal than any event takes."""
    journal = project.path / ".specweave/state/background-jobs.d/journal"

    def create(length):
        size = journal.stat().st_size
        project.run("create", "x", "--key", f"{size:0{length}}")
        return journal.stat().st_size - size

    least = create(20) - 20
    for _ in range(100):
        room = -journal.stat().st_size % 4096
        if room < 32:
            return
        create(min(max(20, room - least - 16), 200))
    pytest.fail("the journal fills no page")


@pytest.mark.parametrize(
    ("end", "options", "code", "status"),
    [
        ("true", [], 0, "completed"),
        ("false", [], 1, "failed"),
        ("false", ["--halt", "1"], 1, "paused"),
        ("exit 75", ["--rate-limit-exit", "75", "--rate-limit-wait", "1"], 0, "completed"),
    ],
    ids=["complete", "fail", "halt", "rate-limit"],
)
def test_a_full_disk_at_the_end_is_waited_for(
    project, tmp_path_factory, end, options, code, status
):
    """The journal has no room in its page for one more event; the other files have."""
    outside = tmp_path_factory.mktemp("outside")
    up, go = outside / "up", outside / "go"
    script = f"touch {up}; until test -e {go}; do sleep 0.02; done; "
    script += f"test -e {go}2 || {{ touch {go}2; {end}; }}"
    with small_disk(project.path, "4m"):
        line = ["run", *options, "--each", "a", *SHELL, script, "sh", "{}"]
        run = subprocess.Popen(
            ["bgjobs", *line], cwd=project.path, stderr=subprocess.PIPE, text=True
        )
        await_true(up.exists)
        fill_page(project)
        fill(project.path)
        go.touch()
        time.sleep(1.5)
        assert run.poll() is None
        (project.path / "filler").unlink()
        _, told = run.communicate(timeout=60)
        assert run.returncode == code, told
        assert "No space left" in told
        assert [job["status"] for job in project.jobs("--type", "run")] == [status]


# ---- When a run ends, or waits


def test_a_pause_during_the_last_item_has_nothing_to_hold(project):
    id = project.out("run", "--detach", *SHELL, "touch up; while ! test -e go; do sleep 0.02; done")
    await_true((project.path / "up").exists)
    project.run("pause", id)
    (project.path / "go").touch()
    project.run("wait", id, "--timeout", "30")
    assert project.info(id)["status"] == "completed"


def test_stopped_by_ctrl_z_is_no_work(project):
    script = 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; echo "$1" >>ran'
    child = pexpect.spawn("bash", ["--norc", "-i"], cwd=str(project.path), encoding="utf-8")
    child.logfile_read = io.StringIO()
    child.sendline("PS1='ready> '")
    child.expect("ready> ")
    child.sendline(f"bgjobs run --each a b -- sh -c '{script}' sh {{}}")
    await_true(lambda: project.jobs("--active"))
    time.sleep(0.4)
    child.send("\x1a")
    child.expect("Stopped")
    id = only(project)["id"]
    assert (project.info(id)["status"], project.info(id)["reason"]) == ("paused", "stopped")
    time.sleep(3)
    child.sendline("bg")
    await_true(lambda: project.info(id)["status"] == "completed")
    assert project.info(id)["activeMs"] < 4500
    # In the background, the line is the shell's.
    child.sendline("echo the end")
    child.expect("the end\r\n")
    shown = child.logfile_read.getvalue().split("Stopped")[-1]
    assert "0/2" not in shown and "1/2" not in shown
    child.close(force=True)


def test_a_command_that_takes_too_long_is_stopped_with_all_it_has_started(project):
    script = 'test "$1" = b || { sleep 60 & sleep 61; }'
    done = project.run(
        "run", "-j2", "--timeout", "700ms", "--each", "a", "b", *SHELL, script, "sh", "{}", code=7
    )
    id = only(project)["id"]
    assert "a: timed out after 700ms" in project.out("show", id), done.stderr
    assert not processes_of(id)
    project.run("run", "--timeout", "1", "--key", "k", *SHELL, "sleep 60", code=124)


@pytest.mark.parametrize(
    "rule, begun",
    [(["--halt", "3"], 3), (["--halt", "20%"], 2), (["--halt-in-a-row", "2"], 5), ([], 10)],
)
def test_halt(project, rule, begun):
    # 1, 4 and from 4 on: bad.
    script = 'echo "$1" >>ran; case $1 in 1|4|5|6|7|8|9) exit 3;; esac'
    if rule and rule[0] == "--halt":
        script = 'echo "$1" >>ran; exit 3'
    done = project.run(
        "run", *rule, "--each", *map(str, range(10)), *SHELL, script, "sh", "{}", code=None
    )
    if "--halt-in-a-row" in rule:
        begun = 6
    assert len((project.path / "ran").read_text().split()) == begun
    if not rule:
        return
    job = only(project)
    assert done.returncode == (7 if job["itemsCompleted"] else 1)
    assert "halted" in done.stderr and job["status"] == "paused"
    assert job["itemsOpen"] == 10 - begun


def test_delay_between_beginnings(project):
    script = "date +%s%N >>begun"
    project.run("run", "-j4", "--delay", "200ms", "--each", *"abcd", *SHELL, script, "sh", "{}")
    times = sorted(map(int, (project.path / "begun").read_text().split()))
    # Each may start late, so only all of it is sure.
    assert times[-1] - times[0] > 500e6


def test_a_dry_run_makes_nothing(project):
    text = project.out("run", "--dry-run", "--each", "a b", "it's", "--", "cp", "{}", "x/{}.bak")
    assert text.splitlines() == ["cp 'a b' 'x/a b.bak'", "cp 'it'\\''s' 'x/it'\\''s.bak'"]
    assert not (project.path / ".specweave").exists()


@pytest.mark.parametrize("width", ["-j0", "-j100%", "-j1%"])
def test_as_many_as_processors(project, width):
    project.run("run", width, "--each", *"abc", "--", "true")
    (job,) = project.jobs()
    stored = project.job(job["id"])["config"]["jobs"]
    assert stored == (1 if width == "-j1%" else len(os.sched_getaffinity(0)))


def test_placeholders_of_parallel(project):
    words = ["{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{%}", "x{/}y{}"]
    items = ["a/b.tar.gz", "plain", "/root", ".hidden", "d.d/x", "{/}.c"]
    project.run("run", "--each", *items, "--", "printf", "%s|", *words)
    log = project.out("logs", only(project)["id"])
    expected = [
        "a/b.tar.gz|a/b.tar|b.tar.gz|a|b.tar|1|1|xb.tar.gzya/b.tar.gz|",
        "plain|plain|plain|.|plain|2|1|xplainyplain|",
        "/root|/root|root|/|root|3|1|xrooty/root|",
        ".hidden|.hidden|.hidden|.|.hidden|4|1|x.hiddeny.hidden|",
        "d.d/x|d.d/x|x|d.d|x|5|1|xxyd.d/x|",
        "{/}.c|{/}|}.c|{|}|6|1|x}.cy{/}.c|",
    ]
    for line in expected:
        assert line in log


@pytest.mark.parametrize("word", ["{1}", "{-1}", "{+/}", "{..}", "{= s/a/b/ =}", "{2/.}", "{##}"])
def test_placeholders_that_we_do_not_have_are_refused(project, word):
    done = project.run("run", "--each", "a", "--", "echo", word, code=2)
    assert word in done.stderr and "{/.}" in done.stderr
    assert not (project.path / ".specweave").exists()


@pytest.mark.parametrize("word", ["${x}", "{print $1}", "{a,b}", "{}{print}"])
def test_other_braces_are_the_commands_own(project, word):
    done = project.run("run", "--each", "a", "--", "echo", word)
    assert "placeholder" not in done.stderr


def test_a_word_in_braces_is_doubted(project):
    done = project.run("run", "--each", "a", "--", "echo", "{file}")
    assert "{file}" in done.stderr and "{//}" in done.stderr


def test_why_it_failed_stands_beside_how(project):
    said = "\\033[31mfatal: no https://u:secret@h/x\\033[0m\\n\\n"
    script = f'echo out; printf "{said}" >&2; exit 128'
    project.run("run", "--each", "a", *SHELL, script, "sh", "{}", code=1)
    text = project.out("show", only(project)["id"])
    assert "a: exit 128: fatal: no https://" in text and "secret" not in text


def test_the_code_of_a_single_command_is_that_of_run(project):
    assert project.run("run", "--key", "a", *SHELL, "exit 42", code=None).returncode == 42
    assert project.run("run", "--key", "b", *SHELL, "kill -TERM $$", code=None).returncode == 143
    assert project.run("run", "--key", "c", "--", "true").stderr == ""


def test_without_a_terminal_there_is_a_line_at_the_end(project):
    done = project.run("run", "--each", "a", "b", "--", "true")
    assert re.search("2 items done, in ", done.stderr)
    assert project.run("run", "-q", "--key", "k", "--each", "a", "--", "true").stderr == ""


def test_without_a_terminal_long_work_is_not_silent(project):
    done = project.run("run", "--each", "a", "b", "--", "sh", "-c", "sleep 3.2", "sh", "{}")
    assert re.search("1/2  50 %", done.stderr)


def test_attempts_are_told(project):
    script = 'echo "$BGJOBS_ATTEMPT" >>ran; test "$BGJOBS_ATTEMPT" = 2'
    project.run("run", "--retries", "1", "--each", "a", *SHELL, script, "sh", "{}")
    assert (project.path / "ran").read_text().split() == ["1", "2"]


def test_a_signal_reaches_what_is_stopped(project):
    run = start(project, "run", *SHELL, "touch up; kill -STOP $$; :")
    await_true((project.path / "up").exists)
    run.send_signal(signal.SIGTERM)
    assert run.wait(20) == 128 + signal.SIGTERM


# ---- Items that do harm


def test_what_kills_its_runner_comes_behind_the_others_and_fails_at_last(project):
    script = 'echo "$1" >>ran; test "$1" != a || { kill -9 $(cat runner); sleep 60; }'
    line = ["run", "--each", *"abcd", *SHELL, script, "sh", "{}"]
    for _ in range(4):
        run = start(project, *line)
        (project.path / "runner").write_text(str(run.pid))
        run.wait(30)
    ran = (project.path / "ran").read_text().split()
    assert ran == ["a", "b", "c", "d", "a", "a"]
    job = project.job(only(project)["id"])
    assert job["progress"]["itemsFailed"] == ["a"] and job["status"] == "completed"
    assert "its runner died 3 times" in project.out("show", job["id"])


def test_what_a_signal_stops_is_no_death(project):
    script = 'echo "$1" >>ran; test -e go || sleep 60'
    line = ["run", "--each", *"ab", *SHELL, script, "sh", "{}"]
    ran = project.path / "ran"
    for n in range(1, 6):
        run = start(project, *line)
        await_true(lambda n=n: ran.exists() and len(ran.read_text().split()) == n)
        run.terminate()
        run.wait(30)
    (project.path / "go").touch()
    project.run(*line)
    assert ran.read_text().split() == ["a"] * 6 + ["b"]


def test_one_that_is_always_limited_holds_up_no_other(project):
    script = 'echo "$1" >>ran; test "$1" != a || { echo "retry after 0.1"; exit 75; }'
    line = ["run", "--rate-limit-exit", "75", "--rate-limit-match", "after ([0-9.]+)"]
    line += ["--rate-limit-retries", "2", "--each", *"abc", *SHELL, script, "sh", "{}"]
    project.run(*line, code=7)
    assert (project.path / "ran").read_text().split() == ["a", "b", "c", "a", "a"]
    assert "a: rate-limited 3 times" in project.out("show", only(project)["id"])


def test_attempts_count_over_runs(project):
    line = ["run", "--each", "a", *SHELL, 'echo "$BGJOBS_ATTEMPT" >>ran; test -e go', "sh", "{}"]
    project.run(*line, code=1)
    (project.path / "go").touch()
    project.run(*line)
    assert (project.path / "ran").read_text().split() == ["1", "2"]
