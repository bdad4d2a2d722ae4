"""Every exit code and every error: it says what and why, and changes nothing."""

import json
import os
import subprocess

import pytest


def complaint(done):
    """The message: one that names the program or the usage, and nothing on standard output."""
    assert done.stdout == ""
    assert done.stderr.startswith(("bgjobs: ", "Error: "))
    return done.stderr


@pytest.fixture
def id(project):
    return project.out("create", "t", "--total", 3)


USAGE = [
    (["nonsense"], "nonsense"),
    (["--nonsense"], "nonsense"),
    (["show"], "id"),
    (["show", ""], "empty"),
    (["show", "a", "b"], "b"),
    (["create"], "type"),
    (["create", ""], "type"),
    (["create", "t", "--total", "x"], "total"),
    (["create", "t", "--total", "-1"], "total"),
    (["create", "t", "--config", "{"], "config"),
    (["create", "t", "--config", "@nowhere"], "nowhere"),
    (["create", "t", "--items", "nowhere"], "nowhere"),
    (["done", "ID"], "item"),
    (["done", "ID", "x" * 4097], "4096"),
    (["done", "ID", b"\xff\xfe"], "UTF-8"),
    (["failed", "ID"], "item"),
    (["update", "ID"], "nothing"),
    (["update", "ID", "--current", "-2"], "current"),
    (["update", "ID", "--why", "x"], "--failed"),
    (["update", "ID", "--cursor", "{"], "cursor"),
    (["pause", "ID", "--retry-after", "soon"], "soon"),
    (["rate-limited", "ID", "--retry-after", "-5"], "--retry-after"),
    (["wait", "ID", "--for", "sometime"], "sometime"),
    (["wait", "ID", "--timeout", "1x"], "1x"),
    (["start", "ID", "--owner-pid", "0"], "owner-pid"),
    (["start", "ID", "--owner-pid", "1", "--owner-fd", "1"], "exclude"),
    (["complete", "ID", "--result", "{"], "result"),
    (["list", "--status", "x"], "x"),
    (["list", "--active", "--status", "failed"], "exclude"),
    (["cleanup", "--keep", "-1"], "keep"),
    (["run", "--timeout", "0", "--", "true"], "--timeout"),
    (["--id", "ID", "--active"], "exclude"),
    (["run"], "command"),
    (["run", "--", ""], "command"),
    (["run", "--", "true", "{}"], "--items"),
    (["run", "-j", "1001", "--", "true"], "-j"),
    (["run", "--retries", "-1", "--", "true"], "retries"),
    (["run", "--items", "f", "--each", "a", "--", "true"], "exclude"),
    (["run", "--items", "-", "--", "ls"], "option"),
    (["run", "--rate-limit-match", "(", "--", "true"], "("),
    (["run", "--rate-limit-exit", "0", "--", "true"], "rate-limit-exit"),
    (["run", "--pause-mode", "x", "--", "true"], "pause-mode"),
]


@pytest.mark.parametrize("arguments, word", USAGE, ids=lambda value: str(value)[:40])
def test_2_usage(project, id, arguments, word):
    before = project.job(id)
    arguments = [id if argument == "ID" else os.fsdecode(argument) for argument in arguments]
    done = project.run(*arguments, code=2, input="-x\n")
    assert word in complaint(done)
    assert project.job(id) == before and len(project.jobs()) == 1


@pytest.mark.parametrize(
    "word, near",
    [
        ("foo", None),
        ("lst", "list"),
        ("shwo", "show"),
        ("wiat", "wait"),
        ("tail", "logs -f"),
        ("ps", "list"),
        ("clone-repos", None),
        # What changes a job is never suggested.
        ("stat", None),
        ("rate-limit", None),
        ("comp", None),
        ("pasue", None),
        ("cancle", None),
        ("fial", None),
        ("cleenup", None),
        ("rnu", None),
        ("l" * 3000, None),
    ],
)
def test_2_no_such_command(project, word, near):
    for arguments in ([word], [word, "x", "--y"], ["-C", ".", word]):
        message = complaint(project.run(*arguments, code=2))
        assert f"there is no command '{word}'" in message and len(message.splitlines()) == 1
        assert (f"there is {near}." in message) if near else "; there is" not in message
    project.run("help", "list")
    project.run("help")


def test_2_usage_is_that_of_the_command(project, id):
    """Whether the options are wrong by themselves, or turn out to be when it runs."""
    for arguments in (
        ["list", "--bogus"],
        ["list", "--status", "x"],
        ["pause", "--bogus", id],
        ["pause", id, "--retry-after", "soon"],
        ["wait", id, "--for", "sometime"],
        ["update", id, "--bogus"],
        ["update", id, "--cursor", "@nowhere"],
        ["create", "t", "--items", "nowhere"],
        ["plan", id, "--items", "nowhere"],
        ["run", "--rate-limit-match", "(", "--", "true"],
        ["run", "--bogus", "--", "true"],
        ["run", "--each", "-x", "--", "ls"],
        ["logs", "--bogus", id],
        ["cleanup", "--bogus"],
    ):
        message = complaint(project.run(*arguments, code=2))
        usage = message[message.index("Usage: ") :]
        assert usage.startswith(f"Usage: bgjobs {arguments[0]} "), message
        assert f"'bgjobs {arguments[0]} --help'" in usage and "bgjobs COMMAND" not in usage
    for arguments in (["--bogus"], ["--id"], ["--active", "--all"]):
        assert "Usage: bgjobs [" in complaint(project.run(*arguments, code=2))


@pytest.mark.parametrize(
    "command",
    [
        "cancel",
        "complete",
        "fail",
        "logs",
        "next",
        "pause",
        "rate-limited",
        "resume",
        "retry",
        "show",
        "start",
        "wait",
    ],
)
def test_3_not_found(project, id, command):
    message = complaint(project.run(command, "zzzz", code=3))
    assert "zzzz" in message


def test_3_not_found_with_items(project, id):
    for arguments in (["done", "zz", "a"], ["failed", "zz", "a"], ["update", "zz", "--current", 1]):
        assert "zz" in complaint(project.run(*arguments, code=3))
    assert "zz" in complaint(project.run("--id", "zz", code=3))
    assert "zz" in complaint(project.run("--resume", "zz", code=3))


def test_3_ambiguous_and_an_exact_id_wins(project):
    ids = [project.out("create", "t") for _ in range(40)]
    first = next(a for a in ids if sum(b[0] == a[0] for b in ids) > 1)
    assert first[0] in complaint(project.run("show", first[0], code=3))
    for id in ids:
        assert project.info(id)["id"] == id


def test_1_failure_of_the_system(project, id):
    done = project.run("list", "-C", project.path / "nowhere", code=3)
    assert "nowhere" in complaint(done)
    done = project.run("logs", id, code=1)
    assert "no output" in complaint(done)
    assert "no such program" in complaint(project.run("run", "--", "no-such-program", code=1))
    assert "directory" in complaint(project.run("run", "--", "./", code=1))
    assert len(project.jobs()) == 1


def test_1_output_that_cannot_be_written(project, id):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            ["bgjobs", "list"], cwd=project.path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "cannot write the output" in done.stderr


def test_1_another_file_system(project):
    done = project.run("list", "-C", "/proc/self", code=1)
    assert "BGJ_" not in done.stderr and "any file system" in done.stderr
    for arguments in (
        ["list", "-C", "/proc/self", "--any-file-system"],
        ["--any-file-system", "-C", "/proc/self", "list"],
        ["-C", "/proc/self", "--any-file-system"],
    ):
        assert project.run(*arguments).stdout == ""


def test_4_busy(project, id):
    project.run("start", id, "--owner-pid", os.getpid())
    other = subprocess.Popen(["sleep", "60"])
    try:
        done = project.run("start", id, "--owner-pid", other.pid, code=4)
        assert str(os.getpid()) in complaint(done)
    finally:
        other.kill()
        other.wait()


def test_5_damaged(project, id):
    journal = project.path / ".specweave/state/background-jobs.d/journal"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    assert project.info(id)["id"] == id  # the state file has it too
    assert "journal.corrupt" in project.run("check", code=5).stderr


def test_5_damaged_state_file_is_kept_aside(project, id):
    project.state.write_text('{"jobs": [\n  {"id": !!\n')
    done = project.run("check", code=5)
    assert "line 2" in done.stderr
    assert project.info(id)["id"] == id  # the journal has everything
    project.run("start", id)
    (copy,) = project.state.parent.glob("*.corrupt-*")
    assert "!!" in copy.read_text() and copy.name in project.run("check", code=5).stderr
    assert json.loads(project.state.read_text())["jobs"][0]["id"] == id


def test_6_not_possible_in_this_status(project, id):
    message = complaint(project.run("retry", id, code=6))
    assert id in message and "pending" in message
    assert "pending" in complaint(project.run("done", id, "a", code=6))


@pytest.mark.parametrize("state", ["paused", "interrupted", "open", "pending"])
def test_6_not_completed_before_its_end(project, state):
    """What stands behind the loop of a script runs whatever ended the loop."""
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    if state != "pending":
        owner = subprocess.Popen(["sleep", "60"])
        project.run("start", id, "--owner-pid", owner.pid)
        project.run("done", id, "a", *("b" if state != "open" else ""))
        owner.kill()
        owner.wait()
        if state != "interrupted":
            project.run("start", id)
        if state == "paused":
            project.run("pause", id)
    before = project.info(id)
    message = complaint(project.run("complete", id, "--result", "1", code=6))
    assert "--anyway" in message and len(message.splitlines()) == 1
    word = {"paused": f"bgjobs resume {id}", "interrupted": "start it", "pending": "2 of its"}
    assert word.get(state, "1 of its planned items") in message
    after = project.info(id)
    for name in ("status", "reason", "itemsCompleted", "itemsOpen"):
        assert after.get(name) == before.get(name)
    assert "result" not in project.job(id)
    project.run("complete", id, "--result", "1", "--anyway")
    assert (project.info(id)["status"], project.job(id)["result"]) == ("completed", 1)


def test_a_job_may_complete_below_its_total(project, id):
    project.run("start", id)
    project.run("update", id, "--current", 1)
    project.run("complete", id)
    assert project.info(id)["status"] == "completed"
    project.run("complete", id)


def test_7_done_with_failed_items(project, id):
    project.run("start", id)
    project.run("done", id, "a")
    project.run("failed", id, "b", "--why", "no")
    assert id in complaint(project.run("complete", id, code=7))
    project.run("wait", id, code=7)


def test_8_kept_but_paused(project, id):
    project.run("start", id)
    project.run("pause", id)
    for arguments in (["done", id, "a"], ["update", id, "--current", 1], ["failed", id, "b"]):
        assert "paused" in complaint(project.run(*arguments, code=8))
    info = project.info(id)
    assert (info["itemsCompleted"], info["itemsFailed"], info["status"]) == (1, 1, "paused")
    assert "paused" in complaint(project.run("next", id, code=8))
    assert "resume" in complaint(project.run("start", id, code=8))


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_9_ended(project, id, end):
    project.run("start", id)
    project.run(end, id)
    before = project.job(id)
    for arguments in (["done", id, "a"], ["update", id, "--item", "x"], ["start", id]):
        assert id in complaint(project.run(*arguments, code=9))
    assert project.job(id) == before
    if end != "complete":
        word = {"fail": "is failed", "cancel": "was cancelled"}[end]
        for command in ("wait", "next", "start", "complete"):
            assert f"job {id} {word}" in complaint(project.run(command, id, code=9))


def test_9_who_cancelled_a_job_says_why_to_all(project, id):
    project.run("start", id)
    project.run("cancel", id, "--why", "no more money")
    for arguments in (["done", id, "a"], ["wait", id], ["next", id], ["pause", id]):
        message = complaint(project.run(*arguments, code=9))
        assert message == f"bgjobs: job {id} was cancelled: no more money\n"
    other = project.out("create", "t")
    project.run("start", other)
    project.run("cancel", other)
    assert f"job {other} was cancelled\n" in complaint(project.run("done", other, "a", code=9))


def test_124_timeout(project, id):
    assert "pending" in complaint(project.run("wait", id, "--timeout", "100ms", code=124))


def test_broken_pipes_are_quiet(project):
    for _ in range(3):
        project.run("create", "t", "--config", '{"a": "%s"}' % ("x" * 60000))
    done = subprocess.run(
        [
            "bash",
            "-c",
            "bgjobs list --json | head -c 1; bgjobs show $(bgjobs list | cut -f1 | head"
            " -1) | head -c 1; exit ${PIPESTATUS[1]}",
        ],
        cwd=project.path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == ""


def test_nothing_is_made_by_commands_that_only_read(project):
    for arguments in (["list"], [], ["--active"], ["list", "--json"], ["check"]):
        project.run(*arguments)
    project.run("show", "a", code=3)
    assert list(project.path.iterdir()) == []
