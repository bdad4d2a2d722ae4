"""What is secret in a command line: it works, and nobody but its owner can read it."""

import re
import signal
import subprocess

import pytest

from conftest import PROGRAM
from secret import (
    TOKEN,
    URL,
    await_true,
    check_private,
    command_lines,
    fnv,
    holding,
    looks,
    only,
    private_file,
    store,
)

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


HIDDEN = [
    ["-d", '{"password":"ab\\"S3CRET,x"}'],
    ["--env=DB_PASSPHRASE=correct S3CRET battery"],
    ["--set", "auth.password=Ab&S3CRET"],
    ["auth.password=Ab S3CRET"],
    ["mysql --password=a\\ S3CRET"],
    ["--password", "--S3CRET"],
    ["password = S3CRET"],
    ["token : S3CRET"],
    ['{"token" : "S3CRET"}'],
    ["--token\tS3CRET"],
    ['{"token": ["S3CRET"]}'],
    ["https://me:p/S3CRET@host"],
    ["https://me:p#S3CRET@host"],
    ["accessKey=S3CRET"],
    ["privateKey=S3CRET"],
    ["dbPass=S3CRET"],
    ["SECRET_KEY_BASE=S3CRET"],
    ["TOKEN_VALUE=S3CRET"],
    ["--user=me:S3CRET"],
    ["-ume:S3CRET"],
    ["--proxy-user", "me:S3CRET"],
]


@pytest.mark.parametrize("words", HIDDEN, ids=lambda words: words[-1])
def test_secrets_as_people_write_them(project, words):
    project.run("run", "--", "true", *words)
    assert holding(project, "S3CRET") == [private_file(project)]
    assert "S3CRET" not in looks(project, only(project))


def test_secrets_in_items_as_people_write_them(project):
    project.run("run", "--each", "PASSWORD=S3CRET S3CRET", "b", "--", "true")
    assert "S3CRET" not in project.state.read_text()


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
    line = "\0".join([".", "", "--", "true", URL, *more]).encode()
    secret = (store(project) / "run.key").read_bytes()
    assert project.info(only(project))["key"] == f"run-{siphash(secret, line):x}"


def test_the_key_lets_nobody_try_a_token(project):
    line = ["true", URL]
    project.run("run", "--", *line)
    key = project.info(only(project))["key"]
    secret = store(project) / "run.key"
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.stat().st_size == 16
    for directory in (".", str(project.path)):
        assert key != fnv([directory, "", "--", *line])
    # The same line in a project with another secret has another key.
    secret.unlink()
    project.run("run", "--", *line)
    assert {job["key"] for job in project.jobs()} > {key}


def test_a_line_without_secrets_has_a_plain_key(project):
    project.run("run", "--", "true", "a")
    assert project.info(only(project))["key"] == fnv([".", "", "--", "true", "a"])
    assert not (store(project) / "run.key").exists()


@pytest.mark.parametrize("words", (["true", "a"], ["true", URL]), ids=("plain", "keyed"))
def test_what_a_version_with_absolute_directories_began_is_found(project, words):
    project.run("run", "--type", "other", "--", "true", URL)
    secret = (store(project) / "run.key").read_bytes()
    line = [str(project.path), "", "--", *words]
    keyed = f"run-{siphash(secret, chr(0).join(line).encode()):x}"
    key = keyed if URL in words else fnv(line)
    id = project.out("ensure", "run", "--key", key, "--config", '{"isRedacted": false}')
    project.run("run", "--", *words)
    assert project.info(id)["status"] == "completed"


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
    project.run("retry", "--no-start", id)
    listed.write_text(listed.read_text() + f"https://{TOKEN}2@host.example/b\n")
    (project.path / "go").touch()
    project.run(*line)
    assert set(out.read_text().split()) == set(listed.read_text().split())
    check_private(project)


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


def test_state_is_ignored_by_git(project):
    project.run("run", "--", "true")
    assert (project.state.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("option", ["--key", "--type"])
def test_a_key_with_a_secret_in_it_is_refused(project, option):
    failed = project.run("run", option, f"https://u:{TOKEN}@host/x", "--", "true", code=2)
    assert option in failed.stderr and TOKEN not in failed.stderr
    assert not project.state.exists()
