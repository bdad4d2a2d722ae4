"""bgjobs items: the joblog; skipped items; which run now."""

import csv
import io
import json
import os

import pytest

from secret import TOKEN, await_true, only

SCRIPT = """
echo "$1" >>ran
case $1 in
  ok) ;;
  bad) echo "no such thing" >&2; exit 3 ;;
  there) echo "there already"; exit 9 ;;
  again) test -e "tried" || { touch tried; exit 1; } ;;
  killed) kill -KILL $$ ;;
esac
"""


def rows(project, id, *options):
    text = project.out("items", id, *options)
    return list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def documents(project, id, *options):
    return json.loads(project.out("items", id, "--json", *options))["items"]


@pytest.fixture
def id(project):
    names = ["ok", "bad", "there", "again", "killed"]
    line = ["--skip-exit", "9", "--retries", "1", "--", "sh", "-c", SCRIPT, "sh", "{}"]
    project.run("run", "--each", *names, *line, code=7)
    return only(project)


def test_what_became_of_each(project, id):
    items = {item["item"]: item for item in documents(project, id)}
    states = {name: item["state"] for name, item in items.items()}
    assert states == {
        "ok": "done",
        "bad": "failed",
        "there": "skipped",
        "again": "done",
        "killed": "failed",
    }
    assert items["ok"]["exit"] == 0 and items["bad"]["exit"] == 3 and "exit" not in items["killed"]
    assert "signal 9" in items["killed"]["end"]
    assert items["again"]["attempts"] == 2 and items["ok"]["attempts"] == 1
    assert "exit 3" in items["bad"]["reason"] and "no such thing" in items["bad"]["reason"]
    assert items["there"]["reason"] == "there already"
    info = project.info(id)
    for item in items.values():
        assert info["createdMs"] <= item["beginMs"] <= info["completedMs"]
        assert 0 <= item["seconds"] < 60
    assert (info["itemsSkipped"], info["itemsFailed"], info["itemsCompleted"]) == (1, 2, 2)


def test_lines_with_tabs_are_the_same(project, id):
    lines = rows(project, id)
    assert project.out("items", id) == project.out("items", id, "--tsv")
    assert [len(line) for line in lines] == [7] * 5
    for line, item in zip(lines, documents(project, id)):
        assert line[:3] == [item["item"], item["state"], str(item["attempts"])]
        assert line[3].endswith("Z") and float(line[4]) == item["seconds"]
        assert line[5] == item["end"] and line[6] == item.get("reason", "")


@pytest.mark.parametrize(
    "options, names",
    [
        (["--failed"], ["bad", "killed"]),
        (["--done"], ["ok", "again"]),
        (["--skipped"], ["there"]),
        (["--open"], []),
        (["--failed", "--skipped"], ["there", "bad", "killed"]),
    ],
)
def test_some_of_them(project, id, options, names):
    assert sorted(line[0] for line in rows(project, id, *options)) == sorted(names)
    assert sorted(item["item"] for item in documents(project, id, *options)) == sorted(names)


def test_items_of_a_script(project):
    id = project.out("create", "t", "--items", "-", input="a\nb\nc\nd\n")
    project.run("start", id, "--owner-pid", os.getpid())
    project.run("done", id, "a")
    project.run("failed", id, "b", "--why", "no")
    project.run("skipped", id, "c", "--why", "there")
    assert rows(project, id) == [
        ["a", "done", "1", "", "", "", ""],
        ["c", "skipped", "1", "", "", "", "there"],
        ["b", "failed", "1", "", "", "", "no"],
        ["d", "open", "0", "", "", "", ""],
    ]
    assert "skipped:" in project.out("show", id)
    project.run("skipped", id, "d")
    project.run("complete", id, code=7)


def test_skipped_says_what_is_wrong(project):
    id = project.out("create", "t", "--items", "-", input="a\n")
    assert "pending" in project.run("skipped", id, "a", code=6).stderr
    project.run("start", id)
    project.run("skipped", id, "a")
    project.run("pause", id)
    assert "paused" in project.run("skipped", id, "b", code=8).stderr
    project.run("resume", id)
    project.run("complete", id)
    assert id in project.run("skipped", id, "c", code=9).stderr
    assert "zzzz" in project.run("skipped", "zzzz", "c", code=3).stderr


def test_a_run_that_skips_all_is_completed(project):
    project.run("run", "--skip-exit", "9", "--each", "a", "b", "--", "sh", "-c", "exit 9", "sh")
    info = project.info(only(project))
    assert (info["status"], info["itemsSkipped"], info["percentage"]) == ("completed", 2, 100)


def test_once_leaves_out_what_was_skipped(project):
    line = ["run", "--once", "--key", "k", "--skip-exit", "9", "--each", "a", "--"]
    project.run(*line, "sh", "-c", "exit 9", "sh")
    assert "all 1 items were done" in project.run(*line, "false").stderr


def test_2_skip_exit(project):
    for number in ("0", "256", "x"):
        project.run("run", "--skip-exit", number, "--each", "a", "--", "true", code=2)
    line = ["run", "--skip-exit", "75", "--rate-limit-exit", "75", "--each", "a", "--", "true"]
    assert "the same" in project.run(*line, code=2).stderr


def test_which_run_now(project):
    script = 'touch "up-$1"; while ! test -e go; do sleep 0.01; done'
    line = ["--each", "a", "b", "c", "--", "sh", "-c", script, "sh", "{}"]
    id = project.out("run", "--detach", "-j2", *line)
    await_true(lambda: all((project.path / f"up-{name}").exists() for name in "ab"))
    assert [line[:2] for line in rows(project, id, "--open")] == [
        ["a", "running"],
        ["b", "running"],
        ["c", "open"],
    ]
    shown = project.out("show", id).splitlines()
    place = next(n for n, line in enumerate(shown) if line.startswith("running:"))
    assert [line.split()[-1] for line in shown[place : place + 2]] == ["a", "b"]
    (project.path / "go").touch()
    project.run("wait", id, "--timeout", "30")
    assert rows(project, id, "--open") == []


def test_of_a_run_that_was_killed_nothing_runs(project):
    project.run("run", "--each", "a", "b", "--", "sh", "-c", "kill -9 $PPID", "sh", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    assert [line[1:3] for line in rows(project, id)] == [["open", "1"], ["open", "0"]]
    assert "running:" not in project.out("show", id)


def test_credentials_are_not_shown(project):
    url = f"https://u:{TOKEN}@host.example/x"
    project.run("run", "--each", url, "--", "sh", "-c", "echo $1 >&2; exit 1", "sh", code=1)
    id = only(project)
    said = project.out("items", id) + project.out("items", id, "--json")
    assert TOKEN not in said and "https://***@host.example/x" in said


def test_names_that_would_break_a_line(project):
    names = ["a\tb", "c\nd", "e\x1b[31m"]
    items = "\0".join(names)
    id = project.out("create", "t", "--items", "-", "-0", input=items)
    assert [line[0] for line in rows(project, id)] == ["a\\tb", "c\\nd", "e\\e[31m"]
    assert [item["item"] for item in documents(project, id)] == names


def test_nothing_is_made_by_looking(project):
    id = project.out("create", "t")
    before = sorted(project.path.rglob("*"))
    project.run("items", id)
    project.run("show", id)
    assert sorted(project.path.rglob("*")) == before
    project.run("items", "zzzz", code=3)


def test_retry_of_chosen_items(project):
    script = 'echo "$1" >>ran; test -e go'
    line = ["run", "--each", *"abc", "--", "sh", "-c", script, "sh", "{}"]
    project.run(*line, code=1)
    id = only(project)
    (project.path / "ran").unlink()
    (project.path / "go").touch()
    said = project.run("retry", id, "--item", "c", "a").stderr
    assert "with 2 failed items" in said
    project.run("wait", id, "--timeout", "30", code=7)
    assert sorted((project.path / "ran").read_text().split()) == ["a", "c"]
    assert [line[0] for line in rows(project, id, "--failed")] == ["b"]
    assert "zz" in project.run("retry", id, "--item", "zz", code=2).stderr
    assert "one job" in project.run("retry", "--all", "--item", "b", code=2).stderr
    project.run("retry", id, "--item", "b")
    project.run("wait", id, "--timeout", "30")


def test_retry_of_an_item_with_credentials(project):
    url = f"https://u:{TOKEN}@host.example/x"
    project.run("run", "--each", url, "--", "sh", "-c", "test -e go", "sh", code=1)
    (project.path / "go").touch()
    project.run("retry", only(project), "--item", url)
    project.run("wait", only(project), "--timeout", "30")
