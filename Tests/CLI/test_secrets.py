"""What is secret in a command line: it works, and stands nowhere but in the private file."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import PROGRAM

TOKEN = "s3cr3tT0kenOfMine99"
URL = f"https://user:{TOKEN}@host.example/x.git"


def holding(project, text=TOKEN):
    """The files of the state that have it."""
    root = project.path / ".specweave"
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def store(project):
    return project.state.parent / "background-jobs.d"


def private_file(project, number="*"):
    (path,) = store(project).glob(f"jobs/{number}/run.json")
    return path


def looks(project, id):
    """All that the looking commands print."""
    said = ""
    for arguments in (
        ["list"],
        ["list", "--json"],
        ["show", id],
        ["show", "--json", id],
        ["logs", id],
        ["check"],
        ["check", "--json"],
        [],
        ["--id", id],
    ):
        done = project.run(*arguments, code=None)
        said += done.stdout + done.stderr
    return said


def only(project):
    (job,) = project.jobs()
    return job["id"]


def await_true(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def command_lines():
    """Of every process, as ps shows them."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found.append(file.read())
        except OSError:
            continue
    return found


def check_private(project):
    """Only the file of mode 0600 has it, in directories that nobody else enters."""
    assert holding(project) == [private_file(project)]
    assert private_file(project).stat().st_mode & 0o777 == 0o600
    for directory in (store(project), store(project) / "jobs", private_file(project).parent):
        assert directory.stat().st_mode & 0o777 == 0o700


LINES = {
    "user and password in a URL": [URL],
    "token in a URL": [f"https://{TOKEN}@host.example/x"],
    "in the middle of an argument": [f"--url=https://user:{TOKEN}@host.example:8080/x?a=b#c"],
    "in a line for a shell": [f"git clone 'https://user:{TOKEN}@host.example/x' || true"],
    "ssh with a password": [f"ssh://user:{TOKEN}@host.example/x"],
    "GitHub": [f"ghp_{TOKEN}"],
    "GitHub, in a header": ["-H", f"Authorization: token {TOKEN}"],
    "fine-grained": [f"github_pat_{TOKEN}_abc"],
    "GitLab": [f"glpat-{TOKEN}"],
    "Slack": [f"xoxb-1-{TOKEN}"],
    "OpenAI": [f"sk-proj-{TOKEN}"],
    "AWS": [f"AKIA{TOKEN.upper()}"],
    "Google": [f"AIza{TOKEN}{TOKEN}"],
    "JWT": [f"eyJhbGciOiJIUzI1NiJ9.{TOKEN}.x"],
    "bearer": ["-H", f"X: Bearer {TOKEN}"],
    "basic": ["-H", f"Authorization: Basic {TOKEN}=="],
    "option with =": [f"--password={TOKEN}"],
    "option and argument": ["--token", TOKEN],
    "one dash": ["-password", TOKEN],
    "longer name": ["--github-token", TOKEN],
    "api key": [f"--api-key={TOKEN}"],
    "variable": [f"AWS_SECRET_ACCESS_KEY={TOKEN}"],
    "quoted in a line for a shell": [f'x --password "{TOKEN}" y; PGPASSWORD={TOKEN} psql'],
    "query": [f"https://host.example/?access_token={TOKEN}&x=1"],
    "JSON": [f'{{"user": "me", "password": "{TOKEN}"}}'],
    "npm": [f"npm_{TOKEN}{TOKEN}"],
    "PyPI": [f"pypi-{TOKEN}{TOKEN}"],
    "Hugging Face": [f"hf_{TOKEN}"],
}


@pytest.mark.parametrize("arguments", LINES.values(), ids=LINES.keys())
def test_it_reaches_the_command_and_only_the_private_file(project, arguments):
    secret = TOKEN.upper() if any(TOKEN.upper() in one for one in arguments) else TOKEN
    out = project.path / "out"
    script = 'printf "%s\\n" "$@" >"$0"'
    project.run("run", "--", "sh", "-c", script, out, *arguments)
    assert out.read_text().splitlines() == list(arguments)
    assert holding(project, secret) == [private_file(project)]
    said = looks(project, only(project))
    assert secret not in said and "***" in said


PLAIN = [
    "https://host.example/a@b",
    "ssh://git@host.example/x",
    "git@host.example:a/b.git",
    "sk-learn-and-other-words",
    "task-123456789012345678",
    "npm_config_cache",
    "hf_hub_download",
    "--password-stdin",
    "--token-file=x",
    "--max-tokens=5",
    "a=b:c",
    "pypi-attestation-models",
    "eyJ",
    "tokenizer: x",
]


def test_what_is_none_stays(project):
    project.run("run", "--", "true", *PLAIN)
    config = project.job(only(project))["config"]
    assert config["command"] == ["true", *PLAIN] and config["isRedacted"] is False


def test_a_killed_run_goes_on_with_resume_from_the_private_file(project):
    out = project.path / "out"
    line = f'echo "$0" >>{out}; [ -e go ] || kill -9 $PPID; exit 0'
    project.run("run", "--", "sh", "-c", line, URL, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    check_private(project)
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert set(out.read_text().split()) == {URL}
    check_private(project)
    assert TOKEN not in looks(project, id)


def test_a_run_in_the_background(project):
    out = project.path / "out"
    id = project.out("run", "--detach", "--", "sh", "-c", f'echo "$0" >>{out}', URL)
    project.run("wait", id, "--timeout", "30")
    assert out.read_text() == f"{URL}\n"
    check_private(project)


def test_what_another_tool_writes_into_the_state_file_is_not_run(project):
    project.run("run", "--", "sh", "-c", "test -e go || kill -9 $PPID", code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    document = json.loads(project.state.read_text())
    document["jobs"][0]["config"]["command"] = ["touch", "planted"]
    project.state.write_text(json.dumps(document))
    assert project.job(id)["config"]["command"] == ["touch", "planted"]
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert not (project.path / "planted").exists()


def test_the_same_line_finds_its_job_and_another_token_does_not(project):
    line = ["run", "--retries", "0", "--", "sh", "-c", "[ -e go ] || kill -9 $PPID"]
    project.run(*line, URL, code=None)
    id = only(project)
    project.run(*line, URL.replace(TOKEN, "other"), code=None)
    assert len(project.jobs()) == 2
    (project.path / "go").touch()
    assert id in project.run(*line, URL).stderr
    assert project.info(id)["status"] == "completed"
    assert len(project.jobs()) == 2


def fnv(parts):
    number = 0xCBF29CE484222325
    for byte in "\0".join(parts).encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return f"run-{number:x}"


def siphash(key, text):
    """SipHash-2-4, after the paper of Aumasson and Bernstein."""
    mask = 2**64 - 1
    low, high = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    words = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    a, b, c, d = (word ^ half for word, half in zip(words, (low, high, low, high)))

    def rotated(word, count):
        return (word << count | word >> (64 - count)) & mask

    def mix():
        nonlocal a, b, c, d
        a, c = (a + b) & mask, (c + d) & mask
        b, d = rotated(b, 13) ^ a, rotated(d, 16) ^ c
        a = rotated(a, 32)
        c, a = (c + b) & mask, (a + d) & mask
        b, d = rotated(b, 17) ^ c, rotated(d, 21) ^ a
        c = rotated(c, 32)

    text += bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for at in range(0, len(text), 8):
        word = int.from_bytes(text[at : at + 8], "little")
        d ^= word
        mix()
        mix()
        a ^= word
    c ^= 0xFF
    for _ in range(4):
        mix()
    return a ^ b ^ c ^ d


@pytest.mark.parametrize("more", ([], ["x"], ["xy"] * 3, ["a longer word, ü"]))
def test_the_key_is_a_keyed_hash(project, more):
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    project.run("run", "--", "true", URL, *more)
    line = "\0".join([str(project.path), "", "--", "true", URL, *more]).encode()
    secret = (store(project) / "run.key").read_bytes()
    assert project.info(only(project))["key"] == f"run-{siphash(secret, line):x}"


def test_the_key_lets_nobody_try_a_token(project):
    line = ["true", URL]
    project.run("run", "--", *line)
    key = project.info(only(project))["key"]
    secret = store(project) / "run.key"
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.stat().st_size == 16
    assert key != fnv([str(project.path), "", "--", *line])
    # The same line in a project with another secret has another key.
    secret.unlink()
    project.run("run", "--", *line)
    assert {job["key"] for job in project.jobs()} > {key}


def test_a_line_without_secrets_has_the_key_that_it_always_had(project):
    project.run("run", "--", "true", "a")
    assert project.info(only(project))["key"] == fnv([str(project.path), "", "--", "true", "a"])
    assert not (store(project) / "run.key").exists()


def old_job(project, command, items, has_items, key=None):
    """A job as the version before made it: all of it in the config."""
    spec = {
        "command": command,
        "directory": str(project.path),
        "hasItems": has_items,
        "items": len(items),
        "jobs": 1,
        "pauseMode": "finish",
        "rateLimitWait": 60,
        "retries": 0,
    }
    key = key or fnv([str(project.path), "", *(items if has_items else []), "--", *command])
    config = json.dumps(spec)
    id = project.out("ensure", "run", "--key", key, "--total", len(items), "--config", config)
    project.run("plan", id, *items)
    return id


@pytest.mark.parametrize("again", (False, True), ids=("resume", "the same line"))
def test_a_job_of_the_version_before_goes_on(project, again):
    out = project.path / "out"
    command = ["sh", "-c", f'echo "$0" >>{out}', URL]
    id = old_job(project, command, [" ".join(command)], False)
    if again:
        project.run("run", "--", *command)
    else:
        project.run("resume", id)
        project.run("wait", id, "--timeout", "30")
    assert out.read_text() == f"{URL}\n" and only(project) == id
    assert project.info(id)["itemsCompleted"] == 1
    assert TOKEN not in project.out("show", id) + project.out("logs", id)


def test_items_of_the_version_before_stay_the_same_items(project):
    items = [URL, "plain"]
    id = old_job(project, ["true", "{}"], items, True)
    done = project.run("run", "--each", *items, "--", "true", "{}")
    assert "credential" in done.stderr and TOKEN not in done.stderr
    assert sorted(project.job(id)["progress"]["itemsCompleted"]) == sorted(items)


def test_items_with_credentials_are_named_without_them(project):
    items = [URL, "https://host.example/plain", f"https://{TOKEN}x@host.example/y"]
    listed = project.path.parent / "items"
    listed.write_text("\n".join(items))
    out = project.path / "out"
    line = ["run", "--items", listed, "--", "sh", "-c"]
    line += [f'printf "%s\\n" "$1" "$BGJOBS_ITEM" >>{out}; [ "$1" != "$2" ] || kill -9 $PPID', "sh"]
    project.run(*line, "{}", items[1], code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    check_private(project)
    assert project.info(id)["itemsCompleted"] == 1
    names = project.job(id)["progress"]["itemsCompleted"]
    assert names == ["https://***@host.example/x.git"]
    assert out.read_text().splitlines()[:2] == [URL, URL]
    assert TOKEN not in looks(project, id)
    assert f"{TOKEN}" not in project.out("logs", id, "--item", URL)
    assert "==> https://***@host.example/x.git" in project.out("logs", id, "--item", URL)


def test_items_that_differ_in_their_credentials_alone_are_two(project):
    items = [f"https://{TOKEN}{n}@host.example/x" for n in range(3)]
    out = project.path / "out"
    script = f'echo "$1" >>{out}'
    project.run("run", "--each", *items, "--", "sh", "-c", script, "sh", "{}")
    assert out.read_text().splitlines() == items
    done = project.job(only(project))["progress"]["itemsCompleted"]
    assert done == [f"https://***@host.example/x{end}" for end in ("", " (2)", " (3)")]
    check_private(project)


def test_a_list_that_has_grown_brings_its_new_items(project):
    listed = project.path.parent / "items"
    out = project.path / "out"
    line = ["run", "--items", listed, "--key", "k", "--", "sh", "-c"]
    line += [f'echo "$1" >>{out}; test -e go', "sh", "{}"]
    listed.write_text(f"https://{TOKEN}1@host.example/a\n")
    project.run(*line, code=1)
    id = only(project)
    project.run("retry", id)
    listed.write_text(listed.read_text() + f"https://{TOKEN}2@host.example/b\n")
    (project.path / "go").touch()
    project.run(*line)
    assert set(out.read_text().split()) == set(listed.read_text().split())
    check_private(project)


def test_a_private_file_that_is_gone(project):
    line = ["run", "--", "sh", "-c", "test -e go || kill -9 $PPID", URL]
    project.run(*line, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    private_file(project).unlink()
    (project.path / "go").touch()
    done = project.run("resume", id, code=1)
    assert "run.json is missing" in done.stderr and "the same line again" in done.stderr
    project.run(*line)
    assert project.info(id)["status"] == "completed"
    check_private(project)


def test_without_secrets_a_private_file_that_is_gone_is_none_needed(project):
    line = ["run", "--", "sh", "-c", "test -e go || kill -9 $PPID"]
    project.run(*line, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    private_file(project).unlink()
    (project.path / "go").touch()
    project.run("resume", id)
    project.run("wait", id, "--timeout", "30")
    assert project.info(id)["status"] == "completed"


@pytest.mark.parametrize("spoil", ("garbage", "others may write", "a link", "a FIFO"))
def test_a_private_file_that_is_not_to_be_trusted(project, spoil):
    project.run("run", "--", "sh", "-c", "kill -9 $PPID", URL, code=None)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    file = private_file(project)
    if spoil == "garbage":
        file.write_text("{")
    elif spoil == "others may write":
        file.chmod(0o666)
    elif spoil == "a link":
        file.rename(project.path / "elsewhere")
        file.symlink_to(project.path / "elsewhere")
    else:
        file.unlink()
        os.mkfifo(file)
    done = project.run("resume", id, code=1)
    assert "run.json" in done.stderr and "the same line again" in done.stderr
    assert TOKEN not in done.stderr
    file.unlink()


def test_the_private_file_goes_with_its_job(project):
    project.run("run", "--", "true", URL)
    project.run("cleanup", "--keep", "0")
    assert holding(project) == []


def test_no_process_of_ours_shows_it(project):
    mark = project.path.name
    script = project.path / "script"  # whose own line has neither
    script.write_text("#!/bin/sh\ntouch begun\nexec sleep 60\n")
    script.chmod(0o755)
    process = subprocess.Popen([PROGRAM, "run", "--", script, mark, URL], cwd=project.path)
    try:
        await_true((project.path / "begun").exists)
        lines = [line for line in command_lines() if b"bgjobs" in line and mark.encode() in line]
        assert len(lines) == 2  # runner and keeper
        for line in lines:
            assert b"https://***@host.example" in line and TOKEN.encode() not in line
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_messages_do_not_quote_it(project):
    for arguments in (
        ["run", "--", f"./no-{URL}", URL],
        ["run", "--tokn", URL, "--", "true"],
        ["run", "--key", "k", "--items", "nowhere", "--", "true", URL],
        ["show", URL],
        ["done", "nothing", URL],
    ):
        done = project.run(*arguments, code=None)
        assert done.returncode != 0 and TOKEN not in done.stdout + done.stderr, arguments


@pytest.mark.parametrize("command", ("create", "ensure", "plan"))
def test_a_script_is_warned_of_items_with_credentials(project, command):
    listed = project.path.parent / "items"
    listed.write_text(f"{URL}\n{URL}2\n")
    if command == "plan":
        done = project.run("plan", project.out("create", "t"), "--items", listed)
    else:
        key = ["--key", "k"] if command == "ensure" else []
        done = project.run(command, "t", *key, "--items", listed)
    assert "has a credential in it" in done.stderr and TOKEN not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_script_gets_its_items_back_and_people_see_less(project):
    id = project.out("create", "t")
    project.run("plan", id, URL)
    project.run("start", id)
    assert project.out("next", id) == URL
    project.run("update", id, "--item", URL)
    project.run("failed", id, URL, "--why", f"{URL}: no")
    said = project.out("list") + project.out("show", id)
    assert TOKEN not in re.sub(r"^config:.*$", "", said, flags=re.M)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_belongs_to_the_owner_of_the_project(project):
    os.chown(project.path, 1000, 1000)
    project.run("run", "--", "true", URL)
    made = [path for path in project.path.rglob("*")]
    assert len(made) > 8 and {path.lstat().st_uid for path in made} == {1000}


def test_state_is_ignored_by_git(project):
    project.run("run", "--", "true")
    assert (project.state.parent / ".gitignore").read_text() == "*\n"


def test_a_run_writes_the_private_file_once(project):
    items = [f"{URL}{n}" for n in range(30)]
    trace = project.path.parent / "trace"
    command = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=renameat,renameat2,rename"]
    try:
        subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no strace that works")
    subprocess.run(
        [*command, PROGRAM, "run", "--each", *items, "--", "true"], cwd=project.path, check=True
    )
    assert trace.read_text().count('"run.json"') == 1
