"""Managers and jobs, call by call."""

import dataclasses
import gc
import json
import os
import pickle
import random
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

import bgjobs
from bgjobs import ACTIVE, FINISHED, JobStatus, Outcome, errors


def test_a_whole_program_and_its_second_run(project):
    for expected in (["a", "b"], ["c"]):
        with bgjobs.JobManager(project) as manager:
            job = manager.ensure("clone-repos", "all", {"repositories": ["a", "b", "c"]})
            job.plan(["a", "b", "c"])
            given = []
            with job:
                for item in job.remaining():
                    given.append(item)
                    job.done(item)
                    if item == "b":
                        break
            assert given == expected
            expected_status = JobStatus.PAUSED if "b" in given else JobStatus.COMPLETED
            assert job.info().status is expected_status
    state = json.loads((project / ".specweave/state/background-jobs.json").read_text())
    [written] = state["jobs"]
    assert written["status"] == "completed"
    assert written["progress"]["itemsCompleted"] == ["a", "b", "c"]


def test_with_marks_interrupted_and_says_why(manager):
    job = manager.create("import-issues")
    with pytest.raises(ZeroDivisionError), job:
        assert job.info().owned
        1 / 0  # noqa: B018
    info = job.info()
    assert (info.status, info.reason) == (JobStatus.PAUSED, "interrupted")
    assert info.error == "ZeroDivisionError: division by zero"
    assert not info.owned


def test_with_says_why_whatever_is_in_it(manager):
    for message in ("a\0b", "x" * 5000, "é" * 5000, "\udcff", "\n", ""):
        job = manager.create("import-issues")
        with pytest.raises(KeyError), job:
            raise KeyError(message)
        assert job.info().error.startswith("KeyError")


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "leave"])
def test_with_lets_stand_what_was_done_inside(manager, end):
    job = manager.create("import-issues")
    with job:
        getattr(job, end)()
    status = {"complete": JobStatus.COMPLETED, "leave": JobStatus.PAUSED}
    assert job.info().status is status.get(end, JobStatus.FAILED)


def test_info(manager, job):
    job.set_total(4)
    job.update(current_item="a")
    job.done("b")
    job.failed("c", "why not")
    info = job.info()
    assert dataclasses.is_dataclass(info)
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.current = 5
    assert info.id == job.id and len(info.id) == 8
    assert (info.type, info.key, info.status_name) == ("import-issues", "all", "running")
    assert info.status is JobStatus.RUNNING and not info.finished
    assert (info.current, info.total, info.percentage, info.current_item) == (2, 4, 50, "a")
    assert (info.items_completed, info.items_failed, info.items_open) == (1, 1, 0)
    assert (info.error, info.completed, info.resume_at, info.reason) == (None,) * 4
    assert info.owned and info.attempts == 1 and info.owner_pid
    now = datetime.now(timezone.utc)
    assert timedelta(0) <= now - info.created < timedelta(minutes=1)
    assert info.active < timedelta(minutes=1)
    (listed,) = manager.list()  # a moment later
    assert listed == dataclasses.replace(info, updated=listed.updated, active=listed.active)
    unknown = manager.create("x").info()
    assert (unknown.key, unknown.total, unknown.eta, unknown.rate) == (None,) * 4


def test_lists(manager, job):
    manager.create("sync-external").complete()
    assert [one.type for one in manager.list()] == ["import-issues", "sync-external"]
    assert [one.type for one in manager.list(FINISHED)] == ["sync-external"]
    assert [one.type for one in manager.list(ACTIVE)] == ["import-issues"]
    assert [one.type for one in manager.list(JobStatus.RUNNING)] == ["import-issues"]
    assert manager.list(()) == []
    assert [one.id for one in manager.list(type="import-issues")] == [job.id]
    assert manager.cleanup(0) == 1
    assert len(manager.list()) == 1


def test_an_edit_just_before_a_publication(project, manager, job):
    """What another tool added less than 20 ms before a publication stays removed."""
    manager.sync()
    path = project / ".specweave/state/background-jobs.json"
    state = json.loads(path.read_text())
    theirs = {"id": "theirs", "type": "x", "status": "completed", "progress": {"current": 0}}
    state["jobs"].append(theirs)
    path.write_text(json.dumps(state))
    now = time.time() + 0.2
    os.utime(path, (now, now))  # however slow this test runs
    manager.sync()
    assert manager.cleanup(0) == 1
    assert [one.id for one in manager.list()] == [job.id]


def edit(project, change):
    """Another tool reads the state file, changes it and puts it back."""
    path = project / ".specweave/state/background-jobs.json"
    state = json.loads(path.read_text())
    change(state)
    path.with_suffix(".new").write_text(json.dumps(state))
    path.with_suffix(".new").rename(path)


THEIRS = {"id": "theirs", "type": "x", "status": "pending", "progress": {"current": 0}}


def test_an_edit_that_was_shown_before_a_publication_by_a_report(project, manager, job):
    manager.sync()
    edit(project, lambda state: state["jobs"].append(THEIRS))
    assert len(manager.list()) == 2
    job.done("a")  # with it, the state is published
    with bgjobs.JobManager(project) as other:
        assert [one.id for one in other.list()] == [job.id, "theirs"]


def test_a_transition_knows_what_another_tool_has_just_edited(project, manager, job):
    job.leave()
    manager.sync()
    edit(project, lambda state: state["jobs"][0].update(status="completed"))
    with pytest.raises(bgjobs.JobFinished):
        job.start()
    assert manager.cleanup(0) == 1


def test_a_file_that_is_being_written_delays_no_transition(project, manager, job):
    manager.sync()
    path = project / ".specweave/state/background-jobs.json"
    whole = path.read_text()
    path.write_text(whole[:-9])
    before = time.monotonic()
    job.pause()
    job.resume()
    job.leave()
    assert time.monotonic() - before < 1
    assert job.info().reason == "interrupted"
    path.write_text(whole)


def test_a_status_that_was_not_edited_keeps_its_reason(project, manager, job):
    """Whatever the order of the items: an owner and its helper report in two files."""
    with bgjobs.JobManager(project) as other:
        job.done("a")
        other.find(job.id).done("b")
        job.done("c")
        job.pause("lunch")
        job.leave()
    manager.sync()
    edit(project, lambda state: state["jobs"][0]["progress"]["itemsCompleted"].reverse())
    assert manager.create("x") and job.info().reason == "lunch"


def test_a_status_edit_of_a_job_that_has_not_started(project, manager):
    job = manager.create("x")
    manager.sync()
    edit(project, lambda state: state["jobs"][0].update(status="completed"))
    assert job.info().status is JobStatus.COMPLETED and job.info().started is None


def test_a_status_edit_ends_a_detached_job(project, manager):
    manager.create("x").start(detached=True)
    manager.sync()
    edit(project, lambda state: state["jobs"][0].update(status="completed"))
    assert manager.cleanup(0) == 1


def test_a_status_edit_keeps_why_items_failed(project, manager, job):
    job.failed("a", "because")
    job.leave()
    manager.sync()
    edit(project, lambda state: state["jobs"][0].update(status="pending"))
    manager.create("x")
    assert job.json()["bgjobs"]["failures"] == {"a": "because"}


def test_unplanned_items_do_not_hide_what_is_open(job):
    job.plan(["a", "b", "c"])
    for item in ("x", "y", "z", "a"):
        job.done(item)
    info = job.info()
    assert (info.current, info.total, info.items_open, info.percentage) == (4, 3, 2, 66)
    job.done("b")
    job.done("c")
    assert job.info().percentage == 100


def test_items_come_in_the_order_of_the_plan(manager, job):
    job.failed("c", "known before it is planned")
    job.plan(list("abc"))
    assert [job.next()[1] for _ in "abc"] == ["a", "b", None]
    job.fail()
    job.retry()
    job.plan(list("z"))
    assert [job.next()[1] for _ in "abcz"] == ["a", "b", "c", "z"], "anew after a retry"


def test_a_plan_and_a_total_in_two_files(project, manager, job):
    """A plan that raises the total is in the journal, what the owner said before in its log."""
    job.set_total(1)
    job.plan(list("abc"))
    assert job.info().total == 3
    with bgjobs.JobManager(project) as other:
        assert other.find(job.id).info().total == 3


def test_the_current_item_and_the_report_of_another(project, manager, job):
    """That the item is done is in the journal, that it is the current one in the owner's log."""
    job.update(current_item="a")
    with bgjobs.JobManager(project) as other:
        other.find(job.id).done("a")
    assert job.info().current_item is None
    with bgjobs.JobManager(project) as other:
        assert other.find(job.id).info().current_item is None


def state_of(project):
    return project / ".specweave/state/background-jobs.json"


@pytest.mark.parametrize(
    "progress",
    [
        None,
        {"current": 1, "total": 3, "itemsCompleted": None, "itemsFailed": []},
        {"current": 1, "total": 3, "itemsCompleted": ["x", 5], "itemsFailed": []},
        {"current": 1, "total": 3, "itemsCompleted": ["x"], "itemsFailed": {}},
    ],
)
def test_lists_of_no_items_take_none_away(project, manager, job, progress):
    job.plan(["x", "y", "z"])
    job.done("x")
    job.leave()
    manager.sync()
    state = json.loads(state_of(project).read_text())
    state["jobs"][0]["progress"] = progress
    state["jobs"][0]["status"] = "pending"
    state_of(project).write_text(json.dumps(state))
    manager.sync()
    info = job.info()
    assert job.is_done("x") and (info.current, info.total, info.items_completed) == (1, 3, 1)
    assert info.status is JobStatus.PENDING
    written = json.loads(state_of(project).read_text())["jobs"][0]["progress"]
    assert written["itemsCompleted"] == ["x"] and written["itemsFailed"] == []


def test_what_another_tool_adds_to_progress_or_says_of_times(project, manager, job):
    job.leave()
    manager.sync()
    state = json.loads(state_of(project).read_text())
    state["jobs"][0]["progress"]["note"] = "theirs"
    state["jobs"][0]["startedAt"] = "2020-01-02T03:04:05.000Z"
    state_of(project).write_text(json.dumps(state))
    manager.sync()
    job.pause("mine")
    manager.sync()
    [written] = json.loads(state_of(project).read_text())["jobs"]
    assert written["progress"]["note"] == "theirs"
    assert written["startedAt"] == "2020-01-02T03:04:05.000Z"


def test_numbers_that_are_none_of_ours_prove_no_loss(project, manager, job):
    job.done("x")
    manager.sync()
    state = json.loads(state_of(project).read_text())
    state["jobs"][0]["bgjobs"]["rev"] = 10**9
    state_of(project).write_text(json.dumps(state))
    for _ in range(5):
        assert [info.current for info in manager.list()] == [1]
    job.complete()
    manager.sync()
    assert json.loads(state_of(project).read_text())["jobs"][0]["status"] == "completed"
    assert not list(state_of(project).parent.rglob("*.corrupt-*"))


def test_a_cut_log_takes_nothing_of_others(project, python):
    """What the state file does not have yet, but the journal."""
    child = python(
        """
        import bgjobs, os, signal, sys
        manager = bgjobs.JobManager(".")
        job = manager.ensure("x", "all")
        job.start()
        for n in range(20):
            job.done(f"mine-{n}")
        manager.sync()
        print(job.id, flush=True)
        sys.stdin.read()
        """,
        stdin=subprocess.PIPE,
    )
    id = child.stdout.readline().strip()
    helper = python(
        """
        import bgjobs, sys
        job = bgjobs.JobManager(".").find(sys.argv[1])
        for n in range(30):
            job.done(f"others-{n}")
        print("done", flush=True)
        sys.stdin.read()
        """,
        id,
        stdin=subprocess.PIPE,
    )
    assert helper.stdout.readline() == "done\n"
    for one in (child, helper):
        one.kill()
        one.wait()
    [log] = (project / ".specweave/state/background-jobs.d").glob("log-*")
    log.write_bytes(log.read_bytes()[:-3])
    with bgjobs.JobManager(project) as manager:
        job = manager.find(id)
        job.start()
        assert all(job.is_done(f"others-{n}") for n in range(30))
        assert all(job.is_done(f"mine-{n}") for n in range(20))


def test_spellings_that_unicode_calls_equivalent_differ(project, manager):
    one, other = "\u00e9", "e\u0301"
    job = manager.ensure("x", one)
    assert job.id != manager.ensure("x", other).id
    assert [info.key for info in manager.list()] == [one, other]
    manager.sync()
    path = project / ".specweave/state/background-jobs.json"
    for spelling in (one, other):
        state = json.loads(path.read_text())
        state["jobs"][0]["config"] = {"type": "x", "name": spelling}
        path.write_text(json.dumps(state))
        manager.sync()
        assert job.config["name"] == spelling


@pytest.mark.parametrize("seed", range(5))
def test_what_a_worker_knows_is_what_its_log_says(project, manager, job, seed):
    """Most reports of a quick worker go a shorter way than those of the others."""
    dice = random.Random(seed)
    names = [f"item-{n}" for n in range(400)] + ["x", "\u00e9" * 40, "y" * 4096, "z" * 300]
    job.plan(dice.sample(names, 100))
    with bgjobs.JobManager(project) as other:
        for round in range(60):
            for _ in range(40):
                name = dice.choice(names)
                what = dice.randrange(20)
                if what == 0:
                    job.failed(name, "why")
                elif what == 1:
                    job.update(current_item=dice.choice(["", name]), current=dice.randrange(9))
                elif what < 10:
                    job.update(current_item=dice.choice(["", "a", *names[-9:]]), done=name)
                else:
                    job.done(name)
            if round % 3 == 0:
                job.update(current_item=f"new-{round}")
                job.done(f"new-{round}")
            folded, known = other.find(job.id).json(), job.json()
            for one in folded, known:
                one["progress"].pop("eta", None)
            assert folded == known
        assert all(other.find(job.id).is_done(name) == job.is_done(name) for name in names)


def test_in_whatever_order_an_owner_and_its_helper_are_read(project, manager):
    """The owner does not look at each report; who opens the project reads the journal first."""
    dice = random.Random(4)
    with bgjobs.JobManager(project) as other:
        for _ in range(60):
            long = "-" * dice.choice([0, 0, 4000])  # so that the journal is compacted
            owner = manager.create("x", total=dice.choice([0, 3]))
            owner.start()
            helper = other.find(owner.id)
            for _ in range(dice.randint(1, 25)):
                item, another = (dice.choice("abcdef") + long for _ in range(2))
                job = dice.choice([owner, helper])
                what = dice.randint(0, 5 if job is helper else 9)
                if what < 2:
                    job.done(item)
                elif what == 2:
                    job.failed(item, dice.choice([None, "b", "c", "d"]))
                elif what == 3:
                    job.plan([one + long for one in dice.sample("abcdefgh", 3)])
                elif what == 4:
                    job.advance(dice.randint(-1, 2))
                elif what == 5:
                    job.update(done=item, failed=another)
                elif what == 6:
                    job.set_total(dice.randint(0, 9))
                elif what == 7:
                    job.update(current=dice.randint(0, 9))
                else:
                    job.update(current_item=item, done=dice.choice([None, another]))
            with bgjobs.JobManager(project) as late:
                seen = [whatever_the_order(job) for job in (owner, helper, late.find(owner.id))]
            assert seen[0] == seen[1] == seen[2]


def whatever_the_order(job):
    found = job.json()
    progress, ours = found["progress"], found["bgjobs"]
    for name in ("itemsCompleted", "itemsFailed"):
        progress[name].sort()
    for name in ("rate", "eta"):
        progress.pop(name, None)
    whys, plan = ours.get("failures", {}), ours.get("plan", [])
    return progress, whys, plan, found["updatedAt"], ours["rev"], job.info().items_open


def test_check_finds_a_damaged_record_in_a_log(project, manager, job):
    for n in range(30):
        job.done(f"item-{n}")
    assert "30 records" in manager.check()
    [log] = (project / ".specweave/state/background-jobs.d").glob("log-*")
    data = bytearray(log.read_bytes())
    data[200] ^= 0xFF
    log.write_bytes(data)
    with pytest.raises(bgjobs.Damaged, match=r"log-.*byte.*damaged"):
        manager.check()


def test_json_in_and_out(manager):
    config = {"a": [1, 2.5, None, True, "é\U0001f600"], "type": "other", "deep": {"b": {}}}
    job = manager.create("x", config)
    assert job.config == config
    assert job.cursor is None
    job.start()
    job.cursor = {"page": 3}
    assert job.cursor == {"page": 3}
    for value in (0, "", [], None, False):
        job.set_cursor(value)
        assert job.cursor == value
    job.complete({"found": 12})
    assert job.json()["result"] == {"found": 12}
    with pytest.raises(ValueError):
        manager.create("x", {"a": float("nan")})


def test_outcomes(manager, job):
    assert job.done("a") is Outcome.OK and not job.done("a")
    assert job.pause("lunch", retry_after=0.1) is Outcome.OK
    # The owner sees a pause 30 ms later, or at once if it is its own.
    assert job.done("b") is Outcome.PAUSED
    assert job.update(current_item="c") is Outcome.PAUSED
    assert job.is_done("b") and not job.is_done("c")
    assert job.info().reason == "lunch"
    job.resume()
    assert job.done("c") is Outcome.OK
    assert job.next() == (Outcome.END, None)


def test_waiting(manager, job):
    with pytest.raises(TimeoutError) as caught:
        job.wait(JobStatus.PAUSED, timeout=0.25)
    assert isinstance(caught.value, bgjobs.WaitTimeout)
    assert job.wait(JobStatus.RUNNING) is JobStatus.RUNNING
    job.rate_limited("github", 1)
    assert job.info().reason == "rate-limit"
    assert job.info().resume_at > datetime.now(timezone.utc)
    job.wait_resumed(timeout=30)
    assert job.info().status is JobStatus.RUNNING
    job.cancel("enough")
    with pytest.raises(bgjobs.JobFinished):
        job.wait_resumed()
    assert job.wait(FINISHED, timeout=0) is JobStatus.FAILED


def test_a_clock_of_ones_own(project):
    ahead = 0
    asked = set()

    def clock(which):
        asked.add(which)
        return 1_700_000_000_000_000_000 + ahead

    with bgjobs.JobManager(project, clock=clock) as manager:
        job = manager.create("x")
        job.start()
        job.rate_limited(seconds=3600)
        with pytest.raises(bgjobs.WaitTimeout):
            job.wait_resumed(0)
        gc.collect()
        ahead = 3_601_000_000_000
        job.wait_resumed(30)
        assert job.info().created == datetime.fromtimestamp(1_700_000_000, timezone.utc)
    assert {bgjobs.Clock.REALTIME, bgjobs.Clock.MONOTONIC} <= asked <= set(bgjobs.Clock)


def test_retry(manager, job):
    job.failed("a", "no")
    job.done("b")
    job.fail("a failed")
    with pytest.raises(bgjobs.JobFinished):
        job.done("a")
    job.retry()
    info = job.info()
    assert (info.status, info.attempts) == (JobStatus.PENDING, 2)
    assert (info.items_completed, info.items_failed) == (1, 0)


def test_detached(manager, project):
    job = manager.create("x")
    job.start(detached=True)
    with bgjobs.JobManager(project) as other:
        other.find(job.id[:4]).done("a")
    assert job.is_done("a") or job.info().items_completed == 1
    assert not job.info().owned
    with pytest.raises(bgjobs.Invalid):
        manager.create("x").start(owner_pid=1)
    with pytest.raises(bgjobs.Invalid):
        manager.create("x").start(owner_fd=0)


def test_owner_fd(manager, tmp_path):
    job = manager.create("x")
    with open(tmp_path / "lock", "w") as file:
        job.start(detached=True, owner_fd=file.fileno())
        assert job.info().status is JobStatus.RUNNING
    assert job.info().reason == "interrupted"


BUILTINS = {
    errors.JobFinished: RuntimeError,
    errors.Invalid: ValueError,
    errors.NotFound: LookupError,
    errors.ProjectNotFound: FileNotFoundError,
    errors.Ambiguous: LookupError,
    errors.IllegalTransition: RuntimeError,
    errors.Busy: RuntimeError,
    errors.WaitTimeout: TimeoutError,
    errors.Damaged: OSError,
    errors.IOFailure: OSError,
    errors.NoSpace: OSError,
    errors.NoMemory: MemoryError,
    errors.Unsupported: OSError,
    errors.Forked: RuntimeError,
    errors.TakenAhead: RuntimeError,
    errors.WorkerDied: RuntimeError,
    errors.ItemsFailed: RuntimeError,
}


@pytest.mark.parametrize("kind", BUILTINS)
def test_exceptions(kind):
    error = kind("what and where", 28)
    assert isinstance(error, (bgjobs.BgjobsError, BUILTINS[kind]))
    assert issubclass(kind, BUILTINS[kind])
    assert (str(error), error.message, error.os_error) == ("what and where", "what and where", 28)
    if isinstance(error, OSError):
        assert error.errno == 28
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.os_error) == (kind, str(error), 28)


def test_all_statuses_have_an_exception():
    from bgjobs import _ffi

    numbers = {v for k, v in vars(_ffi).items() if k.startswith("BGJ_") and isinstance(v, int)}
    names = {n: _ffi.bgj_status_name(n).decode() for n in numbers if 10 <= n < 32}
    failures = {n for n, name in names.items() if name != "BGJ_?"}
    assert failures == set(errors.BY_STATUS)


def test_what_cannot_be_done(project, manager, job):
    with pytest.raises(bgjobs.Unsupported, match="postgres://"):
        bgjobs.JobManager("postgres://host/db")
    with pytest.raises(bgjobs.ProjectNotFound):
        bgjobs.JobManager(project / "nowhere")
    with pytest.raises(LookupError, match="nothing"):
        manager.find("nothing")
    with pytest.raises(bgjobs.IllegalTransition, match=job.id):
        job.retry()
    with bgjobs.JobManager(project) as other:
        with pytest.raises(bgjobs.Busy):
            other.find(job.id).start()
        with pytest.raises(bgjobs.IllegalTransition):
            other.find(job.id).leave()
    with bgjobs.JobManager(project, read_only=True) as reader:
        assert reader.find(job.id).info().status is JobStatus.RUNNING
        with pytest.raises(bgjobs.Unsupported):
            reader.create("x")


@pytest.mark.parametrize("item", ["", "a\0b", "x" * 4097, "\ud800"])
def test_no_item(job, item):
    for report in (
        job.done,
        job.failed,
        lambda item: job.plan(["a", item]),
        lambda item: job.update(done=item),
    ):
        with pytest.raises(ValueError):
            report(item)
    assert job.info().current == 0 and job.info().items_open == 0


def test_arguments_of_another_type(manager, job):
    for item in (b"a", 1, None, ["a"]):
        with pytest.raises(TypeError):
            job.done(item)
        with pytest.raises(TypeError):
            job.plan([item])
    for value in (2**63, -(2**64)):
        with pytest.raises(ValueError):
            job.advance(value)
        with pytest.raises(ValueError):
            job.set_total(value)
    with pytest.raises(ValueError):
        manager.cleanup(-1)
    with pytest.raises(ValueError):
        bgjobs.JobManager(".", lock_timeout=2**40)
    with pytest.raises(ValueError):
        bgjobs.JobManager(".", keep_completed=0)
    with pytest.raises(ValueError):
        job.update(current=-5)
    with pytest.raises(ValueError):
        job.wait([])


def test_with_leaves_what_remains(project):
    """Also where only the total says that something does."""
    with bgjobs.JobManager(project) as manager:
        job = manager.ensure("x", "pages", total=3)
        with job:
            job.advance(2)
        assert (job.info().status, job.info().reason) == (JobStatus.PAUSED, "interrupted")
        with job:
            job.failed("page 3")
        assert job.info().status is JobStatus.COMPLETED


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda job: job.done(5), TypeError, "item must be a str, not int"),
        (lambda job: job.done("\udce9"), ValueError, "UTF-8"),
        (lambda job: job.is_done("a\0b"), ValueError, "zero byte"),
        (lambda job: job.plan("abc"), TypeError, "several items"),
        (lambda job: job.update(current=-1), ValueError, "current is -1"),
        (lambda job: job.update(current=1.5), TypeError, "current must be an int, not float"),
        (lambda job: job.advance(1.5), TypeError, "count must be an int"),
        (lambda job: job.set_total(-1), ValueError, "total is -1"),
        (lambda job: job.rate_limited(seconds="3"), TypeError, "seconds must be a number"),
        (lambda job: job.rate_limited(seconds=float("inf")), ValueError, "seconds is inf"),
        (lambda job: job.pause(retry_after=-1), ValueError, "retry_after is -1"),
        (lambda job: job.wait("running"), TypeError, "one of JobStatus"),
        (lambda job: job.wait(FINISHED, float("nan")), ValueError, "timeout is nan"),
        (lambda job: job.start(owner_fd=2**32), ValueError, "owner_fd is 4294967296"),
        (lambda job: bgjobs.JobManager("a\0b"), ValueError, "zero byte"),
        (lambda job: bgjobs.JobManager(lock_timeout=float("inf")), ValueError, "lock_timeout"),
        (lambda job: job.manager.list(["running"]), TypeError, "one of JobStatus"),
        (lambda job: job.set_cursor(2**70), ValueError, "64 bits"),
        (lambda job: job.set_cursor({"a": ["\ud800"]}), ValueError, "half a character"),
        (lambda job: job.manager.create("x", {"a": [-(2**64)]}), ValueError, "64 bits"),
    ],
)
def test_what_is_wrong_says_so(job, call, error, words):
    with pytest.raises(error, match=words):
        call(job)
    assert job.info().status is JobStatus.RUNNING


def test_closed(project):
    manager = bgjobs.JobManager(project)
    job = manager.create("x")
    job.start()
    manager.close()
    manager.close()
    assert manager.closed and "closed" in repr(manager)
    for call in (manager.sync, manager.list, manager.check, lambda: manager.create("x")):
        with pytest.raises(ValueError, match="closed"):
            call()
    with pytest.raises(ValueError):
        job.done("a")
    with pytest.raises(ValueError, match="closed"):
        job.is_done("a")
    with bgjobs.JobManager(project) as other:
        assert other.find(job.id).info().reason == "interrupted"


def test_a_job_keeps_its_manager_open(project):
    job = bgjobs.JobManager(project).create("x")
    gc.collect()
    job.start()
    assert job.done("a") is Outcome.OK
    id = job.id
    del job
    gc.collect()
    with bgjobs.JobManager(project) as other:
        assert other.find(id).info().reason == "interrupted"


def test_check(project, manager, job):
    job.done("a")
    manager.sync()
    assert "journal" in manager.check()
    journal = project / ".specweave/state/background-jobs.d/journal"
    content = bytearray(journal.read_bytes())
    content[200] ^= 0xFF
    journal.write_bytes(content)
    with pytest.raises(bgjobs.Damaged) as caught:
        manager.check()
    assert "journal" in caught.value.report


def test_no_space(project, python):
    child = python(
        """
        import bgjobs, errno, resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        job = bgjobs.JobManager(".").create("x")
        job.start()
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))
        try:
            for i in range(100000):
                job.done("x" * 100 + str(i))
        except bgjobs.NoSpace as error:
            assert isinstance(error, OSError)
            print(error.errno in (errno.EFBIG, errno.ENOSPC), error)
        """
    )
    assert child.communicate(timeout=60)[0].startswith("True")
