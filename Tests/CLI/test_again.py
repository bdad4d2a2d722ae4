"""The same line, or key, again: what was said last counts, failed items are taken up, --once."""

import json
import subprocess

import pytest

from secret import TOKEN, await_true, check_private, only, private_file

# Does an item; fails while there is a file bad-ITEM, and kills the run at kill-ITEM.
SCRIPT = 'echo "$1" >>ran; test ! -e "kill-$1" || kill -9 $PPID; test ! -e "bad-$1"'
WORK = ["--", "sh", "-c", SCRIPT, "sh", "{}"]


def ran(project):
    file = project.path / "ran"
    names = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return names


def spoil(project, kind, *names):
    for name in names:
        (project.path / f"{kind}-{name}").touch()


def mend(project):
    for pattern in ("bad-*", "kill-*"):
        for file in project.path.glob(pattern):
            file.unlink()


def stored(project):
    return json.loads(private_file(project).read_text())


def interrupt(project, *line):
    spoil(project, "kill", "b")
    project.run(*line, code=None)
    mend(project)
    (job,) = project.jobs()
    await_true(lambda: project.info(job["id"])["status"] == "paused")
    ran(project)
    return job["id"]


def test_the_same_line_after_7_takes_up_the_failed_items(project):
    line = ["run", "--each", *"abcd", *WORK]
    spoil(project, "bad", "b", "d")
    project.run(*line, code=7)
    id = only(project)
    assert ran(project) == list("abcd")
    again = project.run(*line, code=7)
    assert f"job {id} again, with its 2 failed items, for 2 are done" in again.stderr
    assert "--again" in again.stderr and ran(project) == ["b", "d"]
    mend(project)
    assert "2 failed items" in project.run(*line).stderr
    assert ran(project) == ["b", "d"] and only(project) == id
    assert project.info(id)["itemsCompleted"] == 4
    assert "again" not in project.run(*line).stderr
    assert ran(project) == list("abcd") and len(project.jobs()) == 2


@pytest.mark.parametrize("detach", (False, True))
def test_when_all_had_failed_too_and_in_the_background(project, detach):
    line = ["run", *(["--detach"] if detach else []), "--each", *"ab", *WORK]
    spoil(project, "bad", *"ab")
    project.run(*line, code=None)
    id = only(project)
    project.run("wait", id, "--timeout", "30", code=9)
    mend(project)
    again = project.run(*line)
    assert again.stdout == (f"{id}\n" if detach else "") and "2 failed items" in again.stderr
    project.run("wait", id, "--timeout", "30")
    assert ran(project) == [*"abab"] and only(project) == id


def test_again_does_all_anew(project):
    line = ["run", "--each", *"ab", *WORK]
    spoil(project, "bad", "b")
    project.run(*line, code=7)
    ran(project)
    project.run("run", "--again", *line[1:], code=7)
    assert ran(project) == ["a", "b"] and len(project.jobs()) == 2
    mend(project)
    assert "1 failed item," in project.run(*line).stderr
    assert ran(project) == ["b"]


def test_again_ends_nothing(project):
    line = ["run", "--each", *"abc", *WORK]
    id = interrupt(project, *line)
    message = project.run("run", "--again", *line[1:], code=6).stderr
    assert f"bgjobs cancel {id}" in message and only(project) == id
    assert project.info(id)["status"] == "paused"


def test_what_was_cancelled_is_not_taken_up(project):
    line = ["run", "--each", *"abc", *WORK]
    spoil(project, "bad", "a")
    id = interrupt(project, *line)
    project.run("cancel", id)
    project.run(*line)
    assert ran(project) == list("abc") and len(project.jobs()) == 2


def test_a_single_command_that_failed_is_a_new_job(project):
    line = ["run", "--", "sh", "-c", "echo ran >>ran; test -e go"]
    project.run(*line, code=1)
    (project.path / "go").touch()
    project.run(*line)
    assert sorted(job["status"] for job in project.jobs()) == ["completed", "failed"]


@pytest.mark.parametrize("how", ("in the foreground", "--detach", "resume"))
def test_what_was_said_last_is_used(project, how):
    """Command, options and variables, of the same key."""
    key = ["--key", "k", "--each", *"abcd"]
    id = interrupt(project, "run", *key, *WORK)
    new = [
        *["-j2", "--retries", "3", "--rate-limit-exit", "75", "--pause-mode", "stop"],
        *["--env", f"NEW={TOKEN}", "--", "sh", "-c", 'echo "$1:$NEW" >>ran', "sh", "{}"],
    ]
    if how == "resume":
        line = ["bgjobs", "run", *key, "--delay", "1", *new]
        run = subprocess.Popen(line, cwd=project.path, stderr=subprocess.DEVNULL)
        await_true(lambda: project.info(id)["itemsCompleted"] == 2)
        run.kill()
        run.wait()
        project.run("resume", id)
    else:
        more = ["--detach"] if how == "--detach" else []
        said = project.run("run", *more, *key, *new).stderr
        assert f"job {id} had another command; now it is: sh -c echo" in said
        assert said.count("another command") == 1
    project.run("wait", id, "--timeout", "30")
    spec = stored(project)["spec"]
    assert (spec["jobs"], spec["retries"], spec["rateLimitExit"]) == (2, 3, 75)
    assert (spec["pauseMode"], spec["command"]) == ("stop", new[new.index("--") + 1 :])
    assert stored(project)["variables"] == [{"name": "NEW", "value": TOKEN}]
    assert sorted(ran(project)) == [f"{item}:{TOKEN}" for item in "bcd"]
    check_private(project)


def test_the_same_command_is_not_said_to_be_another_one(project):
    line = ["run", "--each", *"abc", *WORK]
    interrupt(project, *line)
    said = project.run("run", "-j3", *line[1:]).stderr
    assert "another command" not in said and stored(project)["spec"]["jobs"] == 3


def test_a_run_that_is_refused_changes_nothing(project):
    script = "touch up; while ! test -e go; do sleep 0.01; done"
    id = project.out("run", "--detach", "--key", "k", "--", "sh", "-c", script)
    await_true((project.path / "up").exists)
    before = private_file(project).read_bytes()
    for more in ([], ["--detach"]):
        done = project.run("run", *more, "--key", "k", "-j9", "--", "true", code=4)
        assert str(project.info(id)["ownerPid"]) in done.stderr
        assert done.stdout == (f"{id}\n" if more else "")
    assert private_file(project).read_bytes() == before
    (project.path / "go").touch()
    project.run("wait", id, "--timeout", "30")


def test_another_single_command_is_run_once(project):
    project.run("run", "--key", "k", "--", "sh", "-c", "kill -9 $PPID", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    project.run("run", "--key", "k", "--", "sh", "-c", "echo x >>ran")
    assert ran(project) == ["x"] and project.info(id)["itemsCompleted"] == 1


def test_items_that_differ_in_their_credentials_alone_keep_their_names(project):
    urls = [f"https://u:{TOKEN}{n}@host.example/x" for n in range(3)]
    script = 'echo "$1" >>ran; test ! -e stop || { test "$1" = ' + urls[0] + " || kill -9 $PPID; }"
    work = ["--key", "k", "--", "sh", "-c", script, "sh", "{}"]
    (project.path / "stop").touch()
    project.run("run", "--each", *urls, *work, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    (project.path / "stop").unlink()
    ran(project)
    project.run("run", "--each", *reversed(urls), *work)
    assert sorted(ran(project)) == sorted(urls[1:])


def test_once_leaves_out_what_any_earlier_run_has_done(project):
    line = ["run", "--once", "--key", "nightly", "--each"]
    spoil(project, "bad", "b")
    project.run(*line, *"ab", *WORK, code=7)
    mend(project)
    assert ran(project) == ["a", "b"]
    said = project.run(*line, *"abc", *WORK).stderr
    assert "1 item done by earlier runs is left out" in said or "again" in said
    assert sorted(ran(project)) == ["b", "c"]
    said = project.run(*line, *"abcd", *WORK).stderr
    assert "3 items done by earlier runs are left out" in said and ran(project) == ["d"]
    jobs = len(project.jobs())
    said = project.run(*line, *"abcd", *WORK).stderr
    assert "all 4 items were done" in said and ran(project) == []
    assert len(project.jobs()) == jobs


def test_once_remembers_it_when_jobs_are_gone(project):
    line = ["run", "--once", "--key", "nightly", "--each"]
    project.run(*line, *"ab", *WORK)
    project.run("run", "--key", "other", "--each", "c", *WORK)
    ran(project)
    project.run("cleanup", "--keep", "0")
    assert project.jobs() == []
    project.run(*line, *"abc", *WORK)
    assert ran(project) == ["c"]


def test_once_counts_runs_that_did_not_ask_for_it(project):
    project.run("run", "--key", "k", "--each", *"ab", *WORK)
    ran(project)
    project.run("run", "--once", "--key", "k", "--each", *"abc", *WORK)
    assert ran(project) == ["c"]


def test_once_remembers_what_a_cancelled_job_has_done(project):
    line = ["run", "--once", "--key", "k", "--each"]
    spoil(project, "kill", "b")
    project.run(*line, *"abc", *WORK, code=None)
    mend(project)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    project.run("cancel", id)
    project.run("cleanup", "--keep", "0", "--failed")
    ran(project)
    project.run(*line, *"abc", *WORK)
    assert ran(project) == ["b", "c"]


def test_once_is_per_key_and_type(project):
    for more in (["--key", "k"], ["--key", "l"], ["--key", "k", "--type", "t"]):
        project.run("run", "--once", *more, "--each", "a", *WORK)
        assert ran(project) == ["a"]


def test_what_once_remembers_is_private_and_survives_a_cut_line(project):
    url = f"https://u:{TOKEN}@host.example/"
    line = ["run", "--once", "--key", "k", "--each"]
    project.run(*line, url, "a", *WORK)
    (memory,) = project.state.parent.glob("background-jobs.d/once-*")
    assert memory.stat().st_mode & 0o777 == 0o600 and TOKEN not in memory.read_text()
    project.run("cleanup", "--keep", "0")
    with memory.open("ab") as file:
        file.write(b"0123456789abcdef")
    ran(project)
    project.run(*line, url, "a", "b", f"{url}2", *WORK)
    assert ran(project) == ["b", f"{url}2"]
    project.run("cleanup", "--keep", "0")
    project.run(*line, url, "a", "b", f"{url}2", *WORK)
    assert ran(project) == []


@pytest.mark.parametrize("spoil", ("a link", "others may write"))
def test_a_memory_that_is_not_to_be_trusted(project, spoil):
    line = ["run", "--once", "--key", "k", "--each", "a", *WORK]
    project.run(*line)
    (memory,) = project.state.parent.glob("background-jobs.d/once-*")
    if spoil == "a link":
        memory.rename(project.path / "elsewhere")
        memory.symlink_to(project.path / "elsewhere")
    else:
        memory.chmod(0o666)
    done = project.run(*line, code=1)
    assert memory.name in done.stderr


def test_once_in_the_background_and_after_a_kill(project):
    line = ["run", "--once", "--key", "k", "--each"]
    spoil(project, "kill", "b")
    project.run(*line, *"abc", *WORK, code=None)
    mend(project)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    ran(project)
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert sorted(ran(project)) == ["b", "c"]
    # The worker remembers it after the job has ended.
    memory = project.state.parent / "background-jobs.d"
    await_true(lambda: any(len(file.read_bytes()) == 99 for file in memory.glob("once-*")))
    project.run("cleanup", "--keep", "0")
    assert project.out("run", "--detach", *line[1:], *"abc", *WORK) == ""
    assert ran(project) == []


def test_2_once(project):
    assert "--items" in project.run("run", "--once", "--", "true", code=2).stderr
    both = ["run", "--once", "--again", "--each", "a", "--", "true"]
    assert "exclude" in project.run(*both, code=2).stderr


@pytest.mark.parametrize("how", ("a file", "a pipe", "--each", "--detach"))
def test_the_list_of_the_new_run_is_the_plan(project, how):
    listed = project.path / "list"

    def run(items, code=0):
        text = "".join(f"{item}\n" for item in items)
        listed.write_text(text)
        options = ["--each", *items] if how == "--each" else ["--items", "list"]
        if how == "a pipe":
            options = ["--items", "-"]
        if how == "--detach":
            options.append("--detach")
        return project.run("run", "--key", "k", *options, *WORK, input=text, code=code)

    spoil(project, "kill", "c")
    spoil(project, "bad", "b")
    run(["a", "b", "c", "wrong", "worse", "d"], code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    mend(project)
    ran(project)
    done = run(["e", "a", "c", "d"], code=None)
    assert "2 items are no longer in the list" in done.stderr
    project.run("wait", id, "--timeout", "30", code=7)
    # What was under way when the runner died goes behind the others.
    assert ran(project) == ["e", "d", "c"]
    info = project.info(id)
    assert (info["itemsCompleted"], info["itemsFailed"], info["itemsOpen"]) == (4, 1, 0)
    assert info["total"] == 5 and info["percentage"] == 100


def test_one_item_is_no_longer_in_the_list(project):
    interrupt(project, "run", "--key", "k", "--each", *"abc", *WORK)
    done = project.run("run", "--key", "k", "--each", *"ab", *WORK)
    assert done.stderr.count("1 item is no longer in the list") == 1 and ran(project) == ["b"]
    assert "no longer" not in project.run("run", "--key", "k", "--each", *"ab", *WORK).stderr


def test_failed_items_that_are_not_in_the_list_are_not_taken_up(project):
    spoil(project, "bad", "b", "c")
    project.run("run", "--key", "k", "--each", *"abc", *WORK, code=7)
    mend(project)
    ran(project)
    project.run("run", "--key", "k", "--each", *"ab", *WORK)
    assert ran(project) == ["b"]


def test_the_list_of_ensure_is_the_plan(project):
    line = ["ensure", "t", "--key", "k", "--items", "-"]
    id = project.out(*line, input="a\nb\nc\nd\n")
    project.run("start", id)
    project.run("done", id, "a")
    done = project.run(*line, input="d\nb\n")
    assert done.stdout == f"{id}\n" and "1 item is no longer in the list" in done.stderr
    assert project.out("next", id) == "d"
    assert [item["item"] for item in items(project, id)] == ["a", "d", "b"]
    assert project.run(*line, input="d\nb\n").stderr == ""


def items(project, id):
    return json.loads(project.out("items", id, "--json"))["items"]


def test_another_single_command_withdraws_the_first_in_silence(project):
    project.run("run", "--key", "k", "--", "sh", "-c", "kill -9 $PPID", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    said = project.run("run", "--key", "k", "--", "sh", "-c", "echo x >>ran").stderr
    assert "another command" in said and "no longer" not in said
    assert [item["item"] for item in items(project, id)] == ["sh -c echo x >>ran"]
