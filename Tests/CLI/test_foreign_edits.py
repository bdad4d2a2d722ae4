"""What another tool writes into the state file between two commands, and what an old copy does."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from test_run import await_true


class Editor:
    """Another tool: reads, changes, and renames a new file over the old one."""

    def __init__(self, project):
        self.project = project

    def load(self):
        self.project.settle()
        return json.loads(self.project.state.read_text())

    def job(self, id):
        return next(job for job in self.load()["jobs"] if job.get("id") == id)

    def edit(self, change):
        document = self.load()
        change(document)
        new = self.project.state.with_suffix(".new")
        new.write_text(json.dumps(document))
        os.replace(new, self.project.state)

    def set(self, id, **members):
        def change(document):
            for job in document["jobs"]:
                if job.get("id") == id:
                    job.update(members)

        self.edit(change)

    def progress(self, id, **members):
        def change(document):
            for job in document["jobs"]:
                if job.get("id") == id:
                    job["progress"].update(members)

        self.edit(change)

    def copy(self):
        self.project.settle()
        shutil.copy(self.project.state, self.project.path / "old")

    def put_back(self):
        shutil.copy(self.project.path / "old", self.project.path / "again")
        os.replace(self.project.path / "again", self.project.state)


@pytest.fixture
def editor(project):
    project.run("create", "first")
    return Editor(project)


def publish(project):
    project.run("create", "other")


@pytest.fixture
def host():
    """A process that owns jobs, as a script does."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_warnings", "archived"])
@pytest.mark.parametrize("look", ["check", "show"])
def test_what_was_told_as_refused_stays_refused(project, editor, host, status, look):
    id = project.out("create", "t", "--items", "/dev/stdin", input="a\nb\nc\n")
    project.run("start", id, "--owner-pid", host.pid)
    project.run("done", id, "a")
    editor.set(id, status=status)
    told = project.run(look, *([id] if look == "show" else []), code=None).stdout
    assert status in told
    host.send_signal(signal.SIGKILL)
    host.wait()
    info = project.info(id)
    assert (info["status"], info["reason"]) == ("paused", "interrupted")
    publish(project)
    assert editor.job(id)["status"] == "paused"


def test_a_removal_that_was_told_as_refused(project, editor, host):
    id = project.out("create", "t")
    project.run("start", id, "--owner-pid", host.pid)
    editor.edit(lambda document: document.update(jobs=[]))
    assert "removed" in project.run("check", code=None).stdout
    host.send_signal(signal.SIGKILL)
    host.wait()
    assert project.info(id)["reason"] == "interrupted"


def test_an_orphan_check_that_pauses_leaves_it_interrupted(project, editor, host):
    id = project.out("create", "t")
    project.run("start", id, "--owner-pid", host.pid)
    host.send_signal(signal.SIGKILL)
    host.wait()
    editor.set(id, status="paused", error="orphaned")
    publish(project)
    info = project.info(id)
    assert (info["status"], info["reason"]) == ("paused", "interrupted")
    project.run("start", id)


def test_items_count_though_current_was_left_as_it_was(project, editor):
    id = project.out("create", "t", "--items", "/dev/stdin", input="1\n2\n3\n4\n")
    editor.progress(id, itemsCompleted=["1", "2"])
    assert project.info(id)["current"] == 2
    publish(project)
    project.run("start", id)
    project.run("done", id, "3", "4")
    project.run("complete", id)
    info = project.info(id)
    assert (info["current"], info["percentage"]) == (4, 100)


def test_a_current_that_was_said_counts(project, editor):
    id = project.out("create", "t", "--items", "/dev/stdin", input="1\n2\n3\n4\n")
    editor.progress(id, itemsCompleted=["1"], current=3)
    publish(project)
    assert project.info(id)["current"] == 3


def test_what_is_no_text_in_a_list_takes_nothing_else_with_it(project, editor):
    id = project.out("create", "t", "--items", "/dev/stdin", input="a\nb\nc\n")
    editor.progress(id, itemsCompleted=["a", 1, None, {}], itemsFailed=["b"])
    publish(project)
    progress = project.job(id)["progress"]
    assert progress["itemsCompleted"] == ["a"] and progress["itemsFailed"] == ["b"]
    assert project.out("next", id) == "c"


def test_a_status_that_is_left_out_says_nothing(project, editor):
    id = project.out("create", "t")
    project.run("start", id)
    editor.edit(lambda document: [job.pop("status") for job in document["jobs"]])
    publish(project)
    assert project.info(id)["status"] == "running"


def test_a_job_completed_by_mistake_can_be_taken_up(project, editor):
    id = project.out("create", "t", "--items", "/dev/stdin", input="a\nb\n")
    editor.set(id, status="completed")
    publish(project)
    project.run("retry", id)
    assert project.info(id)["status"] == "pending" and project.out("next", id) == "a"


@pytest.mark.parametrize("between", ["result", "progress"])
def test_an_old_copy_takes_no_items_back(project, editor, between):
    id = project.out("create", "t", "--items", "/dev/stdin", input="a\nb\nc\n")
    editor.copy()
    if between == "progress":
        editor.progress(id, x=1, itemsCompleted=["a", "b"], current=2)
    else:
        editor.progress(id, itemsCompleted=["a", "b"], current=2)
    publish(project)
    if between == "result":
        editor.set(id, result={"q": 1})
        publish(project)
    editor.put_back()
    publish(project)
    assert project.job(id)["progress"]["itemsCompleted"] == ["a", "b"]
    assert project.out("next", id) == "c"


@pytest.mark.parametrize("status, command", [("failed", "retry"), ("paused", "resume")])
def test_an_old_copy_takes_no_retry_and_no_resume_back(project, editor, status, command):
    id = project.out("create", "t", "--items", "/dev/stdin", input="a\nb\n")
    editor.set(id, status=status)
    editor.copy()
    publish(project)
    project.run(command, id)
    publish(project)
    editor.put_back()
    publish(project)
    assert project.info(id)["status"] == "pending"


@pytest.mark.parametrize("entry", [{"id": 5}, {"id": "same"}, "text", {"name": "none"}])
def test_an_entry_that_is_no_job_is_kept_once(project, editor, entry):
    if entry == {"id": "same"}:
        editor.edit(lambda document: document["jobs"].append({"id": "same", "n": "first"}))
    entry = {**entry, "log": []} if isinstance(entry, dict) else entry

    def same(one):
        if isinstance(entry, dict) and isinstance(one, dict):
            return one.get("id") == entry.get("id") and "log" in one
        return one == entry

    editor.edit(lambda document: document["jobs"].append(entry))
    publish(project)
    for n in range(6):

        def add(document, n=n):
            for one in document["jobs"]:
                if isinstance(one, dict) and same(one):
                    one["log"].append(n)

        editor.edit(add)
        publish(project)
    found = [one for one in editor.load()["jobs"] if same(one)]
    assert len(found) == 1 and (isinstance(entry, str) or found[0]["log"] == list(range(6)))
    editor.edit(
        lambda document: document.update(jobs=[one for one in document["jobs"] if not same(one)])
    )
    publish(project)
    assert not any(same(one) for one in editor.load()["jobs"])


def test_an_empty_file_under_the_lock_is_no_damage(project, editor):
    lock = project.state.with_name("background-jobs.lock")
    lock.write_text(f"{os.getpid()}\n{int(time.time() * 1000)}")
    text = project.state.read_text()
    project.state.write_text("")
    old = time.time() - 2
    os.utime(project.state, (old, old))
    project.run("create", "meanwhile")
    assert not list(project.state.parent.glob("*.corrupt-*"))
    project.state.write_text(text)
    lock.unlink()
    project.run("check")


@pytest.mark.parametrize("inside", [None, "pid"])
def test_a_directory_that_was_left_as_the_lock(project, editor, inside):
    editor.edit(lambda document: document.update(theirs=1))
    publish(project)
    lock = project.state.with_name("background-jobs.lock")
    lock.mkdir()
    if inside:
        (lock / inside).touch()
    before = time.time() - 60
    os.utime(lock, (before, before))
    id = project.out("create", "meanwhile")
    if inside:
        # It cannot be taken away: that is told, and nothing is lost.
        assert "background-jobs.lock" in project.run("check", code=5).stdout
        assert project.info(id)["status"] == "pending"
        (lock / inside).unlink()
        os.utime(lock, (before, before))
        publish(project)
    assert id in project.state.read_text()
    assert not lock.exists()
    project.run("check")


def test_the_lock_of_a_host_of_ours_is_its_own(project, editor):
    code = (
        "import bgjobs, os, time\n"
        "lock = '.specweave/state/background-jobs.lock'\n"
        "open(lock, 'w').write(f'{os.getpid()}\\n{int(time.time() * 1000)}')\n"
        "time.sleep(0.05)\n"
        "manager = bgjobs.JobManager('.')\n"
        "manager.create('t')\n"
        "manager.sync()\n"
        "print(os.path.exists(lock))\n"
    )
    root = __import__("conftest").ROOT
    build = __import__("conftest").BUILD
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code],
        cwd=project.path,
        env={
            **os.environ,
            "PYTHONPATH": str(root / "Bindings/Python/src"),
            "BGJOBS_LIBRARY": str(build / "libbgjobs.so"),
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n", done.stderr
    await_true(lambda: True)
