"""On a terminal: tables that fit, lines that stay in place, and nothing of a name that acts."""

import os
import re
import unicodedata

import pexpect
import pytest

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31mred",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "two\nlines\r\n",
    "\x00"[:0] + "\x7f\x08\x08",
    "é" * 2048,
    "宽" * 100,
]
ACTS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What the program itself sends: to clear a line, and nothing else.
OURS = re.compile("\x1b\\[(K|2K|0K|\\?25[hl])")


def on_terminal(project, *arguments, columns=80):
    child = pexpect.spawn(
        "bgjobs",
        list(map(str, arguments)),
        cwd=str(project.path),
        dimensions=(50, columns),
        timeout=30,
        encoding="utf-8",
        env={**os.environ, "TERM": "xterm"},
    )
    text = child.read()
    child.close()
    return child.exitstatus, text


def width(text):
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def harmless(text):
    text = OURS.sub("", text)
    assert "\x1b" not in text and not ACTS.search(text), repr(text[:300])


@pytest.fixture
def crowd(project):
    for n, name in enumerate(HOSTILE):
        id = project.out("create", f"type-{n}", "--total", 10, "--key", name[:60])
        project.run("start", id)
        project.run("update", id, "--item", name, "--done", "a", "--failed", name, "--why", name)
    return project


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_fits(crowd, columns):
    code, text = on_terminal(crowd, "list", columns=columns)
    assert code == 0
    harmless(text)
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    assert len(lines) == len(HOSTILE) + 1 and lines[0].startswith("ID ")
    assert max(map(width, lines)) <= columns
    assert all("running" in line for line in lines[1:])
    if columns >= 80:
        assert all("2/10" in line for line in lines[1:])
        assert "█" in text or "░" in text


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_show_is_harmless(crowd, columns):
    for job in crowd.jobs():
        code, text = on_terminal(crowd, "show", job["id"], columns=columns)
        assert code == 0
        harmless(text)


def test_names_come_back_whole_as_json(crowd):
    failed = [crowd.job(job["id"])["progress"]["itemsFailed"][0] for job in crowd.jobs()]
    assert sorted(failed) == sorted(HOSTILE)
    assert sorted(job["currentItem"] for job in crowd.jobs()) == sorted(HOSTILE)
    for line in crowd.out("list").split("\n"):
        assert len(line.split("\t")) == 14
        harmless(line)


def test_errors_are_harmless(project):
    for name in HOSTILE:
        done = project.run("show", name, code=3)
        harmless(done.stderr)
        done = project.run("create", "t", "--items", name, code=2)
        harmless(done.stderr)


def test_hostile_items_of_a_run(project):
    names = [name for name in HOSTILE]
    (project.path / "items").write_bytes(b"\0".join(name.encode() for name in names))
    project.run("run", "-j3", "--items", "items", "-0", "--", "printf", "%s\\n", "{}")
    (job,) = project.jobs()
    assert sorted(project.job(job["id"])["progress"]["itemsCompleted"]) == sorted(names)
    log = project.out("logs", job["id"])
    heads = [line for line in log.split("\n") if line.startswith(("==>", "<=="))]
    assert len(heads) == 2 * len(names)
    harmless("\n".join(heads))


def test_invalid_utf8_is_refused(project):
    id = project.out("create", "t")
    (project.path / "items").write_bytes(b"good\n\xff\xfe\n")
    for arguments in (
        ["plan", id, "--items", "items"],
        ["run", "--items", "items", "--", "true"],
        ["plan", id, os.fsdecode(b"\xc3(")],
    ):
        assert "UTF-8" in project.run(*arguments, code=2).stderr
    assert project.info(id)["itemsOpen"] == 0 and len(project.jobs()) == 1


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_status_line_stays_one_line(project, columns):
    code, text = on_terminal(
        project,
        "run",
        "--each",
        *(f"{n}-{'x' * 100}" for n in range(5)),
        "--",
        "sh",
        "-c",
        "sleep 0.15",
        "sh",
        "{}",
        columns=columns,
    )
    assert code == 0
    harmless(text)
    for line in re.split("[\r\n]", OURS.sub("", text)):
        assert width(line) <= columns or " items done, in " in line


def test_no_escape_reaches_a_pipe(project):
    done = project.run("run", "--each", "a", "b", "--", "sh", "-c", "sleep 0.2", "sh", "{}")
    assert "\x1b" not in done.stdout + done.stderr
