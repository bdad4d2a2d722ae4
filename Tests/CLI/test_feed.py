"""A shell script as the host: jobs are made, fed and ended by single commands."""

import json
import os
import signal
import subprocess
import time

import pytest


def test_create_prints_the_id_alone(project):
    done = project.run(
        "create", "clone-repos", "--total", 8, "--config", '{"type": "clone-repos", "n": 1.50}'
    )
    id = done.stdout.strip()
    assert done.stdout == id + "\n" and done.stderr == ""
    job = json.loads(project.state.read_text())["jobs"][0]
    assert job["id"] == id and job["status"] == "pending" and job["progress"]["total"] == 8
    assert job["config"] == {"type": "clone-repos", "n": 1.5}


def test_config_and_items_from_files_and_pipes(project):
    (project.path / "config").write_text('{"a": 1}')
    (project.path / "items").write_bytes("ä\r\n\nb c\n".encode())
    id = project.out("create", "t", "--config", "@config", "--items", "items")
    assert project.job(id)["bgjobs"]["plan"] == ["ä", "b c"]
    assert project.job(id)["config"] == {"type": "t", "a": 1} and project.info(id)["total"] == 2
    id = project.out("create", "t", "--items", "-", "-0", input="x\ny\0z\0")
    assert project.job(id)["bgjobs"]["plan"] == ["x\ny", "z"]


def test_ensure_finds_the_unfinished_job_of_a_key(project):
    id = project.out("ensure", "t", "--key", "k")
    assert project.out("ensure", "t", "--key", "k") == id
    assert project.out("create", "t", "--key", "k") == id
    assert project.out("ensure", "u", "--key", "k") != id
    project.run("start", id)
    project.run("complete", id)
    assert project.out("ensure", "t", "--key", "k") != id


def test_the_loop_of_a_script(project):
    script = """
      set -eu
      id=$(printf '%s\\n' a b c d | bgjobs create t --items -)
      bgjobs start "$id" --owner-pid $$
      while item=$(bgjobs next "$id"); do
        bgjobs update "$id" --item "$item"
        if [ "$item" = c ]; then bgjobs failed "$id" "$item" --why "no c"
        else bgjobs done "$id" "$item"; fi
      done
      bgjobs complete "$id" --result '{"ok": 3}' || [ $? = 7 ]
      echo "$id"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    job = project.job(done.stdout.strip())
    assert job["status"] == "completed" and job["result"] == {"ok": 3}
    assert job["progress"]["itemsCompleted"] == ["a", "b", "d"]
    assert job["progress"]["itemsFailed"] == ["c"]


def test_update_takes_the_members_of_the_seed(project):
    id = project.out("create", "t", "--total", 10)
    project.run("start", id)
    project.run(
        "update",
        id,
        "--current",
        4,
        "--item",
        "x",
        "--done",
        "a",
        "--failed",
        "b",
        "--why",
        "because",
        "--total",
        20,
        "--cursor",
        '{"page": 7}',
    )
    info = project.info(id)
    assert (info["current"], info["total"], info["currentItem"]) == (4, 20, "x")
    assert (info["itemsCompleted"], info["itemsFailed"]) == (1, 1)
    assert "page" in project.out("show", id) and "b: because" in project.out("show", id)
    project.run("update", id, "--advance", 3)
    assert project.info(id)["current"] == 7


def test_done_takes_many_items(project):
    id = project.out("create", "t")
    project.run("start", id)
    project.run("done", id, "a", "b", "--", "-c", "a")
    project.run("done", id, "--items", "-", input="d\ne\n")
    assert project.job(id)["progress"]["itemsCompleted"] == ["a", "b", "-c", "d", "e"]


@pytest.mark.parametrize("owner", ["pid", "fd", "none"])
def test_the_end_of_the_owner_is_seen(project, owner):
    id = project.out("create", "t", "--total", 2)
    start = {
        "pid": 'bgjobs start "$1" --owner-pid $$',
        "fd": 'exec 9>lock; bgjobs start "$1" --owner-fd 9',
        "none": 'bgjobs start "$1"',
    }[owner]
    script = subprocess.Popen(
        ["bash", "-c", f"{start}; echo started; read", "bash", id],
        cwd=project.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert script.stdout.readline() == b"started\n"
    assert project.info(id)["status"] == "running"
    script.send_signal(signal.SIGKILL)
    script.wait()
    info = project.info(id)
    if owner == "none":
        assert info["status"] == "running" and "ownerPid" not in info
    else:
        assert (info["status"], info["reason"]) == ("paused", "interrupted")
        project.run("start", id, "--owner-pid", os.getpid())
        assert project.info(id)["status"] == "running"


def test_pause_resume_wait(project):
    id = project.out("create", "t", "--total", 2)
    project.run("start", id, "--owner-pid", os.getpid())
    project.run("pause", id, "--reason", "lunch", "--retry-after", "1h30m")
    info = project.info(id)
    assert (info["status"], info["reason"]) == ("paused", "lunch")
    assert 5390 < info["resumeAtMs"] / 1000 - time.time() <= 5401
    waiter = subprocess.Popen(
        ["bgjobs", "wait", id, "--for", "running", "--timeout", "30"], cwd=project.path
    )
    project.run("resume", id)
    assert waiter.wait(30) == 0
    assert project.info(id)["status"] == "running"


def test_a_rate_limit_ends_by_itself(project):
    id = project.out("create", "t", "--total", 2)
    project.run("start", id, "--owner-pid", os.getpid())
    project.run("rate-limited", id, "--retry-after", 1, "--provider", "github")
    info = project.info(id)
    assert info["reason"] == "rate-limit" and "Rate limit exceeded" in info["error"]
    project.run("wait", id, "--for", "running", "--timeout", "30")
    assert project.info(id)["status"] == "running"


@pytest.mark.parametrize("owner", [True, False])
def test_next_waits_while_the_job_is_paused(project, owner):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    project.run("start", id, *(["--owner-pid", os.getpid()] if owner else []))
    project.run("pause", id)
    waiter = subprocess.Popen(
        ["bgjobs", "next", "--wait", id], cwd=project.path, stdout=subprocess.PIPE
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(0.5)
    project.run("resume", id)
    assert waiter.communicate(timeout=30)[0] == b"a\n" and waiter.returncode == 0
    project.run("done", id, "a", "b")
    assert project.run("next", "-w", id, code=1).stderr == ""


@pytest.mark.parametrize("owner", [True, False])
def test_next_waits_through_a_rate_limit(project, owner):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    project.run("start", id, *(["--owner-pid", os.getpid()] if owner else []))
    project.run("rate-limited", id, "--retry-after", 1)
    assert project.out("next", "--wait", id) == "a"
    assert project.info(id)["status"] == "running"


@pytest.mark.parametrize("end", ["cancel", "cleanup"])
def test_next_does_not_wait_for_what_has_ended(project, end):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    project.run("start", id)
    project.run("pause", id)
    waiter = subprocess.Popen(["bgjobs", "next", "--wait", id], cwd=project.path)
    time.sleep(0.2)
    project.run("cancel", id)
    if end == "cleanup":
        project.run("cleanup", "--keep", "0", "--failed")
    assert waiter.wait(30) in ((9,) if end == "cancel" else (3, 9))


def test_next_does_not_wait_where_a_resume_would_not_help(project):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    script = subprocess.Popen(["sleep", "60"])
    project.run("start", id, "--owner-pid", script.pid)
    script.kill()
    script.wait()
    project.run("done", id, "b", code=8)
    for flags in ([], ["--wait"]):
        done = project.run("next", *flags, id, code=8)
        assert f"bgjobs start {id}" in done.stderr and done.stdout == ""


def test_retry_gives_failed_items_again(project):
    id = project.out("create", "t", "--items", "-", input="a\nb\n")
    project.run("start", id)
    project.run("done", id, "a")
    project.run("failed", id, "b", "--why", "x")
    project.run("complete", id, code=7)
    project.run("retry", id)
    assert project.info(id)["status"] == "pending" and project.info(id)["attempts"] == 2
    assert project.out("next", id) == "b"


def test_fail_and_cancel_say_why(project):
    for command in ("fail", "cancel"):
        id = project.out("create", "t")
        project.run("start", id)
        project.run(command, id, "--why", "no more money")
        assert "no more money" in project.info(id)["error"]


def test_plan_adds_items(project):
    id = project.out("create", "t")
    project.run("plan", id, "a", "b")
    project.run("plan", id, "--items", "-", input="b\nc\n")
    assert project.job(id)["bgjobs"]["plan"] == ["a", "b", "c"]


def test_where_the_project_is(project, tmp_path_factory):
    id = project.out("create", "t")
    deep = project.path / "a/b"
    deep.mkdir(parents=True)
    listed = json.loads(project.out("list", "--json", cwd=deep))
    assert [job["id"] for job in listed["jobs"]] == [id]
    other = tmp_path_factory.mktemp("other")
    for arguments, env in (
        (["list", "--project", project.path], {}),
        (["-C", project.path, "list"], {}),
        ([f"--project={project.path}", "list"], {}),
        (["list"], {"BGJOBS_PROJECT": str(project.path)}),
        (["-C", project.path], {}),
    ):
        assert id in project.out(*arguments, cwd=other, env=env)
    assert list(other.iterdir()) == []


def test_the_form_of_the_seed(project):
    active = project.out("create", "clone-repos", "--total", 2)
    project.run("start", active)
    done = project.out("create", "clone-repos", "--total", 2)
    project.run("start", done)
    project.run("complete", done)
    assert project.out() == project.out("list")
    assert project.out("--active") == project.out("list", "--active")
    assert active in project.out("--active") and done not in project.out("--active")
    assert project.out("--id", active) == project.out("show", active)
    project.run("pause", active)
    project.run("--resume", active)
    assert project.info(active)["status"] != "paused"


def test_twenty_five_reports_of_forty_processes(project):
    """Promise 3 through the shell, beside an owner that lives."""
    id = project.out("create", "t", "--total", 1000)
    project.run("start", id, "--owner-pid", os.getpid())
    script = 'for i in $(seq 25); do bgjobs done "$1" "$2-$i" || exit; done'
    writers = [
        subprocess.Popen(["bash", "-c", script, "bash", id, str(n)], cwd=project.path)
        for n in range(40)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 40
    progress = project.job(id)["progress"]
    assert len(progress["itemsCompleted"]) == 1000 == len(set(progress["itemsCompleted"]))
    assert progress["current"] == 1000 and progress["percentage"] == 100
    project.run("check")


@pytest.mark.parametrize("command", ("create", "ensure", "plan", "done", "run"))
@pytest.mark.parametrize("form", ("lines", "windows", "zeros"))
def test_a_byte_order_mark_is_no_part_of_the_first_item(project, command, form):
    end = {"lines": "\n", "windows": "\r\n", "zeros": "\0"}[form]
    mark = "\ufeff"
    (project.path / "names").write_bytes(f"{mark}a{end}{mark}b{end}".encode())
    options = ["--items", "names", *(["-0"] if form == "zeros" else [])]
    if command == "run":
        project.run("run", *options, "--", "true")
        ids = [job["id"] for job in project.jobs()]
        assert project.job(ids[0])["progress"]["itemsCompleted"] == ["a", f"{mark}b"]
        return
    if command in ("plan", "done"):
        id = project.out("create", "t")
        if command == "done":
            project.run("start", id)
        project.run(command, id, *options)
    else:
        more = ["--key", "k"] if command == "ensure" else []
        id = project.out(command, "t", *more, *options)
    job = project.job(id)
    names = job["progress"]["itemsCompleted"] if command == "done" else job["bgjobs"]["plan"]
    assert names == ["a", f"{mark}b"]


def test_a_byte_order_mark_is_no_part_of_json(project):
    (project.path / "config").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    id = project.out("create", "t", "--config", "@config")
    assert project.job(id)["config"]["a"] == 1
